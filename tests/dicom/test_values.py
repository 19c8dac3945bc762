"""Findings on decoded values: undeclared padding, a lost rescale intercept, unused bits that are set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.dicom import convert_studies
from gnomon.dicom.pixels.plausible import constant_frame, frame_mask, lost_intercept_hu
from gnomon.io.artifacts import read_json
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import read_image
from gnomon.settings import ConvertSettings
from tests.audit.clean import EDGE, ct
from tests.audit.plants.planting import each_picture, put, stored


def outside_circle():
    j, i = np.mgrid[:EDGE, :EDGE]
    return (i - EDGE / 2) ** 2 + (j - EDGE / 2) ** 2 > (EDGE / 2) ** 2


def convert(study, tmp_path, **settings):
    folder = tmp_path / "studies"
    folder.mkdir()
    for number, data in enumerate(study):
        data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    convert_studies(folder, tmp_path / "volumes", ConvertSettings(workers=1, **settings))
    volumes = VolumesFolder(tmp_path / "volumes")
    (row,) = read_json(volumes.index, "the volumes")["volumes"]
    return volumes, row


def study_with_frame(value=-3024):
    study = ct(np.random.default_rng(1), axial=True)
    each_picture(lambda values: np.where(outside_circle(), value, values), study)
    return study


def test_an_undeclared_frame_outside_the_hu_range_is_masked(tmp_path):
    volumes, row = convert(study_with_frame(), tmp_path)
    assert row["decision"] == "repair" and row["repairs"] == ["mask_padding"] and "DCM131" in row["reasons"]
    image = read_image(volumes.image(row["volume_id"]))
    mask = read_image(volumes.padding(row["volume_id"])).voxels.astype(bool)
    assert mask.mean() == pytest.approx(outside_circle().mean())
    assert (image.voxels[mask] == -3024 - 1024).all() and (image.voxels[~mask] > -1200).all()


@pytest.mark.parametrize(("policy", "decision"), [("keep", "accept"), ("refuse", "reject")])
def test_undeclared_padding_is_kept_or_refused_by_policy(tmp_path, policy, decision):
    volumes, row = convert(study_with_frame(), tmp_path, undeclared_padding=policy)
    assert row["decision"] == decision and "DCM131" in row["reasons"]
    assert not volumes.padding(row["volume_id"]).exists()


def test_a_frame_of_air_is_not_masked(tmp_path):
    _, row = convert(study_with_frame(24), tmp_path)  # -1000 HU
    assert row["decision"] == "accept" and not row["padding"]


@pytest.mark.parametrize("read", [0, -8192])
def test_a_lost_intercept_is_restored_to_the_exact_hounsfield_values(tmp_path, read):
    study = ct(np.random.default_rng(2), axial=True)
    wanted = sorted(np.concatenate([stored(data).ravel() - 1024 for data in study]))
    for data in study:
        put(data, RescaleIntercept=str(read))
    volumes, row = convert(study, tmp_path)
    assert row["repairs"] == ["restore_intercept"] and "DCM125" in row["reasons"]
    assert sorted(read_image(volumes.image(row["volume_id"])).voxels.ravel()) == wanted
    (record,) = read_json(volumes.sidecar(row["volume_id"]), "the sidecar")["repairs"]
    assert record["added_hu"] == -1024 - read


def test_a_lost_intercept_is_kept_or_refused_by_policy(tmp_path):
    study = ct(np.random.default_rng(2))
    for data in study:
        put(data, RescaleIntercept="0")
    for policy, decision in (("keep", "accept"), ("refuse", "reject")):
        (tmp_path / policy).mkdir()
        _, row = convert(study, tmp_path / policy, intercept=policy)
        assert row["decision"] == decision and not row.get("repairs") and "DCM125" in row["reasons"]


def test_an_intercept_is_restored_only_if_exactly_one_usual_value_fits_both_peaks():
    assert lost_intercept_hu(24, 1064, {0.0}) == -1024
    assert lost_intercept_hu(-8168, -7128, {-8192.0}) == 7168
    assert lost_intercept_hu(-1000, 40, {-1024.0}) is None  # correct HU
    assert lost_intercept_hu(-700, 40, {-1024.0}) is None  # a chest: the lowest peak is lung
    assert lost_intercept_hu(-500, 540, {-1024.0}) is None  # an offset that no scanner uses
    assert lost_intercept_hu(24, 1064, {0.0, -1024.0}) is None  # intercepts differ between slices
    assert lost_intercept_hu(24, None, {0.0}) is None and lost_intercept_hu(24, 1064, {None}) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-2000.0, -3024.0, 32767.0]))
def test_the_frame_mask_is_connected_to_the_border(seed, value):
    rng = np.random.default_rng(seed)
    voxels = rng.normal(0, 40, (3, 24, 24)).astype(np.float32)
    width = int(rng.integers(1, 6))
    frame = np.ones((24, 24), bool)
    frame[width:-width, width:-width] = False
    voxels[:, frame] = value
    voxels[:, 11:13, 11:13] = value  # an island inside
    found = constant_frame(voxels)
    assert found is not None and found.value == value
    assert found.share == pytest.approx((frame.sum() + 4) / 576)
    assert (frame_mask(voxels, value) == frame).all()


def test_set_unused_bits_are_reported_and_change_no_value(tmp_path):
    study = ct(np.random.default_rng(3), axial=True)
    wanted = sorted(np.concatenate([np.clip(stored(data), 0, 4095).ravel() - 1024 for data in study]))
    for data in study:
        values = np.clip(stored(data), 0, 4095).astype("<u2") | np.uint16(0xA000)
        put(data, BitsStored=12, HighBit=11, PixelRepresentation=0, PixelData=values.tobytes())
    volumes, row = convert(study, tmp_path)
    assert "DCM121" in row["reasons"] and row["decision"] == "accept"
    assert sorted(read_image(volumes.image(row["volume_id"])).voxels.ravel()) == wanted


def test_sign_extension_above_the_stored_bits_is_no_finding(tmp_path):
    study = ct(np.random.default_rng(3))
    for data in study:
        values = np.clip(stored(data) - 1024, -2048, 2047).astype("<i2")
        put(data, BitsStored=12, HighBit=11, RescaleIntercept="0", PixelData=values.tobytes())
    _, row = convert(study, tmp_path)
    assert "DCM121" not in row["reasons"]
