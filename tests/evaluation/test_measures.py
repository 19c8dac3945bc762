"""A measure is one value: tables, summaries, reports, comparisons and criteria follow from it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.evaluation import MaskPair, Measure, MeasureOptions, all_measures, compare_evaluations, evaluate
from gnomon.evaluation.scoring import score_structure, worst_scores
from gnomon.evaluation.surface import surface_distances
from gnomon.io.folders import EvaluationFolder
from gnomon.io.images import images_in_folder, write_image
from gnomon.reports import images_of_files, write_evaluation_report
from gnomon.settings import EvaluateSettings

GRID = Grid.from_parts((12, 12, 6), (1.0, 1.0, 3.0))
LABELS = LabelScheme(("organ",), (1,))
CASES = ("a", "b", "c", "d")


def false_share(pair):
    """Share of the prediction that is wrong."""
    return 1 - pair.n_common / pair.n_prediction


FALSE_SHARE = Measure(
    name="false_share",
    title="false share",
    better="lower",
    function=false_share,
    headline=True,
    key=True,
)


def box(start, size=5):
    mask = np.zeros(GRID.shape, np.uint8)
    mask[start : start + size, 3:9, 1:5] = 1
    return mask


def write_folders(folder, shift):
    for i, name in enumerate(CASES):
        write_image(folder / "r" / f"{name}.nii.gz", box(2), GRID)
        write_image(folder / "p" / f"{name}.nii.gz", box(2 + (i + shift) % 3), GRID)


def evaluation_with(folder, measures, shift=0, **settings):
    write_folders(folder, shift)
    references = images_in_folder(folder / "r")
    settings = EvaluateSettings(workers=1, **settings)
    return evaluate(references, folder / "p", LABELS, folder / "e", settings, measures=measures)


def test_a_new_measure_reaches_tables_summary_criteria_subgroups_report_and_comparison(tmp_path):
    measures = [*all_measures(), FALSE_SHARE]
    (tmp_path / "criteria.yaml").write_text("- {label: organ, measure: false_share, at_most: 0.01}\n")
    (tmp_path / "groups.csv").write_text("case,site\na,x\nb,x\nc,y\nd,y\n")
    files = {"criteria": str(tmp_path / "criteria.yaml"), "subgroups": str(tmp_path / "groups.csv")}
    done = evaluation_with(tmp_path / "one", measures, **files)
    folder = EvaluationFolder(tmp_path / "one" / "e")
    with folder.cases.open(newline="") as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    assert float(rows["a"]["false_share"]) == 0
    assert float(rows["c"]["false_share"]) == pytest.approx(2 / 5)
    summary = json.loads(folder.summary.read_text())
    organ = summary["labels"]["organ"]
    assert organ["false_share"] == pytest.approx(np.mean([0, 1 / 5, 2 / 5, 0]))
    assert organ["medians"]["false_share"]["median"] == pytest.approx(0.1)
    assert [row["passed"] for row in done.summary["criteria"]] == [False]
    assert "false_share" in folder.subgroups.read_text()
    write_evaluation_report(folder, LABELS, "Evaluation", images_of_files({}, {}, {}))
    assert folder.report.read_text().count("false share") >= 2, "in the first table and in that of all measures"
    evaluation_with(tmp_path / "two", measures, shift=1)
    compared = {
        row["measure"]: row
        for row in compare_evaluations(tmp_path / "one" / "e", tmp_path / "two" / "e", {"false_share": 0.5})
    }
    assert compared["false_share"]["second"] > compared["false_share"]["first"], "lower is better"
    assert compared["dice"]["second"] < compared["dice"]["first"]
    assert compared["false_share"]["non_inferior"] is not None


def test_a_missed_structure_has_the_worst_value_that_follows_from_the_kind_of_measure():
    dose = Measure(name="dose_gy", title="dose", unit="Gy", better="lower", function=false_share, worst=60.0)
    offset = Measure(name="offset_mm", title="offset", unit="mm", better="lower", function=false_share)
    share = Measure(name="share", title="share", better="higher", function=false_share)
    found = worst_scores(GRID, MeasureOptions(), [FALSE_SHARE, dose, offset, share])
    diagonal_mm = pytest.approx(np.linalg.norm([12, 12, 18]))
    assert found == {"false_share": 1.0, "dose_gy": 60.0, "offset_mm": diagonal_mm, "share": 0.0}
    assert (share.best, share.range) == (1.0, (0.0, 1.0))
    assert (dose.best, dose.range) == (0.0, (0.0, 60.0))


def broken(pair):
    raise RuntimeError("no licence")


@pytest.mark.parametrize(
    ("function", "told"),
    [(broken, "no licence"), (lambda pair: float("nan"), "nan"), (lambda pair: 2.0, "2"), (lambda pair: None, "None")],
)
def test_a_measure_that_fails_is_a_finding_and_no_score(tmp_path, function, told):
    failing = Measure(name="failing", title="failing", better="higher", function=function)
    done = evaluation_with(tmp_path, [*all_measures(), failing])
    failures = [finding for finding in done.findings if finding.rule == "EVL106"]
    assert len(failures) == len(CASES)
    assert all(told in finding.found and "failing" in finding.where for finding in failures)
    assert [row["failing"] for row in done.rows] == [None] * len(CASES)
    assert done.summary["labels"]["organ"]["failing"] is None
    assert done.summary["labels"]["organ"]["dice"] > 0


def test_a_measure_that_fails_on_one_case_has_no_mean(tmp_path):
    def only_perfect(pair):
        return 1 / (pair.n_common == pair.n_reference)

    partial = Measure(name="partial", title="partial", better="higher", function=only_perfect)
    done = evaluation_with(tmp_path / "one", [*all_measures(), partial])
    assert {row["partial"] for row in done.rows} == {1.0, None}
    assert done.summary["labels"]["organ"]["partial"] is None, "leaving a case out could raise it"
    evaluation_with(tmp_path / "two", [*all_measures(), partial])
    compared = compare_evaluations(tmp_path / "one" / "e", tmp_path / "two" / "e", {})
    assert "partial" not in {row["measure"] for row in compared}


def test_costly_intermediate_results_are_computed_once(monkeypatch):
    calls = []

    def counting(*arguments):
        calls.append(1)
        return surface_distances(*arguments)

    monkeypatch.setattr("gnomon.evaluation.mask_pair.surface_distances", counting)
    row = score_structure(MaskPair(box(2) > 0, box(3) > 0, GRID), all_measures()).row
    assert row["nsd"] is not None
    assert row["hd_mm"] is not None
    assert len(calls) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Dice score"},
        {"better": "more"},
        {"unit": "Gy"},
        {"unit": "mm", "better": "higher"},
    ],
)
def test_a_measure_that_cannot_be_meant_is_refused(wrong):
    values = {"name": "x", "title": "x", "better": "lower", "function": false_share}
    with pytest.raises(ValueError, match=r"\w"):
        Measure(**values | wrong)


def test_two_measures_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="false_share"):
        evaluation_with(tmp_path, [FALSE_SHARE, FALSE_SHARE])
