from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from gnomon.core.geometry import Grid
from gnomon.io.images import read_image, read_label, write_image, write_like
from gnomon.rules.finding import Refusal

GRID = Grid.from_parts((4, 5, 6), (0.7, 0.8, 3.3), (1.25, -2.5, 100.0))


def raw(tmp_path, voxels, affine=None, sform=1, qform=1):
    image = nib.Nifti1Image(voxels, np.array(GRID.affine) if affine is None else affine)
    image.set_sform(image.affine, sform)
    image.set_qform(image.affine, qform)
    nib.save(image, tmp_path / "x.nii.gz")
    return tmp_path / "x.nii.gz"


def test_voxels_and_grid_come_back(tmp_path):
    voxels = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    write_image(tmp_path / "a.nii.gz", voxels, GRID)
    image = read_image(tmp_path / "a.nii.gz")
    assert np.array_equal(image.voxels, voxels)
    assert image.grid.corner_displacement_mm(GRID) < 1e-4


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.nii.gz", np.ones(GRID.shape, np.uint8), GRID)
    assert (tmp_path / "a" / "x.nii.gz").read_bytes() == (tmp_path / "b" / "x.nii.gz").read_bytes()


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (1, 1)])
def test_writing_like_an_image_keeps_its_affine_to_the_bit(tmp_path, sform, qform):
    image = read_image(raw(tmp_path, np.zeros(GRID.shape, np.int16), sform=sform, qform=qform))
    write_like(tmp_path / "y.nii.gz", np.ones(GRID.shape, np.uint8), image.header)
    again = nib.load(tmp_path / "y.nii.gz")
    assert np.array_equal(again.affine, image.grid.affine)
    for field in ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c", "quatern_d"):
        assert np.array_equal(again.header[field], image.header[field])
    assert np.asarray(again.dataobj).max() == 1


def test_a_label_stored_as_float_is_read_as_whole_numbers(tmp_path):
    voxels = np.zeros(GRID.shape, np.float32)
    voxels[1] = 2.0
    label = read_label(raw(tmp_path, voxels))
    assert label.voxels.dtype == np.uint16
    assert label.voxels.max() == 2


def test_labels_with_fractions_are_refused(tmp_path):
    with pytest.raises(Refusal, match="NII107"):
        read_label(raw(tmp_path, np.full(GRID.shape, 0.5, np.float32)))


def test_nan_voxels_are_counted_and_refused(tmp_path):
    voxels = np.zeros(GRID.shape, np.float32)
    voxels[0, 0, :3] = np.nan
    with pytest.raises(Refusal, match=r"NII106 .* found 3 voxels"):
        read_image(raw(tmp_path, voxels))


def test_an_image_without_orientation_is_refused(tmp_path):
    with pytest.raises(Refusal, match="NII103"):
        read_image(raw(tmp_path, np.zeros(GRID.shape, np.int16), sform=0, qform=0))


def test_a_series_in_time_is_refused(tmp_path):
    with pytest.raises(Refusal, match="NII102"):
        read_image(raw(tmp_path, np.zeros((*GRID.shape, 2), np.int16)))


def test_a_trailing_axis_of_one_is_no_time(tmp_path):
    assert read_image(raw(tmp_path, np.zeros((*GRID.shape, 1), np.int16))).voxels.shape == GRID.shape


def test_sform_and_qform_that_disagree_are_refused(tmp_path):
    image = nib.Nifti1Image(np.zeros(GRID.shape, np.int16), np.array(GRID.affine))
    moved = np.array(GRID.affine)
    moved[0, 3] += 5
    image.set_sform(np.array(GRID.affine), 1)
    image.set_qform(moved, 1)
    nib.save(image, tmp_path / "x.nii.gz")
    with pytest.raises(Refusal, match="NII104"):
        read_image(tmp_path / "x.nii.gz")


def test_a_truncated_file_is_refused(tmp_path):
    path = raw(tmp_path, np.random.default_rng(0).normal(size=GRID.shape))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Refusal, match="NII101"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"not an image", gzip.compress(b"nor this")])
def test_what_is_not_nifti_is_refused(tmp_path, content):
    (tmp_path / "x.nii.gz").write_bytes(content)
    with pytest.raises(Refusal, match="NII101"):
        read_image(tmp_path / "x.nii.gz")


def test_a_singular_affine_is_refused(tmp_path):
    affine = np.array(GRID.affine)
    affine[:3, 2] = 0
    image = nib.Nifti1Image(np.zeros(GRID.shape, np.int16), None)
    image.header.set_sform(affine, 1)
    image.header["qform_code"] = 0
    nib.save(image, tmp_path / "x.nii.gz")
    with pytest.raises(Refusal, match="NII105"):
        read_image(tmp_path / "x.nii.gz")
