"""Options of a training, each as a user sets it."""

from __future__ import annotations

import json
import time

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file, save_file

from gnomon.commands.launch import launch
from gnomon.dataset.dataset import read_dataset
from gnomon.rules.finding import Refusal
from gnomon.settings import TrackerSettings, TrainSettings
from gnomon.tasks.segmentation import SEGMENTATION
from gnomon.training.job import Job
from gnomon.training.module_parts import ModuleParts, check_module
from gnomon.training.ranks import start_other_ranks
from tests.conftest import TINY, kill_at_first_checkpoint


def trained(tiny_run, name, *settings):
    """A run in the tiny run's workspace: exit code, its folder."""
    output = tiny_run.parent / name
    return launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={output}", *settings]), output


def manifest(output):
    return json.loads((output / "manifest.json").read_text())


def weights(output):
    return load_file(output / "checkpoints" / "weights.safetensors")


def largest_difference(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


LONGER = ["training.epochs=4", "training.steps_per_epoch=5", "training.optimiser.learning_rate=0.002"]


def test_two_processes_learn_what_one_learns_and_resume_after_a_kill(tiny_run):
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))  # as each of two has: sums over voxels round by the number of threads
    try:
        code, alone = trained(tiny_run, "alone-20", *LONGER)
    finally:
        torch.set_num_threads(threads)
    assert code == 0
    code, shared = trained(tiny_run, "shared-20", *LONGER, "training.devices=2")
    assert code == 0
    assert torch.get_num_threads() == threads, "the next run in this process would round otherwise"
    assert largest_difference(weights(alone), weights(shared)) < 1e-5
    killed = tiny_run.parent / "shared-killed"
    arguments = [*TINY, f"workspace={tiny_run.parent}", f"output={killed}", *LONGER, "training.devices=2"]
    assert kill_at_first_checkpoint(arguments, killed) < 20
    assert launch("train", arguments) == 0
    assert manifest(killed)["resumed"]
    assert manifest(killed)["weights_sha256"] == manifest(shared)["weights_sha256"]


class OwnModule(pl.LightningModule):
    """The least that a module of a user needs."""

    def __init__(self, parts):
        super().__init__()
        self.net, self.parts = parts.net, parts

    def training_step(self, batch, _index):
        return self.parts.loss(self.net(batch["image"])[0], batch["label"], batch["annotated"])

    def validation_step(self, batch, _index):
        self.log("score", -self.parts.loss(self.net(batch["image"])[0], batch["label"], batch["annotated"]))

    def configure_optimizers(self):
        return self.parts.configure_optimizers()


def test_a_module_of_ones_own_is_trained_resumed_averaged_and_predicts(tiny_run, monkeypatch):
    monkeypatch.setattr("gnomon.training.job.find_module", lambda name: {"own": OwnModule}[name])
    code, output = trained(tiny_run, "own-module", "training.module=own")
    assert code == 0
    assert set(weights(output)) == set(weights(tiny_run)), "the weights that prediction loads"
    assert (output / "checkpoints" / "best.ckpt").is_file() and (output / "evaluation" / "summary.json").is_file()
    (output / "manifest.json").unlink()
    before = weights(output)
    code, output = trained(tiny_run, "own-module", "training.module=own")
    assert code == 0 and manifest(output)["resumed"] and largest_difference(before, weights(output)) == 0


@pytest.mark.parametrize("wrong", [lambda parts: parts.net, lambda parts: pl.LightningModule()])
def test_a_module_that_prediction_could_not_use_is_refused(wrong):
    parts = ModuleParts(net=torch.nn.Identity(), labels=(), loss=None, optimiser=None, progress=None, plan=None)
    with pytest.raises(Refusal, match="EXT103"):
        check_module(wrong(parts), parts, "wrong")
    assert check_module(OwnModule(parts), parts, "own").net is parts.net


def test_a_module_that_no_package_provides_is_refused(tiny_run, capsys):
    assert trained(tiny_run, "no-module", "training.module=nowhere")[0] == 2
    assert "training.module" in capsys.readouterr().err


def test_a_process_that_fails_is_named(tiny_run):
    dataset = read_dataset(next(tiny_run.parent.glob("data/phantom-*/dataset")))
    settings = TrainSettings(devices=2, accelerator="cpu")
    tracking, task = TrackerSettings(False, "off"), SEGMENTATION.learning
    job = Job(task, dataset, {"name": "nope"}, settings, 1, tiny_run / "gone", tracking, {})
    with pytest.raises(Refusal, match="TRN102"), start_other_ranks(job):
        time.sleep(0.1)


def test_activation_checkpointing_changes_no_more_than_rounding(tiny_run):
    code, output = trained(tiny_run, "recomputed", "training.activation_checkpointing=true")
    assert code == 0
    assert largest_difference(weights(output), weights(tiny_run)) < 1e-5


@pytest.mark.slow
def test_a_compiled_net_learns_the_same(tiny_run):
    code, output = trained(tiny_run, "compiled", "training.compile=true")
    assert code == 0
    assert largest_difference(weights(output), weights(tiny_run)) < 1e-3


def test_a_run_under_a_deadline_ends_on_time_and_its_knots_repeat_it(tiny_run):
    code, timed = trained(tiny_run, "timed", "training.max_minutes=0.1")
    assert code == 0
    facts = manifest(timed)
    assert facts["steps"] >= 2
    knots = json.dumps(facts["knots"]).replace(" ", "")
    code, again = trained(tiny_run, "timed-again", f"training.knots={knots}")
    assert code == 0
    assert manifest(again)["weights_sha256"] == facts["weights_sha256"]


def test_patience_stops_a_run_early_and_the_manifest_records_its_steps(tiny_run):
    settings = ["training.epochs=9", "training.patience=2", "training.optimiser.learning_rate=0"]
    code, output = trained(tiny_run, "patient", *settings)
    assert code == 0
    assert manifest(output)["steps"] == 6


def test_a_run_starts_from_the_weights_of_another(tiny_run, capsys):
    code, output = trained(
        tiny_run,
        "finetuned",
        f"training.start_from={tiny_run}",
        "training.optimiser.learning_rate=0",
        "training.optimiser.weight_decay=0",
    )
    assert code == 0
    assert largest_difference(weights(output), weights(tiny_run)) < 1e-6
    assert manifest(output)["started_from_sha256"]


def test_heads_for_other_labels_keep_their_initial_weights_and_another_net_is_refused(tiny_run, tmp_path, capsys):
    found = weights(tiny_run)
    other = {
        name: torch.zeros(9, *value.shape[1:]) if name.startswith("heads.") else value for name, value in found.items()
    }
    save_file(other, tmp_path / "other.safetensors")
    code, _ = trained(tiny_run, "heads", f"training.start_from={tmp_path / 'other.safetensors'}")
    assert code == 0
    assert "keeps its initial weights" in capsys.readouterr().out
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    (tmp_path / "y.safetensors").write_bytes(b"nothing")
    for name, rule in (("x", "USE118"), ("y", "USE118"), ("z", "USE105")):
        code, _ = trained(tiny_run, f"bad-{name}", f"training.start_from={tmp_path / name}.safetensors")
        assert code == 2
        assert rule in capsys.readouterr().err


def test_a_profile_shows_where_the_time_goes(tiny_run, capsys):
    code, output = trained(tiny_run, "profiled", "training.profile=true", "training.steps_per_epoch=10")
    assert code == 0
    assert "waiting for data" in capsys.readouterr().out
    assert "aten::" in (output / "profile.txt").read_text()


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("training.devices=3", "USE117"),
        ("training.precision=16-mixed", "USE117"),
        ("training.max_minutes=-1", "USE115"),
        ("training.loss.class_weights=[1,2]", "USE115"),
    ],
)
def test_settings_that_the_machine_or_data_do_not_allow_are_refused_before_training(tiny_run, setting, rule, capsys):
    code, _ = trained(tiny_run, "refused", setting, "training.accelerator=cpu")
    assert code == 2
    assert rule in capsys.readouterr().err
