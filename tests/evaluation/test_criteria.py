from __future__ import annotations

import json

import numpy as np
import pytest

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.evaluation.criteria import Criterion, check_labels, judge_criteria, read_criteria
from gnomon.io.images import write_image
from gnomon.rules.finding import Refusal
from tests.conftest import TINY

SUMMARY = {
    "labels": {
        "liver": {"dice": 0.93, "missed": 0, "intervals": {"dice": [0.91, 0.95]}},
        "lesion": {"dice": 0.70, "missed": 2, "intervals": {"dice": None}},
    }
}


def verdicts(*criteria):
    return [(row["label"], row["passed"]) for row in judge_criteria(criteria, SUMMARY)]


def test_a_criterion_is_judge_criteria_the_mean_or_an_end_of_its_interval():
    assert verdicts(Criterion("liver", "dice", "mean", at_least=0.93)) == [("liver", True)]
    assert verdicts(Criterion("liver", "dice", "lower", at_least=0.92)) == [("liver", False)]
    assert verdicts(Criterion("liver", "dice", "upper", at_most=0.95)) == [("liver", True)]


def test_a_criterion_without_label_is_demanded_of_every_label():
    assert verdicts(Criterion(None, "missed", at_most=0)) == [("liver", True), ("lesion", False)]


def test_what_cannot_be_measured_does_not_pass():
    assert verdicts(Criterion("lesion", "dice", "lower", at_least=0.0)) == [("lesion", False)]


def test_a_label_that_is_not_scored_is_refused():
    with pytest.raises(Refusal, match=r"EVL110.*spleen"):
        check_labels([Criterion("spleen", "dice", at_least=0.5)], ["liver"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[1]",
        "[{measure: beauty, at_least: 1}]",
        "[{measure: dice}]",
        "[{measure: dice, at_least: high}]",
        "[{measure: dice, of: median, at_least: 1}]",
        "[{measure: dice, least: 1}]",
        "{",
        "\x00",
    ],
)
def test_criteria_that_make_no_sense_are_refused(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(Refusal, match="EVL110"):
        read_criteria(str(tmp_path / "c.yaml"))


def test_the_command_ends_with_1_where_a_criterion_is_not_met(tmp_path, capsys):
    grid = Grid.from_parts((9, 9, 9), (1, 1, 1))
    for name, shift in (("a", 0), ("b", 1)):
        truth, found = np.zeros((9, 9, 9), np.uint8), np.zeros((9, 9, 9), np.uint8)
        truth[2:6, 2:6, 2:6] = 1
        found[2 + shift : 6 + shift, 2:6, 2:6] = 1
        write_image(tmp_path / "r" / f"{name}.nii.gz", truth, grid)
        write_image(tmp_path / "p" / f"{name}.nii.gz", found, grid)
    arguments = [
        f"references={tmp_path / 'r'}",
        f"predictions={tmp_path / 'p'}",
        f"output={tmp_path / 'e'}",
        "label_names={box: 1}",
        f"evaluation.criteria={tmp_path / 'c.yaml'}",
    ]
    for least, code, word in ((0.8, 0, "  met: "), (0.9, 1, "  NOT MET: ")):
        (tmp_path / "c.yaml").write_text(f"- {{label: box, measure: dice, at_least: {least}}}\n")
        assert launch("evaluate", arguments) == code
        assert word in capsys.readouterr().out
    assert json.loads((tmp_path / "e" / "summary.json").read_text())["criteria"][0]["found"] == 0.875


def test_a_training_reads_its_criteria_before_it_begins(tiny_run, tmp_path, capsys):
    for text, told in (
        ("- {measure: beauty, at_least: 1}", "beauty"),
        ("- {label: horn, measure: dice, at_least: 1}", "horn"),
    ):
        (tmp_path / "c.yaml").write_text(text)
        output = tmp_path / "run"
        arguments = [
            *TINY,
            f"workspace={tiny_run.parent}",
            f"output={output}",
            f"evaluation.criteria={tmp_path / 'c.yaml'}",
        ]
        assert launch("train", arguments) == 2
        said = capsys.readouterr().err
        assert "EVL110" in said
        assert told in said
        assert not (output / "checkpoints").exists()


def test_settings_that_name_no_structure_are_refused(tmp_path, capsys):
    write_image(tmp_path / "r" / "a.nii.gz", np.ones((4, 4, 4), np.uint8), Grid.from_parts((4, 4, 4), (1, 1, 1)))
    arguments = [
        f"references={tmp_path / 'r'}",
        f"predictions={tmp_path / 'r'}",
        f"output={tmp_path / 'e'}",
        "label_names={box: 1}",
    ]
    for wrong in (
        "evaluation.lesions.labels=[tumor]",
        "evaluation.tubes=[vein]",
        "evaluation.tolerances_mm={liver: 2}",
        "evaluation.regions={box: [box]}",
        "evaluation.regions={all: [box, tumor]}",
        "evaluation.regions={all: []}",
    ):
        assert launch("evaluate", [*arguments, wrong]) == 2, wrong
        assert "EVL111" in capsys.readouterr().err, wrong
