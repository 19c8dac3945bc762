from __future__ import annotations

import json

import pytest

from gnomon.commands.launch import launch
from gnomon.training.profiling import StepProfiler
from tests.conftest import TINY


def debugged(tiny_run, kind, *settings):
    output = tiny_run.parent / f"debug-{kind}"
    plain = [setting for setting in TINY if not setting.startswith(("training.epochs", "training.steps", "trackers"))]
    arguments = [*plain, f"debug={kind}", f"workspace={tiny_run.parent}", f"output={output}", *settings]
    assert launch("train", arguments) == 0
    return output, json.loads((output / "manifest.json").read_text())


def test_fast_goes_through_every_stage_in_two_steps(tiny_run):
    output, manifest = debugged(tiny_run, "fast")
    assert manifest["steps"] == 2
    assert "a check of the code, not a result" in (output / "report.html").read_text()
    assert len(list((output / "predictions").glob("*.nii.gz"))) == 2


def test_profile_says_where_the_time_went(tiny_run):
    output, manifest = debugged(tiny_run, "profile")
    assert manifest["steps"] == 20
    assert "waiting for data" in (output / "profile.txt").read_text()


@pytest.mark.parametrize("batches", [0, 1, 5, 12])
def test_a_profile_of_any_length_ends_well(tmp_path, batches):
    seen = StepProfiler(tmp_path / "profile.txt")
    seen.on_train_epoch_start(None, None)
    for index in range(batches):
        seen.on_train_batch_start(None, None, None, index)
        seen.on_train_batch_end(None, None, None, None, index)
    seen.on_train_end(None, None)
    assert (tmp_path / "profile.txt").exists() == (batches > 0), "a run that had ended makes no batch"


@pytest.mark.slow
def test_one_case_can_be_learnt_by_heart(tiny_run):
    output, _ = debugged(tiny_run, "overfit", "net.features=8", "preparation.plan.max_patch_voxels=80000")
    summary = json.loads((output / "evaluation" / "summary.json").read_text())
    assert summary["n_cases"] == 1
    assert summary["labels"]["liver"]["dice"] > 0.85


def test_the_plan_is_explained_axis_by_axis_and_stage_by_stage(tiny_run, capsys):
    output = tiny_run.parent / "explained"
    assert launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={output}", "--explain"]) == 0
    told = capsys.readouterr().out
    assert not output.exists()
    for word in ("spacing ", "  z ", "patch ", "batch ", "stages ", "looks along", "reach ", "memory "):
        assert word in told, word


def test_a_plan_can_be_made_for_a_memory(tiny_run, capsys):
    arguments = [
        *TINY,
        f"workspace={tiny_run.parent}",
        f"output={tiny_run.parent / 'm'}",
        "--explain",
        "net.features=16",
    ]
    patches = []
    for memory in ("1.1", "1.8"):
        assert launch("train", [*arguments, f"preparation.plan.memory_gib={memory}"]) == 0
        told = capsys.readouterr().out
        line = next(line for line in told.splitlines() if line.startswith("patch"))
        patches.append(line)
        stated = float(next(line for line in told.splitlines() if line.startswith("memory")).split()[-2])
        assert stated <= float(memory)
    assert patches[0] != patches[1]
