from __future__ import annotations

import json

import numpy as np
import pytest

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.evaluation import HD95, MaskPair, MeasureOptions, all_measures, evaluate
from gnomon.evaluation.scoring import score_structure, worst_scores
from gnomon.io.images import images_in_folder, write_image
from gnomon.rules.finding import Severity
from gnomon.settings import EvaluateSettings

GRID = Grid.from_parts((20, 20, 10), (1.0, 1.0, 3.0), (5.0, -3.0, 2.0))
LABELS = LabelScheme(("organ", "tumour"), (1, 2))
SETTINGS = EvaluateSettings(workers=1)
NAMES = [measure.name for measure in all_measures()]


def box(start, size=8, shape=GRID.shape):
    mask = np.zeros(shape, bool)
    mask[start : start + size, 4:12, 2:7] = True
    return mask


def write(folder, cases):
    for name, voxels in cases.items():
        write_image(folder / f"{name}.nii.gz", voxels.astype(np.uint8), GRID)
    return folder


def score(tmp_path, references, predictions):
    write(tmp_path / "r", references)
    (tmp_path / "p").mkdir(exist_ok=True)
    write(tmp_path / "p", predictions)
    return evaluate(images_in_folder(tmp_path / "r"), tmp_path / "p", LABELS, tmp_path / "e", SETTINGS)


def test_overlap_and_volume_of_a_shifted_box_are_exact():
    found = score_structure(MaskPair(box(2), box(4), GRID), all_measures()).row
    assert found["dice"] == pytest.approx(1 - 2 / 8, abs=1e-12)
    assert found["iou"] == pytest.approx((8 - 2) / (8 + 2), abs=1e-12)
    assert found["reference_mm3"] == pytest.approx(8 * 8 * 5 * 3.0, abs=1e-9)
    assert found["volume_error_mm3"] == 0


@pytest.mark.parametrize(
    ("reference", "prediction", "status"),
    [(True, False, "missed"), (False, True, "spurious"), (False, False, "absent"), (True, True, "found")],
)
def test_empty_masks_follow_the_table(reference, prediction, status):
    empty = np.zeros(GRID.shape, bool)
    pair = MaskPair(box(2) if reference else empty, box(2) if prediction else empty, GRID)
    found = score_structure(pair, all_measures()).row
    assert found["status"] == status
    if status in ("missed", "spurious"):
        assert {name: found[name] for name in NAMES if found[name] is not None} == worst_scores(
            GRID, MeasureOptions(), all_measures()
        )
        assert found[HD95] == pytest.approx(np.linalg.norm([20, 20, 30]))
    if status == "absent":
        assert all(found[name] is None for name in NAMES)


def test_labels_are_scored_one_by_one(tmp_path):
    reference = box(2) * 1 + box(12, 4) * 2
    swapped = box(2) * 2 + box(12, 4) * 1
    done = score(tmp_path, {"a": reference}, {"a": swapped})
    assert [row["dice"] for row in done.rows] == [0.0, 0.0]
    assert all(row[HD95] > 0 for row in done.rows)


def test_not_predicting_never_pays(tmp_path):
    reference = {"a": box(2) * 1, "b": box(2) * 1}
    full = score(tmp_path / "full", reference, {"a": box(3) * 1, "b": box(9) * 1}).summary["labels"]["organ"]
    missing = score(tmp_path / "less", reference, {"a": box(3) * 1})
    less = missing.summary["labels"]["organ"]
    assert less["missing"] == 1
    assert less["n"] == full["n"] == 2
    assert less["dice"] < full["dice"]
    assert less[HD95] > full[HD95]
    assert [one.rule for one in missing.findings if one.severity is Severity.ERROR] == ["EVL101"]
    emptied = score(tmp_path / "empty", reference, {"a": box(3) * 1, "b": np.zeros(GRID.shape)})
    assert emptied.summary["labels"]["organ"]["dice"] == less["dice"]


@pytest.mark.parametrize(
    "change",
    [
        lambda affine: affine @ np.diag([-1.0, -1, 1, 1]),
        lambda affine: affine + np.array([[0, 0, 0, 50], [0, 0, 0, -50], [0, 0, 0, 0], [0, 0, 0, 0]]),
        lambda affine: affine @ np.diag([2.0, 2, 2, 1]),
    ],
    ids=["flipped", "moved", "stretched"],
)
def test_a_prediction_on_another_grid_is_refused_and_scores_nothing(tmp_path, change):
    write(tmp_path / "r", {"a": box(2) * 1})
    write_image(tmp_path / "p" / "a.nii.gz", box(2).astype(np.uint8), Grid(GRID.shape, change(GRID.affine)))
    done = evaluate(images_in_folder(tmp_path / "r"), tmp_path / "p", LABELS, tmp_path / "e", SETTINGS)
    assert done.findings[0].rule == "EVL201"
    assert done.rows[0]["status"] == "refused"
    assert done.rows[0]["dice"] == 0


def test_a_single_slice_is_not_stretched_over_a_volume(tmp_path):
    write(tmp_path / "r", {"a": box(2) * 1})
    slab = Grid((20, 20, 1), GRID.affine)
    write_image(tmp_path / "p" / "a.nii.gz", np.ones((20, 20, 1), np.uint8), slab)
    done = evaluate(images_in_folder(tmp_path / "r"), tmp_path / "p", LABELS, tmp_path / "e", SETTINGS)
    assert done.findings[0].rule == "EVL201"


def test_absent_structures_are_counted_apart(tmp_path):
    done = score(tmp_path, {"a": box(2) * 1, "b": box(2) * 1}, {"a": box(2) * 1, "b": box(2) * 1})
    tumour = done.summary["labels"]["tumour"]
    assert (tumour["n"], tumour["absent"], tumour["dice"]) == (0, 2, None)
    assert done.summary["mean_dice"] == 1.0
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert summary == json.loads(json.dumps(done.summary))


def test_strays_and_unreadable_predictions_are_named(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.nii.gz").write_bytes(b"junk")
    done = score(tmp_path, {"a": box(2) * 1, "b": box(2) * 1}, {"b": box(2) * 1, "c": box(2) * 1})
    assert sorted(finding.rule for finding in done.findings) == ["EVL103", "NII101"]
    assert done.summary["n_unscored"] == 1
    assert [row["dice"] for row in done.rows if row["label"] == "organ"] == [0.0, 1.0]


def test_two_evaluations_write_the_same_bytes(tmp_path):
    for name, workers in (("x", 1), ("y", 2)):
        write(tmp_path / "r", {"a": box(2) * 1, "b": box(4) * 2})
        write(tmp_path / "p", {"a": box(3) * 1, "b": box(4) * 2})
        settings = EvaluateSettings(workers=workers)
        evaluate(images_in_folder(tmp_path / "r"), tmp_path / "p", LABELS, tmp_path / name, settings)
    for file in ("cases.csv", "summary.json"):
        assert (tmp_path / "x" / file).read_bytes() == (tmp_path / "y" / file).read_bytes()


def test_a_case_with_nothing_on_either_side_is_absent_throughout(tmp_path):
    done = score(tmp_path, {"a": np.zeros(GRID.shape)}, {"a": np.zeros(GRID.shape)})
    assert [row["status"] for row in done.rows] == ["absent", "absent"]
    assert done.summary["mean_dice"] is None
