from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torchio as tio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gnomon.core.geometry import (
    ORIENTATIONS,
    Grid,
    dicom_grid,
    frames_from_volume,
    lps_from_ras,
    picture_plane,
    volume_from_frames,
)

SHAPE = (3, 4, 5)

finite = st.floats(-500, 500)
grids = st.builds(
    lambda shape, spacing, origin, angles: Grid.from_parts(
        shape, spacing, origin, Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    ),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.tuples(*[st.floats(0.2, 9)] * 3),
    st.tuples(finite, finite, finite),
    st.tuples(*[st.floats(-180, 180)] * 3),
)


def oblique(shape: tuple[int, int, int] = SHAPE) -> Grid:
    turn = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix()
    return Grid.from_parts(shape, (0.8, 0.7, 4.0), (10.0, -20.0, 30.0), turn)


def test_there_are_48_orientations():
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("start", ORIENTATIONS)
def test_every_reorientation_is_undone_to_the_bit(start):
    grid = oblique().reorient(oblique().reorientation_to(start))
    assert grid.orientation == start
    block = np.random.default_rng(0).normal(size=grid.shape)
    for code in ORIENTATIONS:
        change = grid.reorientation_to(code)
        moved = change.apply(block)
        assert grid.reorient(change).orientation == code
        assert moved.shape == grid.reorient(change).shape
        assert np.array_equal(change.inverse().apply(moved), block)


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_a_reoriented_voxel_stays_at_its_place_in_the_patient(code):
    grid = oblique()
    indices = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    places = grid.points_mm(indices)
    change = grid.reorientation_to(code)
    moved = change.apply(places.transpose(3, 0, 1, 2)).transpose(1, 2, 3, 0)
    new = grid.reorient(change)
    expected = new.points_mm(np.stack(np.meshgrid(*map(np.arange, new.shape), indexing="ij"), -1))
    assert np.abs(moved - expected).max() < 1e-9


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_reorientation_agrees_with_torchio_to_canonical(code):
    grid = oblique().reorient(oblique().reorientation_to(code))
    array = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    theirs = tio.ToCanonical()(tio.ScalarImage(tensor=torch.from_numpy(array)[None], affine=grid.affine))
    change = grid.reorientation_to("RAS")
    assert np.array_equal(theirs.numpy()[0], change.apply(array))
    assert np.allclose(theirs.affine, grid.reorient(change).affine, rtol=0, atol=1e-9)


@given(grids, st.sampled_from(ORIENTATIONS))
@settings(max_examples=200, deadline=None)
def test_reorienting_moves_no_corner(grid, code):
    change = grid.reorientation_to(code)
    there = grid.reorient(change)
    back = there.reorient(change.inverse())
    assert back.shape == grid.shape
    assert back.corner_displacement_mm(grid) < 1e-9 * (1 + np.abs(grid.affine).max())
    apart_mm = np.linalg.norm(grid.corners_mm()[:, None] - there.corners_mm()[None], axis=-1)
    assert apart_mm.min(axis=1).max() < 1e-6


@given(grids, st.tuples(*[st.floats(0.3, 6)] * 3))
@settings(max_examples=200, deadline=None)
def test_resampling_keeps_the_first_corner_and_no_centre_leaves_the_block(grid, spacing):
    new = grid.with_spacing(spacing)
    assert np.allclose(new.spacing_mm, spacing)
    assert np.allclose(new.corners_mm()[0], grid.corners_mm()[0], atol=1e-6)
    last = grid.indices_of(new) @ np.array([*(np.array(new.shape) - 1), 1.0])
    assert (last[:3] <= np.maximum(np.array(grid.shape) - 0.5, last[:3] * (np.array(new.shape) == 1)) + 1e-6).all()


def test_lps_and_ras_differ_by_the_sign_of_the_first_two_rows():
    grid = oblique()
    lps = lps_from_ras(np.array(grid.affine))
    assert np.array_equal(lps[:2], -grid.affine[:2])
    assert np.array_equal(lps_from_ras(lps), grid.affine)


def test_displacement_is_the_farthest_corner():
    grid = Grid.from_parts((10, 10, 10), (1, 1, 1))
    moved = Grid.from_parts((10, 10, 10), (1, 1, 1), (0, 3, 4))
    stretched = Grid.from_parts((10, 10, 10), (1, 1, 1.1))
    assert grid.corner_displacement_mm(moved) == pytest.approx(5.0)
    assert grid.corner_displacement_mm(stretched) == pytest.approx(9.5 * 0.1)
    assert grid.corner_displacement_mm(Grid.from_parts((10, 10, 9), (1, 1, 1))) == float("inf")


def test_a_dicom_stack_lies_where_the_standard_says():
    # C.7.6.2.1.1: P = IPP + i * column spacing * row cosine + j * row spacing * column cosine, LPS.
    row, column = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])
    grid = dicom_grid((6, 5, 3), row, column, np.array([1.0, 2.0, 3.0]), np.array([-7.0, 2.0, 3.0]), 0.5, 0.7)
    place_lps = np.array([1.0, 2.0, 3.0]) + 4 * 0.7 * row + 2 * 0.5 * column + 2 * np.array([-4.0, 0, 0])
    assert np.allclose(grid.points_mm(np.array([4, 2, 2])), place_lps * [-1, -1, 1])
    assert grid.orientation == "PIR"


def test_frames_and_volume_are_each_others_inverse():
    frames = [np.arange(6).reshape(2, 3) + 10 * k for k in range(4)]
    volume = volume_from_frames(frames)
    assert volume.shape == (3, 2, 4)
    assert volume[2, 1, 3] == frames[3][1, 2]
    assert all(np.array_equal(a, b) for a, b in zip(frames, frames_from_volume(volume)))


@pytest.mark.parametrize("axis", range(3))
def test_a_picture_plane_has_the_lower_axis_across(axis):
    volume = np.arange(60).reshape(3, 4, 5)
    across, upward = [a for a in range(3) if a != axis]
    plane = picture_plane(volume, axis, 1)
    for i, j in product(range(volume.shape[across]), range(volume.shape[upward])):
        index = [0, 0, 0]
        index[axis], index[across], index[upward] = 1, i, j
        assert plane[j, i] == volume[tuple(index)]


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1, 1, 0, 1]),
        np.full((4, 4), np.nan),
        np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    ],
)
def test_an_affine_that_does_not_span_space_is_refused(affine):
    with pytest.raises(ValueError, match="affine"):
        Grid((2, 2, 2), affine)


def test_a_grid_survives_json():
    import json

    grid = oblique()
    assert Grid.from_dict(json.loads(json.dumps(grid.as_dict()))) == grid
    assert hash(Grid.from_dict(grid.as_dict())) == hash(grid)


def test_a_sheared_grid_knows_its_shear_and_volume():
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[1, 2] = 2.0 * np.tan(np.deg2rad(20))
    grid = Grid((4, 4, 4), affine)
    assert grid.voxel_volume_mm3 == pytest.approx(2.0)
    assert grid.shear == pytest.approx(np.sin(np.deg2rad(20)))
