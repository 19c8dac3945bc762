from __future__ import annotations

import csv
import json
import shutil

import pytest

from gnomon.commands.launch import launch
from gnomon.core.randomness import generator
from gnomon.evaluation import all_measures
from gnomon.io.artifacts import write_rows
from gnomon.io.folders import EvaluationFolder
from gnomon.pipeline.comparison import differences, loss_divergence
from tests.conftest import TINY

MEASURES = [measure.name for measure in all_measures()]


def test_a_run_is_the_same_as_itself(tiny_run, capsys):
    assert launch("compare", [f"runs=[{tiny_run},{tiny_run}]"]) == 0
    told = capsys.readouterr().out
    assert "equal in all 4 steps" in told
    assert "the same weights, to the bit" in told


def test_another_seed_parts_from_the_first_step(tiny_run, capsys):
    output = tiny_run.parent / "seed-2"
    assert launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={output}", "seed=2"]) == 0
    capsys.readouterr()
    assert launch("compare", [f"runs=[{tiny_run},{output}]"]) == 1
    told = capsys.readouterr().out
    assert "  seed: 1 | 2\n" in told
    assert "config.seed: 1 | 2" in told
    assert "equal up to step 0, different by step 1" in told


def test_the_first_step_that_differs_is_named(tiny_run):
    one = json.loads((tiny_run / "manifest.json").read_text())
    other = json.loads(json.dumps(one))
    one["loss_chain"] = {"every": 5, "hashes": ["a", "b", "c", "d"]}
    other["loss_chain"] = {"every": 5, "hashes": ["a", "b", "x", "y"]}
    assert loss_divergence(one, other) == "losses: equal up to step 10, different by step 15"
    other["loss_chain"] = {"every": 5, "hashes": ["a", "b"]}
    assert loss_divergence(one, other) == "losses: equal for 10 steps, where one of the runs ends"
    other["loss_chain"]["every"] = 4
    assert "cannot be compared" in loss_divergence(one, other)
    other["packages"]["torch"] = "0"
    assert [line.split(":")[0] for line in differences(one, other)] == ["packages.torch"]


def test_what_is_no_run_is_refused(tiny_run, tmp_path, capsys):
    assert launch("compare", [f"runs=[{tiny_run}]"]) == 2
    assert "USE122" in capsys.readouterr().err
    shutil.copytree(tiny_run, tmp_path / "cut")
    (tmp_path / "cut" / "manifest.json").unlink()
    assert launch("compare", [f"runs=[{tiny_run},{tmp_path / 'cut'}]"]) == 2
    assert "ART101" in capsys.readouterr().err


def scored(folder, dices, labels=("a",)):
    """An evaluation's cases.csv, two cases a patient."""
    columns = ["case", "patient", "label", "status", *MEASURES]
    rows = [
        {"case": f"c{i}", "patient": f"p{i // 2}", "label": label, "status": "found"}
        | {measure: 5 * (1 - dice) if measure.endswith("mm") else dice for measure in MEASURES}
        for i, dice in enumerate(dices)
        for label in labels
    ]
    write_rows(EvaluationFolder(folder).cases, rows, columns)
    return folder


def test_a_better_model_is_told_from_chance(tmp_path, capsys):
    draw = generator(0, "x")
    dices = draw.uniform(0.6, 0.9, 40)
    one = scored(tmp_path / "one", dices)
    better = scored(tmp_path / "better", dices + draw.uniform(0.01, 0.05, 40))
    arguments = [f"evaluations=[{one},{better}]", "margins={dice: 0.02}", f"output={tmp_path / 'out'}"]
    assert launch("compare", arguments) == 0
    told = capsys.readouterr().out
    assert "a, dice: " in told and "(20 patients), not inferior" in told
    with (tmp_path / "out" / "comparison.csv").open() as stream:
        rows = {row["measure"]: row for row in csv.DictReader(stream)}
    assert float(rows["dice"]["lower"]) > 0
    assert float(rows["assd_mm"]["upper"]) < 0, "distances fall"
    assert float(rows["assd_mm"]["difference"]) == pytest.approx(-5 * float(rows["dice"]["difference"]))
    assert float(rows["dice"]["p_mean_holm"]) < 0.01
    assert float(rows["dice"]["p_mean"]) <= float(rows["dice"]["p_mean_holm"])


def test_a_structure_found_where_there_is_none_counts_against_the_model_that_found_it(tmp_path, capsys):
    one, other = scored(tmp_path / "one", [0.9] * 4), scored(tmp_path / "other", [0.9] * 3 + [0.0])
    path = EvaluationFolder(one).cases
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[3].update(dict.fromkeys(MEASURES, ""), status="absent")
    write_rows(path, rows, list(rows[0]))
    assert launch("compare", [f"evaluations=[{one},{other}]", f"output={tmp_path / 'out'}"]) == 0
    with (tmp_path / "out" / "comparison.csv").open() as stream:
        compared = {row["measure"]: row for row in csv.DictReader(stream)}
    assert compared["dice"]["n"] == "4"
    assert float(compared["dice"]["difference"]) == pytest.approx(-0.25), "1, which it deserves, against 0"
    assert float(compared["assd_mm"]["difference"]) == pytest.approx((5 - 0) / 4)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["evaluations=[{one},{other}]"], "USE123"),
        (["evaluations=[{one},{one}]", "margins={{volume: 1}}"], "USE123"),
        (["evaluations=[{one},{gone}]"], "ART101"),
        ([], "USE122"),
        (["evaluations=[{one},{one}]", "runs=[a,b]"], "USE122"),
    ],
)
def test_evaluations_that_cannot_be_compared_are_refused(tmp_path, arguments, rule, capsys):
    places = {"one": scored(tmp_path / "one", [0.5] * 4), "other": scored(tmp_path / "other", [0.5] * 5)}
    places["gone"] = tmp_path / "gone"
    assert launch("compare", [argument.format(**places) for argument in arguments]) == 2
    assert rule in capsys.readouterr().err
