from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gnomon.commands.launch import launch
from gnomon.core.alignment import compare_grids
from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.core.randomness import generator
from gnomon.evaluation import MaskPair, align_prediction, all_measures
from gnomon.evaluation.scoring import score_structure
from gnomon.io.images import write_image


def oblique(seed, shape=(12, 9, 7), spacing_mm=(0.8, 1.1, 5.0)):
    draw = generator(seed, "grid")
    turn = Rotation.from_rotvec(draw.uniform(-3, 3, 3)).as_matrix()
    return Grid.from_parts(shape, spacing_mm, draw.uniform(-300, 300, 3), turn)


def blob(shape, seed=0):
    return (generator(seed, "blob").random(shape) < 0.2).astype(np.uint8)


@given(st.integers(0, 10**6), st.sampled_from(ORIENTATIONS))
def test_the_same_voxels_in_any_order_are_put_in_order_without_loss(seed, code):
    reference = oblique(seed)
    voxels = blob(reference.shape, seed)
    change = reference.reorientation_to(code)
    aligned = align_prediction("x", change.apply(voxels), reference.reorient(change), reference, "reorient")
    assert np.array_equal(aligned.voxels, voxels)
    assert aligned.finding is None or aligned.finding.rule == "EVL202"


def test_a_thousand_valid_pairs_raise_no_alarm_not_even_through_float32():
    for seed in range(1000):
        reference = oblique(seed)
        rounded = Grid(reference.shape, reference.affine.astype(np.float32).astype(np.float64))
        assert compare_grids(reference, reference).state == "identical"
        assert compare_grids(reference, rounded).state == "identical"


MUTATIONS = {
    "flipped": lambda affine: affine @ np.diag([-1.0, 1, 1, 1]),
    "moved": lambda affine: affine + np.array([[0, 0, 0, 3.0], [0] * 4, [0] * 4, [0] * 4]),
    "moved and moved back": lambda affine: affine + np.array([[0, 0, 0, 50.0], [0, 0, 0, -50], [0] * 4, [0] * 4]),
    "stretched": lambda affine: affine @ np.diag([2.0, 2, 2, 1]),
    "LPS written as RAS": lambda affine: np.diag([-1.0, -1, 1, 1]) @ affine,
    "one voxel off": lambda affine: affine @ np.array([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("seed", range(5))
def test_every_change_of_geometry_is_caught(name, seed):
    reference = oblique(seed)
    changed = Grid(reference.shape, MUTATIONS[name](reference.affine))
    aligned = align_prediction("x", blob(reference.shape), changed, reference, "reorient")
    assert aligned.voxels is None
    assert aligned.finding.rule == "EVL201"
    state = "different" if name == "stretched" else "moved"
    assert compare_grids(reference, changed).state == state


def test_a_single_slice_is_on_another_grid():
    reference = oblique(1)
    slab = Grid((12, 9, 1), reference.affine)
    assert compare_grids(reference, slab).state == "different"


def test_what_is_reordered_is_refused_where_only_the_same_is_allowed():
    reference = oblique(2)
    change = reference.reorientation_to("LPI")
    aligned = align_prediction("x", change.apply(blob(reference.shape)), reference.reorient(change), reference, "error")
    assert aligned.voxels is None
    assert "on_mismatch=reorient" in aligned.finding.remedy


def test_resampling_moves_by_the_header_and_counts_what_is_outside():
    reference = Grid.from_parts((20, 20, 20), (1, 1, 1))
    shifted = Grid.from_parts((20, 20, 20), (1, 1, 1), (4, 0, 0))
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[10:20, 5:10, 5:10] = 2  # x from 14 to 24 mm, of which 14 to 20 lie inside
    aligned = align_prediction("x", voxels, shifted, reference, "resample")
    assert aligned.outside_mm3 == {2: 4 * 25.0}
    assert int((aligned.voxels == 2).sum()) == 6 * 25
    truth = np.zeros((20, 20, 20), bool)
    truth[14:20, 5:10, 5:10] = True
    pair = MaskPair(truth, aligned.voxels == 2, reference, outside_mm3=aligned.outside_mm3[2])
    found = score_structure(pair, all_measures()).row
    assert found["dice"] == pytest.approx(2 * 150 / (150 + 250))
    assert found["volume_error_mm3"] == pytest.approx(100)


def test_a_finer_prediction_is_resampled_by_its_largest_share():
    reference = Grid.from_parts((10, 10, 10), (2, 2, 2))
    fine = reference.with_spacing((1, 1, 1))
    voxels = np.zeros(fine.shape, np.uint8)
    voxels[4:12, 4:12, 4:12] = 1
    aligned = align_prediction("x", voxels, fine, reference, "resample")
    assert np.array_equal(aligned.voxels[2:6, 2:6, 2:6], np.ones((4, 4, 4)))
    assert aligned.voxels.sum() == 64
    assert aligned.outside_mm3 == {}


def test_a_prediction_that_lies_all_outside_is_a_miss():
    empty, truth = np.zeros((5, 5, 5), bool), np.ones((5, 5, 5), bool)
    pair = MaskPair(truth, empty, Grid.from_parts((5, 5, 5), (1, 1, 1)), outside_mm3=100.0)
    found = score_structure(pair, all_measures()).row
    assert (found["status"], found["dice"]) == ("missed", 0.0)


def test_the_command_reorients_says_so_and_takes_tolerances_by_label(tmp_path, capsys):
    reference = oblique(4)
    change = reference.reorientation_to("LPI")
    write_image(tmp_path / "r" / "a.nii.gz", blob(reference.shape), reference)
    write_image(tmp_path / "p" / "a.nii.gz", change.apply(blob(reference.shape)), reference.reorient(change))
    arguments = [f"references={tmp_path / 'r'}", f"predictions={tmp_path / 'p'}", f"output={tmp_path / 'e'}"]
    assert launch("evaluate", [*arguments, "label_names={organ: 1}", "evaluation.tolerances_mm={organ: 2.5}"]) == 0
    assert "Dice 1.0000" in capsys.readouterr().out
    with (tmp_path / "e" / "cases.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert (row["tolerance_mm"], row["patient"], row["outside_mm3"]) == ("2.5", "a", "0.0")
    assert "EVL202" in (tmp_path / "e" / "findings.jsonl").read_text()
    assert launch("evaluate", [*arguments, "label_names={organ: 1}", "evaluation.on_mismatch=error"]) == 3
