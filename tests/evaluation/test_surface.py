from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from gnomon.evaluation.mesh import corners_of, mesh_of, squared_distances
from gnomon.evaluation.patterns import areas_mm2, cells_of
from gnomon.evaluation.surface import surface_distances

SPACINGS = [(1.0, 1.0, 1.0), (0.8, 0.8, 5.0), (0.8, 5.0, 0.8), (5.0, 0.8, 0.8), (0.5, 1.0, 2.0)]
ALLOWED = {"fast": (0.015, 0.035), "mesh": (0.005, 0.01)}  # of ASSD, relative; of NSD


def surface_area_mm2(mask, spacing_mm, edges=False):
    return areas_mm2(spacing_mm)[cells_of(mask, edges=edges).patterns].sum()


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


SHIFT_MM = {0.5: 4, 0.8: 4, 1.0: 4, 2.0: 4, 5.0: 5}


def check_shifted_box(spacing_mm, axis, engine, order=(0, 1, 2), flip=(False, False, False)):
    extent_mm, tolerance_mm, shift = (40.0, 40.0, 40.0), 2.0, SHIFT_MM[spacing_mm[axis]]
    turned = tuple(slice(None, None, -1 if one else 1) for one in flip)
    masks = [mask.transpose(order)[turned] for mask in shifted_box(extent_mm, shift, axis, spacing_mm)]
    found = surface_distances(*masks, [spacing_mm[one] for one in order], engine)
    assd, nsd = closed_form(extent_mm, shift, axis, tolerance_mm)
    assert found.average_mm() == pytest.approx(assd, rel=ALLOWED[engine][0])
    assert found.mean_of_means_mm() == pytest.approx(assd, rel=ALLOWED[engine][0])
    assert found.within(tolerance_mm) == pytest.approx(nsd, abs=ALLOWED[engine][1])
    assert found.hausdorff_mm(0.95) == pytest.approx(shift, abs=0.01)
    assert found.hausdorff_mm() == pytest.approx(shift, abs=0.01)


@pytest.mark.parametrize("engine", ALLOWED)
@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("axis", range(3))
def test_a_shifted_box_scores_its_closed_form(spacing_mm, axis, engine):
    check_shifted_box(spacing_mm, axis, engine)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ALLOWED)
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flip", list(product((False, True), repeat=3)))
def test_a_shifted_box_scores_its_closed_form_however_its_axes_are_stored(order, flip, engine):
    for spacing_mm, axis in product(SPACINGS, range(3)):
        check_shifted_box(spacing_mm, axis, engine, order, flip)


@pytest.mark.parametrize("engine", ALLOWED)
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_measures_do_not_depend_on_how_axes_are_stored(order, flips, engine):
    spacing_mm = (0.8, 1.1, 5.0)
    rng = np.random.default_rng(0)
    masks = [rng.random((7, 8, 6)) > 0.6 for _ in range(2)]
    expected = surface_distances(*masks, spacing_mm, engine)
    flip = tuple(slice(None, None, -1 if one else 1) for one in flips)
    moved = [mask.transpose(order)[flip] for mask in masks]
    found = surface_distances(*moved, [spacing_mm[axis] for axis in order], engine)
    # The triangles of a pattern, and so its area, depend a little on how it is turned.
    assert found.average_mm() == pytest.approx(expected.average_mm(), rel=0.02 if engine == "fast" else 0.05)
    assert found.hausdorff_mm() == pytest.approx(expected.hausdorff_mm(), rel=1e-9 if engine == "fast" else 0.1)


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
def test_the_area_of_a_box_is_nearly_that_of_its_faces_and_with_edges_exactly(spacing_mm):
    box = np.ones([round(40 / step) for step in spacing_mm], bool)
    assert surface_area_mm2(box, spacing_mm) == pytest.approx(6 * 40 * 40, rel=0.09)
    assert surface_area_mm2(box, spacing_mm, edges=True) == pytest.approx(6 * 40 * 40, rel=1e-9)
    hollow = ~np.pad(np.ones([round(20 / step) for step in spacing_mm], bool), 3)
    outside = surface_area_mm2(np.ones_like(hollow), spacing_mm, edges=True)
    assert surface_area_mm2(hollow, spacing_mm, edges=True) - outside == pytest.approx(6 * 20 * 20, rel=1e-9)


@pytest.mark.parametrize("engine", ALLOWED)
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 0.8, 1.6)])
def test_one_sphere_about_another_lies_their_radii_apart(spacing_mm, engine):  # V2
    small, large = (sphere((13.0, 13.0, 13.0), radius, spacing_mm, 26) for radius in (6.0, 10.0))
    found = surface_distances(small, large, spacing_mm, engine)
    assert found.average_mm() == pytest.approx(4.0, abs=0.55 * max(spacing_mm)), "low by up to half a voxel, as any is"
    assert found.within(4.0 + max(spacing_mm)) > 0.99
    assert found.within(4.0 - 1.5 * max(spacing_mm)) < 0.05


@pytest.mark.parametrize("engine", ALLOWED)
def test_a_shifted_sphere_converges_to_its_closed_form(engine):  # V3: ASSD d / 2, HD d, HD95 0.95 d, NSD tau / d
    radius, apart, errors = 12.0, 6.0, []
    for step in (2.0, 1.0, 0.5):
        spacing_mm = (step,) * 3
        one = sphere((16.0, 16.0, 16.0), radius, spacing_mm, 38)
        other = sphere((16.0 + apart, 16.0, 16.0), radius, spacing_mm, 38)
        found = surface_distances(one, other, spacing_mm, engine)
        errors.append(abs(found.average_mm() - apart / 2))
        assert errors[-1] <= 0.55 * step, "half a voxel: what a staircase costs any mask"
        assert found.hausdorff_mm() == pytest.approx(apart, abs=step)
        assert found.hausdorff_mm(0.95) == pytest.approx(0.95 * apart, abs=step)
        assert found.within(2.0) == pytest.approx(2.0 / apart, abs=0.25 * step)
    assert errors[0] > errors[1] > errors[2]


def sphere(centre_mm, radius_mm, spacing_mm, edge_mm):
    index = np.indices([round(edge_mm / step) for step in spacing_mm])
    place = [(i + 0.5) * step - c for i, step, c in zip(index, spacing_mm, centre_mm)]
    return sum(p**2 for p in place) <= radius_mm**2


@pytest.mark.parametrize("engine", ALLOWED)
def test_a_satellite_reaches_the_directed_95_percent_distance(engine):
    # V4: a sphere of radius 10 with a false positive of radius 3 whose centre lies 30 mm away: 19.513 mm.
    spacing_mm = (0.8, 0.8, 0.8)
    whole = sphere((13.2, 13.2, 13.2), 10, spacing_mm, 56)[:, :34, :34]
    satellite = sphere((43.2, 13.2, 13.2), 3, spacing_mm, 56)[:, :34, :34]
    found = surface_distances(whole, whole | satellite, spacing_mm, engine)
    assert found.hausdorff_mm(0.95) == pytest.approx(19.513, abs={"fast": 0.8, "mesh": 0.5}[engine])


@pytest.mark.parametrize("engine", ALLOWED)
def test_finer_voxels_of_the_same_boxes_change_little(engine):  # V9
    masks = shifted_box((40, 40, 40), 5, 0, (5.0, 0.8, 0.8))
    fine = [np.repeat(mask, 2, axis=0) for mask in masks]
    coarse, found = (
        surface_distances(*masks, (5.0, 0.8, 0.8), engine),
        surface_distances(*fine, (2.5, 0.8, 0.8), engine),
    )
    assert found.average_mm() == pytest.approx(coarse.average_mm(), rel=0.02)
    assert found.within(2.0) == pytest.approx(coarse.within(2.0), abs=0.03)


def to_all(points, triangles):
    """Distance of each point to the nearest of all triangles, one by one."""
    corners = corners_of(triangles)
    return np.sqrt([squared_distances(np.repeat(p[None], len(corners), 0), corners).min() for p in points])


def test_distances_to_triangles_are_those_of_the_nearest_point():
    draw = np.random.default_rng(0)
    triangles, points = draw.normal(size=(40, 3, 3)), draw.normal(size=(200, 3)) * 2
    corners = draw.dirichlet((0.6, 0.6, 0.6), 4000)
    exact = to_all(points, triangles)
    cloud = np.einsum("qc,tca->tqa", corners, triangles).reshape(-1, 3)
    sampled, _ = cKDTree(cloud).query(points)
    assert (exact <= sampled + 1e-9).all(), "no sample is nearer than the nearest point"
    assert np.abs(exact - sampled).max() < 0.1


def test_the_nearest_triangle_is_hardly_ever_missed():
    rng = np.random.default_rng(3)
    masks = [ndimage.gaussian_filter(rng.normal(size=(30, 30, 8)), (3, 3, 1)) > 0.02 for _ in range(2)]
    one, other = (mesh_of(mask, (0.8, 0.8, 5.0)) for mask in masks)
    found = one.distances_to(other)
    chosen = rng.choice(len(found), 300, replace=False)
    every = to_all(one.centroids[chosen], other.triangles)
    assert np.mean(found[chosen]) == pytest.approx(np.mean(every), rel=2e-3)
