from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocenter.evaluation.surface import surface_areas, surface_distances

SPACINGS = [(1.0, 1.0, 1.0), (0.8, 0.8, 5.0), (0.8, 5.0, 0.8), (5.0, 0.8, 0.8), (0.5, 1.0, 2.0)]


def shifted_box(extent_mm, shift_mm, axis, spacing_mm):
    """Two boxes, the second moved along an axis, as masks with a margin."""
    size = [round(e / s) for e, s in zip(extent_mm, spacing_mm)]
    step = [0, 0, 0]
    step[axis] = round(shift_mm / spacing_mm[axis])
    reference = np.zeros([n + abs(k) + 6 for n, k in zip(size, step)], bool)
    prediction = reference.copy()
    reference[tuple(slice(3, 3 + n) for n in size)] = True
    prediction[tuple(slice(3 + k, 3 + k + n) for n, k in zip(size, step))] = True
    return reference, prediction


def closed_form(extent_mm, shift_mm, axis, tolerance_mm):
    """ASSD, NSD of a shifted box: L the extent along the shift, a and b the others."""
    a, b = (extent_mm[other] for other in range(3) if other != axis)
    length, s, tau = extent_mm[axis], shift_mm, tolerance_mm
    area = 2 * (a * b + length * a + length * b)
    assd = (2 * a * b * s + 4 / 3 * s**3) / area
    nsd = 1.0
    if tau < s:
        nsd = (a * b - (a - 2 * tau) * (b - 2 * tau) + 2 * (a + b) * (length - s + tau)) / area
    return assd, nsd


def test_the_closed_form_is_the_published_one():
    assert closed_form((20, 20, 20), 4, 0, 1) == pytest.approx((1.368889, 0.598333), abs=1e-6)
    assert closed_form((50, 32, 32), 5, 0, 2) == pytest.approx((1.231850, 0.740530), abs=1e-6)
    assert closed_form((50, 32, 32), 4, 1, 2) == pytest.approx((1.525253, 0.619318), abs=1e-6)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("axis", range(3))
def test_a_shifted_box_scores_its_closed_form(spacing_mm, axis):
    extent_mm, shift_mm, tolerance_mm = (40.0, 40.0, 40.0), {0.5: 4, 0.8: 4, 1.0: 4, 2.0: 4, 5.0: 5}, 2.0
    shift = shift_mm[spacing_mm[axis]]
    reference, prediction = shifted_box(extent_mm, shift, axis, spacing_mm)
    found = surface_distances(reference, prediction, spacing_mm)
    assd, nsd = closed_form(extent_mm, shift, axis, tolerance_mm)
    assert found.average_mm() == pytest.approx(assd, rel=0.015)
    assert found.within(tolerance_mm) == pytest.approx(nsd, abs=0.035)
    assert found.hausdorff_mm() == pytest.approx(shift)
    assert found.hausdorff_mm(0.95) == pytest.approx(shift)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_measures_do_not_depend_on_how_axes_are_stored(order, flips):
    spacing_mm = (0.8, 1.1, 5.0)
    rng = np.random.default_rng(0)
    masks = [rng.random((7, 8, 6)) > 0.6 for _ in range(2)]
    expected = surface_distances(*masks, spacing_mm)
    flip = tuple(slice(None, None, -1 if one else 1) for one in flips)
    moved = [mask.transpose(order)[flip] for mask in masks]
    found = surface_distances(*moved, [spacing_mm[axis] for axis in order])
    assert found.average_mm() == pytest.approx(expected.average_mm(), rel=0.02)
    assert found.hausdorff_mm() == pytest.approx(expected.hausdorff_mm())


boxes = st.tuples(*[st.integers(1, 6)] * 3)


@given(boxes, boxes, st.tuples(*[st.integers(0, 4)] * 3), st.tuples(*[st.floats(0.3, 6)] * 3))
@settings(max_examples=150, deadline=None)
def test_distances_are_symmetric_and_ordered(first, second, offset, spacing_mm):
    reference, prediction = np.zeros((12, 12, 12), bool), np.zeros((12, 12, 12), bool)
    reference[tuple(slice(1, 1 + n) for n in first)] = True
    prediction[tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, second))] = True
    one = surface_distances(reference, prediction, spacing_mm)
    other = surface_distances(prediction, reference, spacing_mm)
    assert one.average_mm() == pytest.approx(other.average_mm())
    assert one.hausdorff_mm(0.95) == pytest.approx(other.hausdorff_mm(0.95))
    assert 0 <= one.average_mm() <= one.hausdorff_mm() + 1e-9
    assert one.hausdorff_mm(0.5) <= one.hausdorff_mm(0.95) <= one.hausdorff_mm()
    assert 0 <= one.within(1.0) <= one.within(2.0) <= 1
    if first == second and offset == (0, 0, 0):
        assert one.average_mm() == 0
        assert one.within(0.0) == 1


def test_padding_around_the_masks_changes_nothing():
    rng = np.random.default_rng(1)
    masks = [rng.random((6, 6, 6)) > 0.5 for _ in range(2)]
    plain = surface_distances(*masks, (1, 1, 3))
    padded = surface_distances(*(np.pad(mask, 4) for mask in masks), (1, 1, 3))
    assert np.array_equal(plain.reference_mm, padded.reference_mm)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_the_area_of_a_large_box_is_nearly_that_of_its_faces(spacing_mm):
    size = [round(40 / step) for step in spacing_mm]
    area = surface_areas(np.ones(size, bool), spacing_mm).sum()
    assert area == pytest.approx(6 * 40 * 40, rel=0.09)


def test_a_satellite_reaches_the_directed_95_percent_distance():
    # V4: a sphere of radius 10 with a false positive of radius 3 whose centre lies 30 mm away: 19.513 mm.
    spacing_mm = (0.8, 0.8, 0.8)
    index = np.stack(np.meshgrid(np.arange(70), np.arange(34), np.arange(34), indexing="ij"), -1) * 0.8
    centre = np.array([13.0, 13.2, 13.2])
    sphere = np.linalg.norm(index - centre, axis=-1) <= 10
    satellite = np.linalg.norm(index - centre - [30, 0, 0], axis=-1) <= 3
    found = surface_distances(sphere, sphere | satellite, spacing_mm)
    assert found.hausdorff_mm(0.95) == pytest.approx(19.513, abs=0.8)
