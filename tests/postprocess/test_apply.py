from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.core.components import label_components
from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.postprocess import apply_rules, rule_set_from
from gnomon.rules.finding import Refusal
from tests.postprocess.scenes import ball, random_scene, spec_values

GRID = Grid.from_parts((30, 30, 20), (1.0, 1.0, 2.0))


def applied(voxels, *rules, grid=GRID, probabilities=None, **more):
    return apply_rules(rule_set_from(spec_values(*rules, **more), "test"), voxels, grid, probabilities)


def lesions(*boxes, value=2, shape=GRID.shape):
    voxels = np.zeros(shape, np.uint8)
    for first, size in boxes:
        voxels[tuple(slice(f, f + s) for f, s in zip(first, size))] = value
    return voxels


def test_parts_below_a_volume_go_and_those_at_it_stay():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), ((10, 10, 10), (3, 3, 3)))
    done, changes = applied(voxels, {"structure": "lesion", "min_volume_mm3": 16.0})
    assert np.array_equal(done, voxels) and not changes
    done, changes = applied(voxels, {"structure": "lesion", "min_volume_mm3": 16.1})
    assert label_components(done)[1] == 1 and done[10, 10, 10] == 2
    (change,) = changes
    assert (change.voxels, change.mm3, change.became) == (8, 16.0, "background")
    assert change.at_mm == (1.0, 1.0, 2.0) and "below 16.1" in change.why


def test_parts_above_a_volume_go():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), ((10, 10, 10), (3, 3, 3)))
    done, _ = applied(voxels, {"structure": "lesion", "max_volume_mm3": 20.0})
    assert done[1, 1, 1] == 2 and done[10, 10, 10] == 0


def test_the_largest_parts_stay_and_equals_are_kept_together():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), ((10, 10, 10), (2, 2, 2)), ((20, 20, 10), (1, 1, 1)))
    done, _ = applied(voxels, {"structure": "lesion", "keep_largest": True})
    assert label_components(done)[1] == 2 and done[20, 20, 10] == 0
    done, _ = applied(voxels, {"structure": "lesion", "keep_k": 3})
    assert np.array_equal(done, voxels)


def test_connectivity_decides_what_hangs_together():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), ((3, 3, 3), (1, 1, 1)))
    for connectivity, left in ((26, 9), (6, 8)):
        done, _ = applied(voxels, {"structure": "lesion", "keep_largest": True, "connectivity": connectivity})
        assert (done == 2).sum() == left


def test_probability_floors_judge_a_part_by_its_mean_and_its_peak():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), ((10, 10, 10), (2, 2, 2)))
    share = np.zeros(GRID.shape, np.float32)
    share[voxels > 0] = 0.5
    share[10, 10, 10] = 0.9
    done, changes = applied(
        voxels, {"structure": "lesion", "min_peak_probability": 0.8}, probabilities={"lesion": share}
    )
    assert done[1, 1, 1] == 0 and done[10, 10, 10] == 2
    assert changes[0].mean_probability == pytest.approx(0.5)
    done, _ = applied(voxels, {"structure": "lesion", "min_mean_probability": 0.54}, probabilities={"lesion": share})
    assert done[1, 1, 1] == 0 and done[10, 10, 10] == 2


def test_a_part_belongs_to_its_parent_where_it_touches_or_is_near_enough():
    voxels = lesions(((1, 1, 1), (5, 5, 5)), value=1)
    voxels[6, 3, 3] = 2  # touches
    voxels[10, 3, 3] = 2  # 5 mm from the last voxel of the organ
    voxels[25, 25, 15] = 2
    rule = {"structure": "lesion", "parent": "organ"}
    for within, left in ((0.0, 1), (4.9, 1), (5.0, 2), (100.0, 3)):
        done, _ = applied(voxels, {**rule, "parent_within_mm": within})
        assert (done == 2).sum() == left
    no_parent = np.where(voxels == 1, 0, voxels)
    assert not applied(no_parent, {**rule, "parent_within_mm": 100.0})[0].any()


def test_a_share_of_a_part_must_be_near_its_parent():
    voxels = lesions(((1, 1, 1), (5, 5, 5)), value=1)
    voxels[6:16, 3, 3] = 2  # 1 to 10 mm away
    rule = {"structure": "lesion", "parent": "organ", "parent_within_mm": 5.0}
    assert (applied(voxels, {**rule, "parent_overlap": 0.5})[0] == 2).sum() == 10
    assert (applied(voxels, {**rule, "parent_overlap": 0.6})[0] == 2).sum() == 0


def test_what_a_parent_encloses_lies_inside_it_however_large():
    voxels = lesions(((5, 5, 3), (16, 16, 14)), value=1)
    voxels[8:18, 8:18, 6:14] = 2  # deep inside
    voxels[20:26, 8:12, 6:9] = 2  # a sixth of it within the organ
    rule = {"structure": "lesion", "parent": "organ", "parent_overlap": 0.5}
    done, changes = applied(voxels, rule)
    assert (done == 2).sum() == 10 * 10 * 8 and len(changes) == 1


def test_a_part_cut_by_the_edge_of_the_field_is_exempt_where_asked():
    voxels = lesions(((0, 5, 5), (1, 1, 1)), ((10, 10, 10), (1, 1, 1)), ((20, 20, 10), (3, 3, 3)))
    rule = {"structure": "lesion", "min_volume_mm3": 10.0}
    assert (applied(voxels, rule)[0] == 2).sum() == 27
    assert (applied(voxels, {**rule, "exempt_at_edge": True})[0] == 2).sum() == 28
    keep = {"structure": "lesion", "keep_largest": True, "exempt_at_edge": True}
    assert (applied(voxels, keep)[0] == 2).sum() == 28


def test_removed_voxels_become_the_parent_or_the_next_best_label():
    voxels = lesions(((1, 1, 1), (6, 6, 6)), value=1)
    voxels[3, 3, 3] = 2
    rule = {"structure": "lesion", "min_volume_mm3": 10.0}
    assert applied(voxels, {**rule, "removed_becomes": "organ"})[0][3, 3, 3] == 1
    shares = {"organ": np.full(GRID.shape, 0.3), "lesion": np.full(GRID.shape, 0.5)}
    assert applied(voxels, {**rule, "removed_becomes": "next_best"}, probabilities=shares)[0][3, 3, 3] == 1
    shares["organ"][:] = 0.2
    assert applied(voxels, {**rule, "removed_becomes": "next_best"}, probabilities=shares)[0][3, 3, 3] == 0


def test_holes_are_filled_up_to_a_volume_and_never_over_another_label():
    voxels = lesions(((5, 5, 5), (9, 9, 9)), value=1)
    voxels[6, 6, 6] = 0
    voxels[9:12, 9:12, 9:12] = 0
    voxels[12, 12, 12] = 2
    rule = {"structure": "organ", "fill_holes": "3d"}
    done, changes = applied(voxels, {**rule, "max_hole_mm3": 10.0})
    assert done[6, 6, 6] == 1 and done[10, 10, 10] == 0
    assert [change.done for change in changes] == ["filled"]
    done, _ = applied(voxels, rule)
    assert done[10, 10, 10] == 1 and done[12, 12, 12] == 2


def test_a_tunnel_is_a_hole_in_planes_across_it_whatever_the_order_of_the_axes():
    voxels = lesions(((5, 5, 5), (9, 9, 9)), value=1)
    voxels[9, 9, 5:14] = 0
    ras = Grid.from_parts(GRID.shape, (1.0, 1.0, 2.0))
    for code in ORIENTATIONS:
        change = ras.reorientation_to(code)
        turned, grid = change.apply(voxels), ras.reorient(change)
        filled = {}
        for plane in ("axial", "coronal", "sagittal", "3d"):
            done, _ = applied(turned, {"structure": "organ", "fill_holes": plane}, grid=grid)
            filled[plane] = int((done == 1).sum() - (turned == 1).sum())
        assert filled == {"axial": 9, "coronal": 0, "sagittal": 0, "3d": 0}


def test_a_region_is_judged_as_one_and_all_of_it_goes():
    voxels = lesions(((1, 1, 1), (2, 2, 2)), value=1)
    voxels[3, 1, 1] = 2
    voxels[20, 20, 10] = 2
    done, _ = applied(voxels, {"structure": "both", "keep_largest": True}, regions={"both": ["organ", "lesion"]})
    assert (done == 1).sum() == 8 and (done == 2).sum() == 1 and done[20, 20, 10] == 0


def test_rules_work_on_what_the_rules_before_them_left():
    voxels = lesions(((1, 1, 1), (5, 5, 5)), ((20, 20, 10), (2, 2, 2)), value=1)
    voxels[20, 20, 9] = 2
    rules = ({"structure": "organ", "keep_largest": True}, {"structure": "lesion", "parent": "organ"})
    assert (applied(voxels, *rules)[0] == 2).sum() == 0
    assert (applied(voxels, *rules[::-1])[0] == 2).sum() == 1


def test_the_same_anatomy_keeps_the_same_parts_at_three_voxel_sizes():
    centres = [(10.0, 10.0, 10.0), (40.0, 12.0, 20.0), (22.0, 40.0, 40.0), (44.0, 44.0, 8.0), (8.0, 46.0, 48.0)]
    radii = [3.0, 4.0, 6.0, 7.5, 5.0]
    for spacing in ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (0.8, 0.8, 2.0)):
        shape = [int(56 / step) for step in spacing]
        grid = Grid.from_parts(shape, spacing)
        voxels = np.zeros(shape, np.uint8)
        for centre, radius in zip(centres, radii):
            voxels[ball(grid, centre, radius)] = 2
        for limit, left in ((60.0, 5), (180.0, 4), (400.0, 3), (700.0, 2), (1300.0, 1)):
            done, _ = applied(voxels, {"structure": "lesion", "min_volume_mm3": limit}, grid=grid)
            kept = [i for i, c in enumerate(centres) if done[tuple(np.rint(np.asarray(c) / spacing).astype(int))]]
            assert kept == sorted(sorted(range(5), key=lambda i: -radii[i])[:left])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 60), st.integers(1, 4))
def test_rules_only_take_away_whole_parts_and_a_second_time_change_nothing(seed, limit, keep):
    _, found, _ = random_scene(np.random.default_rng(seed))
    voxels = found.astype(np.uint8) * 2
    grid = Grid.from_parts(voxels.shape, (0.8, 0.8, 2.5))
    rules = ({"structure": "lesion", "min_volume_mm3": limit}, {"structure": "lesion", "keep_k": keep})
    before = voxels.copy()
    done, changes = applied(voxels, *rules, grid=grid)
    assert np.array_equal(voxels, before)
    numbered, count = label_components(found)
    for number in range(1, count + 1):
        assert len(np.unique(done[numbered == number])) == 1
    assert sum(change.voxels for change in changes) == (voxels > 0).sum() - (done > 0).sum()
    assert np.array_equal(applied(done, *rules, grid=grid)[0], done)


def test_probabilities_that_rules_read_must_be_there_and_fit():
    voxels = lesions(((1, 1, 1), (2, 2, 2)))
    with pytest.raises(Refusal, match="POS103"):
        applied(voxels, {"structure": "lesion", "min_mean_probability": 0.5})
    with pytest.raises(Refusal, match="POS104"):
        applied(
            voxels, {"structure": "lesion", "min_mean_probability": 0.5}, probabilities={"lesion": np.zeros((2, 2, 2))}
        )
