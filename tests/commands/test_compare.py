from __future__ import annotations

import json
import shutil

from isocenter.commands.launch import launch
from isocenter.experiments.comparison import differences, parting
from tests.conftest import TINY


def test_a_run_is_the_same_as_itself(tiny_run, capsys):
    assert launch("compare", [f"runs=[{tiny_run},{tiny_run}]"]) == 0
    told = capsys.readouterr().out
    assert "alike to the last of 4 steps" in told
    assert "the same weights, to the bit" in told


def test_another_seed_parts_from_the_first_step(tiny_run, capsys):
    output = tiny_run.parent / "seed-2"
    assert launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={output}", "seed=2"]) == 0
    capsys.readouterr()
    assert launch("compare", [f"runs=[{tiny_run},{output}]"]) == 1
    told = capsys.readouterr().out
    assert "  seed: 1 | 2\n" in told
    assert "config.seed: 1 | 2" in told
    assert "alike up to step 0, and no more by step 1" in told


def test_the_first_step_that_differs_is_named(tiny_run):
    one = json.loads((tiny_run / "manifest.json").read_text())
    other = json.loads(json.dumps(one))
    one["loss_chain"] = {"every": 5, "hashes": ["a", "b", "c", "d"]}
    other["loss_chain"] = {"every": 5, "hashes": ["a", "b", "x", "y"]}
    assert parting(one, other) == "losses: alike up to step 10, and no more by step 15"
    other["loss_chain"] = {"every": 5, "hashes": ["a", "b"]}
    assert parting(one, other) == "losses: alike for 10 steps, where one of them ends"
    other["loss_chain"]["every"] = 4
    assert "cannot be compared" in parting(one, other)
    other["packages"]["torch"] = "0"
    assert [line.split(":")[0] for line in differences(one, other)] == ["packages.torch"]


def test_what_is_no_run_is_refused(tiny_run, tmp_path, capsys):
    assert launch("compare", [f"runs=[{tiny_run}]"]) == 2
    assert "USE122" in capsys.readouterr().err
    shutil.copytree(tiny_run, tmp_path / "cut")
    (tmp_path / "cut" / "manifest.json").unlink()
    assert launch("compare", [f"runs=[{tiny_run},{tmp_path / 'cut'}]"]) == 2
    assert "ART101" in capsys.readouterr().err
