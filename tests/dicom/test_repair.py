"""Repairs of the geometry: pure, recorded, and exact on linear fields."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.geometry import Grid
from gnomon.dicom import convert_studies
from gnomon.dicom.volumes.repair import RepairedVolume, resample_evenly, straighten
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import SLICE_MM, SLICES, ramp_error, ramp_series, set_values, values_of, write

GRADIENT = np.array([2.0, -3.0, 5.0])


def convert(series, tmp_path, **policy):
    done = convert_studies(write(series, tmp_path / "studies"), tmp_path / "volumes", ConvertSettings(1, "k", **policy))
    (row,) = done.rows
    return row


def load_volume(row, tmp_path):
    image = nib.load(tmp_path / "volumes" / f"{row['volume_id']}.nii.gz")
    sidecar = json.loads((tmp_path / "volumes" / f"{row['volume_id']}.json").read_text())
    return np.asarray(image.dataobj), image.affine, sidecar


def test_missing_slices_are_interpolated_only_if_the_policy_says_so(tmp_path):
    series = ramp_series()
    del series[4]
    assert convert(series, tmp_path)["decision"] == "reject"
    row = convert(series, tmp_path / "asked", missing="resample")
    voxels, affine, sidecar = load_volume(row, tmp_path / "asked")
    assert row["decision"] == "repair"
    assert voxels.shape[2] == SLICES
    assert ramp_error(voxels, affine) <= 1.0
    assert sidecar["repairs"][0]["repair"] == "even_slices"
    assert [type(one) for one in sidecar["slices"]].count(list) == 1, "one slice lies between two"
    between = sidecar["slices"][4]
    assert [weight for _, weight in between] == pytest.approx([0.5, 0.5])


def test_uneven_slices_are_resampled_or_refused_by_policy(tmp_path):
    series = ramp_series(distances_mm=[0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5])
    assert convert(series, tmp_path, uneven="refuse")["decision"] == "reject"
    row = convert(series, tmp_path / "asked")
    voxels, affine, _ = load_volume(row, tmp_path / "asked")
    assert row["repairs"] == ["even_slices"]
    assert voxels.shape[2] == 14
    assert ramp_error(voxels, affine) <= 1.0


def test_a_large_gap_is_never_interpolated(tmp_path):
    series = ramp_series(distances_mm=[0, 2.5, 5, 7.5, 40, 42.5, 45, 47.5, 50])
    assert convert(series, tmp_path, missing="resample", uneven="resample")["decision"] == "reject"


def test_a_sheared_stack_is_kept_straightened_or_refused_by_policy(tmp_path):
    shear_mm = (0, SLICE_MM * np.tan(np.deg2rad(15)), 0)
    for policy, decision, error in (("keep", "accept", 1.0), ("straighten", "repair", 1.0), ("refuse", "reject", None)):
        row = convert(ramp_series(shear_mm=shear_mm), tmp_path / policy, tilt=policy)
        assert row["decision"] == decision
        if error is None:
            continue
        voxels, affine, _ = load_volume(row, tmp_path / policy)
        columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        sheared = np.abs(columns.T @ columns - np.eye(3)).max()
        assert (sheared > 0.2) == (policy == "keep")
        if row["padding"]:
            mask = np.asarray(nib.load(tmp_path / policy / "volumes" / f"{row['volume_id']}.padding.nii.gz").dataobj)
            indices = np.argwhere(mask == 0)
            points_mm = indices @ affine[:3, :3].T + affine[:3, 3]
            off = np.abs((points_mm * [-1, -1, 1]) @ [3.0, -5.0, 7.0] - voxels[mask == 0])
            assert off.max() <= error
            assert (mask == 0).sum() >= 0.9 * 9 * 36 * 33 * 0.9, "nothing but the rim is lost"
        else:
            assert ramp_error(voxels, affine) <= error


def test_an_uneven_and_sheared_stack_takes_both_repairs_or_the_stricter_policy(tmp_path):
    distances_mm = [0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5]
    series = ramp_series(distances_mm=distances_mm)
    for distance_mm, data in zip(distances_mm, series):
        x, y, z = map(float, data.ImagePositionPatient)
        data.ImagePositionPatient = [x, y + 0.2 * distance_mm, z]
        # The ramp at the shifted position: -5 HU per mm of y.
        set_values(data, values_of(data) - round(5 * 0.2 * distance_mm))
    assert convert(series, tmp_path / "refuse", tilt="refuse")["decision"] == "reject"
    kept = convert(series, tmp_path / "keep")
    assert {"DCM212", "DCM213"} <= set(kept["reasons"])
    assert ramp_error(*load_volume(kept, tmp_path / "keep")[:2]) <= 1.01  # two roundings of half a unit
    both = convert(series, tmp_path / "both", tilt="straighten")
    assert both["repairs"] == ["even_slices", "straighten"]


def test_slices_interpolated_from_padding_are_padding(tmp_path):
    series = ramp_series(distances_mm=[0, 2.5, 5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5])
    stored = values_of(series[5]).copy()
    stored[0] = -2000
    set_values(series[5], stored)
    for data in series:
        data.add_new(0x00280120, "SS", -2000)
    row = convert(series, tmp_path)
    mask = np.asarray(nib.load(tmp_path / "volumes" / f"{row['volume_id']}.padding.nii.gz").dataobj)
    assert mask[:, 0].any(axis=0).tolist() == [k in (6, 7, 8) for k in range(14)]
    assert not mask[:, 1:].any()


def as_scanned(voxels, grid):
    return RepairedVolume(voxels, None, grid, tuple(((k, 1.0),) for k in range(grid.shape[2])), ())


def ramp_on(grid):
    indices = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    return (grid.points_mm(indices) @ GRADIENT).astype(np.float32)


@given(st.lists(st.floats(0.5, 1.4), min_size=2, max_size=12), st.integers(0, 3))
def test_resampling_slices_of_a_linear_field_is_exact(steps, seed):
    distances_mm = np.concatenate([[0.0], np.cumsum(steps)])
    directions, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    grid = Grid.from_parts(
        (4, 5, len(distances_mm)), (1.0, 1.5, distances_mm[-1] / (len(distances_mm) - 1)), (5, -3, 2), directions
    )
    shifts = [np.outer([*(directions[:, 2] * distance_mm), 0], [0, 0, 0, 1]) for distance_mm in distances_mm]
    true = np.stack([ramp_on(Grid((4, 5, 1), grid.affine + shift))[..., 0] for shift in shifts], axis=-1)
    resampled = resample_evenly(as_scanned(true, grid), distances_mm)
    assert np.abs(resampled.voxels - ramp_on(resampled.grid)).max() < 1e-3
    last = np.array([0, 0, resampled.grid.shape[2] - 1])
    assert np.allclose(resampled.grid.points_mm(last), grid.points_mm(np.array([0, 0, grid.shape[2] - 1])))
    assert all(abs(sum(weight for _, weight in origin) - 1) < 1e-5 for origin in resampled.origins)


@given(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8))
def test_straightening_a_linear_field_is_exact_inside(a, b):
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    affine[:3, 2] += [a, b, 0.0]
    grid = Grid((8, 9, 6), affine)
    resampled = straighten(as_scanned(ramp_on(grid), grid), -1000.0)
    inside = np.ones(resampled.grid.shape, bool) if resampled.padding is None else ~resampled.padding
    assert resampled.grid.shear < 1e-9
    assert inside.sum() >= 7 * 8 * 6
    assert np.abs(resampled.voxels - ramp_on(resampled.grid))[inside].max() < 1e-3
    assert (resampled.voxels[~inside] == -1000).all()


def test_straightening_is_idempotent():
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    affine[1, 2] = 0.7
    grid = Grid((8, 9, 6), affine)
    once = straighten(as_scanned(ramp_on(grid), grid), 0.0)
    twice = straighten(once, 0.0)
    assert twice.grid == once.grid
    assert np.array_equal(twice.voxels, once.voxels)
