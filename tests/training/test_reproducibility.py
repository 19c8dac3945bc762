"""Same seed, same bits: whatever the workers, the folder, a sweep or a kill."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from gnomon.commands.launch import launch
from gnomon.core.provenance import weights_sha256
from tests.conftest import TINY


def manifest(output):
    return json.loads((output / "manifest.json").read_text())


def test_two_runs_of_one_seed_have_the_same_weights(tiny_run, tmp_path):
    again = tmp_path / "run"
    assert launch("train", [*TINY, f"workspace={tmp_path}", f"output={again}"]) == 0
    assert manifest(again)["weights_sha256"] == manifest(tiny_run)["weights_sha256"]
    assert manifest(again)["dataset_sha256"] == manifest(tiny_run)["dataset_sha256"]


def test_the_hash_in_the_manifest_is_that_of_the_weights(tiny_run):
    state = load_file(tiny_run / "checkpoints" / "weights.safetensors")
    assert weights_sha256(state) == manifest(tiny_run)["weights_sha256"]


def test_loader_workers_change_no_bit(tiny_run):
    output = tiny_run.parent / "workers"
    arguments = [*TINY, f"workspace={tiny_run.parent}", f"output={output}", "training.data.workers=2"]
    assert launch("train", arguments) == 0
    assert manifest(output)["weights_sha256"] == manifest(tiny_run)["weights_sha256"]


def test_another_seed_gives_other_weights_and_a_sweep_the_same_as_alone(tiny_run):
    workspace = tiny_run.parent / "sweep"
    arguments = [*TINY, f"workspace={workspace}", f"hydra.sweep.dir={workspace}/sweep"]
    assert launch("train", ["-m", *arguments, "seed=1,2"]) == 0
    hashes = {}
    for path in workspace.glob("phantom-*/manifest.json"):
        found = json.loads(path.read_text())
        hashes[found["seed"]] = found["weights_sha256"]
    assert hashes[1] == manifest(tiny_run)["weights_sha256"]
    assert hashes[2] != hashes[1]
    alone = tiny_run.parent / "alone"
    assert launch("train", [*TINY, f"workspace={workspace}", f"output={alone}", "seed=2"]) == 0
    assert manifest(alone)["weights_sha256"] == hashes[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_killed_run_resumes_and_ends_with_the_same_weights(tiny_run, workers):
    workspace, output = tiny_run.parent, tiny_run.parent / f"killed-{workers}"
    longer = ["training.epochs=4", "training.steps_per_epoch=6", f"training.data.workers={workers}"]
    whole = workspace / f"whole-{workers}"
    assert launch("train", [*TINY, *longer, f"workspace={workspace}", f"output={whole}"]) == 0
    command = [sys.executable, "-m", "gnomon", "train", *TINY, *longer, f"workspace={workspace}", f"output={output}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    last = output / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 180
    while not last.is_file() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = torch.load(last, weights_only=True)
    assert 0 < saved["global_step"] < 24, "killed at the wrong moment to prove anything"
    assert not (output / "manifest.json").exists()
    assert launch("train", [*TINY, *longer, f"workspace={workspace}", f"output={output}"]) == 0
    assert manifest(output)["weights_sha256"] == manifest(whole)["weights_sha256"]
    rows = (output / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2", "3"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_kills_at_ten_random_moments_change_no_bit(tmp_path, workers):
    longer = [*TINY, "training.epochs=30", "training.steps_per_epoch=6", f"workspace={tmp_path}"]
    whole, output = tmp_path / "whole", tmp_path / "killed"
    assert launch("train", [*longer, f"output={whole}"]) == 0
    arguments = [*longer, f"output={output}", f"training.data.workers={workers}"]
    draw = random.Random(workers)
    for epochs_done in sorted(draw.sample(range(1, 28), 10)):
        process = subprocess.Popen([sys.executable, "-m", "gnomon", "train", *arguments], stdout=subprocess.DEVNULL)
        while _epochs_in(output) < epochs_done and process.poll() is None:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.2))  # somewhere in the steps after it
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert launch("train", arguments) == 0
    assert manifest(output)["weights_sha256"] == manifest(whole)["weights_sha256"]
    assert _epochs_in(output) == 30


def _epochs_in(output):
    table = output / "metrics.csv"
    return len(table.read_text().splitlines()) - 1 if table.is_file() else 0


def test_ctrl_c_stops_with_a_message_and_code_3(tiny_run):
    workspace, output = tiny_run.parent, tiny_run.parent / "stopped"
    settings = [*TINY, "training.epochs=500", f"workspace={workspace}", f"output={output}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gnomon", "train", *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs inherit it ignored
    )
    deadline = time.monotonic() + 180
    while not (output / "checkpoints" / "last.ckpt").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 3
    assert "the same command resumes from there" in said
    assert "Traceback" not in said


def test_a_run_does_not_resume_on_other_data(tiny_run, capsys):
    output = tiny_run.parent / "other"
    settings = [*TINY, f"workspace={tiny_run.parent}", f"output={output}"]
    assert launch("train", settings) == 0
    plan = json.loads((output / "plan.json").read_text())
    (output / "plan.json").write_text(json.dumps(plan | {"dataset_sha256": "0"}))
    (output / "manifest.json").unlink()
    assert launch("train", settings) == 2
    assert "USE114" in capsys.readouterr().err


@pytest.mark.slow
def test_the_phantom_experiment_learns(tmp_path):
    assert launch("train", ["experiment=phantom", f"workspace={tmp_path}", "trackers.wandb=off"]) == 0
    summary = json.loads(next(tmp_path.glob("phantom-*/evaluation/summary.json")).read_text())
    dice = {name: values["dice"] for name, values in summary["labels"].items()}
    assert min(dice["liver"], dice["spleen"]) >= 0.85
    assert dice["lesion"] >= 0.60
