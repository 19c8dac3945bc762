from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.evaluation import MaskPair, MeasureOptions, all_measures
from gnomon.evaluation.lesions import froc, match_lesions
from gnomon.evaluation.scoring import score_structure
from gnomon.io.images import write_image
from gnomon.settings import LesionSettings

SPACING_MM = (1.0, 1.0, 2.0)


def blocks(*corners, shape=(40, 20, 10)):
    """Boxes (start, size) along x, each 4 x 4 in y and z."""
    mask = np.zeros(shape, bool)
    for start, size in corners:
        mask[start : start + size, 4:8, 2:6] = True
    return mask


# V8: five lesions; one found well, one barely touched, two hit by one prediction, one missed; one false prediction.
REFERENCE = blocks((0, 4), (8, 4), (16, 3), (20, 3), (28, 4))
PREDICTION = blocks((0, 4), (11, 2), (16, 7), (35, 3))


@pytest.mark.parametrize(
    ("rule", "iou", "found", "right"),
    [
        ("any", 0.1, [True, True, True, True, False], [True, True, True, False]),
        ("iou", 0.1, [True, True, True, False, False], [True, True, True, False]),
        ("iou", 0.5, [True, False, False, False, False], [True, False, False, False]),
        ("voronoi", 0.1, [True, True, True, True, False], [True, True, True, False]),
    ],
)
def test_the_rules_match_what_they_say(rule, iou, found, right):
    got = match_lesions(REFERENCE, PREDICTION, SPACING_MM, LesionSettings(["x"], rule=rule, iou=iou))
    assert [row["matched"] for row in got.reference] == found
    assert [row["matched"] for row in got.prediction] == right
    assert got.reference[0]["mm3"] == 4 * 4 * 4 * 2


def test_lesions_are_outlined_by_what_matches_them():
    any_voxel = match_lesions(REFERENCE, PREDICTION, SPACING_MM, LesionSettings(["x"])).reference
    # The second shares 1 of its 4 slices with a prediction of 2; the third lies whole in a prediction of 7.
    assert [row["dice"] for row in any_voxel] == pytest.approx([1, 2 / 6, 6 / 10, 6 / 10, 0])
    nearest = match_lesions(REFERENCE, PREDICTION, SPACING_MM, LesionSettings(["x"], rule="voronoi")).reference
    # Between the third and fourth lies one slice, the nearest of both: it falls to one of them; and the last
    # lesion owns the false prediction.
    assert nearest[0]["dice"] == 1
    assert sorted(row["dice"] for row in nearest[2:4]) == pytest.approx([6 / 7, 1])
    assert nearest[4]["dice"] == 0


def test_panoptic_quality_is_the_mean_iou_of_pairs_times_their_share():
    got = match_lesions(REFERENCE, PREDICTION, SPACING_MM, LesionSettings(["x"], rule="iou", iou=0.1))
    quality, recognised = np.mean([1, 1 / 5, 3 / 7]), 3 / (3 + 0.5 * 1 + 0.5 * 2)
    assert got.panoptic_quality() == pytest.approx(quality * recognised)
    assert got.f1() == pytest.approx(recognised)


def test_lesions_on_one_side_alone_score_nothing_and_none_at_all_is_not_measured():
    none = np.zeros_like(REFERENCE)
    grid = Grid.from_parts(REFERENCE.shape, SPACING_MM)
    options = MeasureOptions(lesions=LesionSettings(["x"], rule="iou"))
    names = [measure.name for measure in all_measures() if measure.name.startswith("lesion_")]
    for pair in ((REFERENCE, none), (none, PREDICTION)):
        got = match_lesions(*pair, SPACING_MM, LesionSettings(["x"]))
        assert (got.sensitivity(), got.precision(), got.f1(), got.mean_dice()) == (0, 0, 0, 0)
        row = score_structure(MaskPair(*pair, grid, options), all_measures()).row
        assert [row[name] for name in names] == [0.0] * 5
    row = score_structure(MaskPair(none, none, grid, options), all_measures()).row
    assert {row[name] for name in names} == {None}


masks = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)), max_size=12)


@given(masks, masks, st.sampled_from(["any", "iou", "voronoi"]))
@settings(max_examples=150, deadline=None)
def test_lesion_measures_stay_within_0_and_1_and_mirror_with_the_sides(one, other, rule):
    reference, prediction = np.zeros((10, 10, 6), bool), np.zeros((10, 10, 6), bool)
    for mask, places in ((reference, one), (prediction, other)):
        for place in places:
            mask[place] = True
    settings = LesionSettings(["x"], rule=rule)
    matches = match_lesions(reference, prediction, SPACING_MM, settings)
    swapped = match_lesions(prediction, reference, SPACING_MM, settings)
    values = [matches.sensitivity(), matches.precision(), matches.f1(), matches.mean_dice()]
    if rule == "iou" and (reference.any() or prediction.any()):
        values.append(matches.panoptic_quality())
    assert all(0 <= value <= 1 for value in values)
    if rule != "voronoi":
        assert matches.sensitivity() == swapped.precision()
    if np.array_equal(reference, prediction) and reference.any():
        assert matches.f1() == matches.mean_dice() == 1


def test_the_free_response_curve_of_a_toy_is_its_four_points():  # V10
    predicted = [
        (0.9, frozenset({("a", 1)})),
        (0.8, frozenset()),
        (0.7, frozenset({("b", 1), ("b", 2)})),
        (0.7, frozenset()),
        (0.2, frozenset({("a", 1)})),
    ]
    assert froc(predicted, 4, 2) == [(0.9, 0.0, 0.25), (0.8, 0.5, 0.25), (0.7, 1.0, 0.75), (0.2, 1.0, 0.75)]


def test_the_command_writes_lesions_their_counts_and_the_curve(tmp_path):
    grid = Grid.from_parts(REFERENCE.shape, SPACING_MM)
    surely = np.where(PREDICTION, 0.6, 0.0).astype(np.float32)
    surely[:10] *= 1.5
    for name in ("a", "b"):
        write_image(tmp_path / "r" / f"{name}.nii.gz", REFERENCE.astype(np.uint8), grid)
        write_image(tmp_path / "p" / f"{name}.nii.gz", PREDICTION.astype(np.uint8), grid)
        write_image(tmp_path / "q" / "lesion" / f"{name}.nii.gz", surely, grid)
    arguments = [
        f"references={tmp_path / 'r'}",
        f"predictions={tmp_path / 'p'}",
        f"output={tmp_path / 'e'}",
        "label_names={lesion: 1}",
        "evaluation.lesions.labels=[lesion]",
        f"evaluation.probabilities={tmp_path / 'q'}",
    ]
    assert launch("evaluate", arguments) == 0
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())["labels"]["lesion"]
    counts = {
        key: summary["lesions"][key] for key in ("lesions", "lesions_found", "lesions_predicted", "lesions_false")
    }
    assert counts == {"lesions": 10, "lesions_found": 8, "lesions_predicted": 8, "lesions_false": 2}
    assert [(p["false_a_scan"], p["sensitivity"]) for p in summary["lesions"]["froc"]] == [(0, 0.2), (1, 0.8)]
    assert summary["lesion_sensitivity"] == pytest.approx(0.8)
    assert summary["calibration"]["voxels"] > 0
    with (tmp_path / "e" / "lesions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 18
    assert [row["hits"] for row in rows if row["side"] == "prediction"][:4] == ["1", "2", "3 4", ""]
    text = (tmp_path / "e" / "report.html").read_text()
    assert "<h2>Lesions</h2>" in text
    assert "<h2>Calibration</h2>" in text
