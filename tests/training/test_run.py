from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
import wandb
import yaml
from safetensors.torch import load_file

from gnomon.commands.launch import launch
from gnomon.settings import TrackerSettings
from gnomon.training.trackers import TrackedRun, Tracker, TrackerLogger, open_trackers
from tests.conftest import TINY


def test_a_run_leaves_every_artifact(tiny_run):
    names = {path.relative_to(tiny_run).as_posix() for path in tiny_run.rglob("*") if path.is_file()}
    assert names >= {
        "config.yaml",
        "manifest.json",
        "metrics.csv",
        "plan.json",
        "report.html",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
        "checkpoints/weights.safetensors",
        "evaluation/cases.csv",
        "evaluation/summary.json",
    }
    assert (
        len(list((tiny_run / "predictions").iterdir()))
        == json.loads((tiny_run / "evaluation" / "summary.json").read_text())["n_cases"]
    )


def test_checkpoints_load_without_pickled_code(tiny_run):
    saved = torch.load(tiny_run / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 4


def test_the_manifest_names_seed_data_config_and_machine(tiny_run):
    manifest = json.loads((tiny_run / "manifest.json").read_text())
    assert manifest["config"] == yaml.safe_load((tiny_run / "config.yaml").read_text())
    assert manifest["deterministic_algorithms"] is True
    assert manifest["steps"] == 4
    assert manifest["seconds_to_weights"] > 0
    assert manifest["lock_sha256"]


def test_trackers_need_no_account_and_are_closed_between_runs(tmp_path, capfd):
    for name in ("first", "second"):
        with open_trackers(TrackerSettings(), tmp_path / name, name, {"seed": 1}) as loggers:
            for logger in loggers:
                logger.log_metrics({"loss": 1.0}, step=1)
        assert wandb.run is None
        assert len(list((tmp_path / name / "wandb").glob("offline-run-*/run-*.wandb"))) == 1
        assert list((tmp_path / name / "tensorboard").glob("events.out.tfevents.*"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("broken", ["open", "log", "show", "close"])
def test_a_tracker_that_fails_is_named_once_and_left_out(tmp_path, capsys, broken):
    calls = []

    def part(name):
        def act(*_):
            calls.append(name)
            if name == broken:
                raise OSError("no connection")

        return act

    run = TrackedRun(folder=tmp_path, name="r", config={}, settings=TrackerSettings())
    tracker = Tracker(**{name: part(name) for name in ("open", "log", "show", "close")})
    logger = TrackerLogger("mine", tracker, run)
    for step in range(2):
        logger.log_metrics({"loss": 1.0}, step)
        logger.show("picture", np.zeros((2, 2, 3), np.uint8), step)
    logger.close()
    assert capsys.readouterr().out.count("the tracker mine failed") == 1
    assert calls.count(broken) == 1 and calls[-1] == broken


def test_the_metrics_table_has_one_row_per_epoch(tiny_run):
    with (tiny_run / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(float(row["loss"]) > 0 and "patch_dice/lesion" in row for row in rows)


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_the_batch(tiny_run, capsys, monkeypatch):
    output = tiny_run.parent / "diverged"
    calls = []

    def breaks_down(*_):
        def loss(logits, label, annotated):
            calls.append(1)
            return logits.mean() * (float("nan") if len(calls) > 6 else 1.0)

        return loss

    monkeypatch.setattr("gnomon.tasks.segmentation.build_loss", breaks_down)
    assert (
        launch("train", [*TINY, "training.steps_per_epoch=9", f"workspace={tiny_run.parent}", f"output={output}"]) == 2
    )
    said = capsys.readouterr().err
    assert "TRN101" in said and "Traceback" not in said
    (batch,) = (output / "replay").glob("*.safetensors")
    kept = load_file(batch)
    assert set(kept) == {"image", "label", "annotated"}
    assert torch.isfinite(kept["image"]).all()
    assert not (output / "manifest.json").exists()
