"""Splitting a series into volumes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pydicom
import pytest

from gnomon.dicom import convert_studies
from gnomon.settings import ConvertSettings
from tests.dicom.fixtures import joined
from tests.dicom.ramp import (
    INTERCEPT,
    MR,
    SLICES,
    concatenation,
    enhanced,
    item,
    ramp_series,
    save,
    set_values,
    values_of,
    write,
)

ONE = ConvertSettings(workers=1, pseudonym_key="test")


def convert(files, tmp_path, settings=ONE):
    return convert_studies(write(files, tmp_path / "studies"), tmp_path / "volumes", settings)


def means(conversion, tmp_path):
    """The mean of each accepted volume, ascending."""
    names = [row["volume_id"] for row in conversion.rows if row["decision"] != "reject"]
    return sorted(float(np.mean(nib.load(tmp_path / "volumes" / f"{name}.nii.gz").dataobj)) for name in names)


def shifted(series, by):
    for data in series:
        set_values(data, values_of(data) + by)
    return series


def repeated_passes(count, change):
    """`count` passes over the same positions in one series, set apart by `change(data, pass, slice)`; steps of 100."""
    first = ramp_series()
    base = float(np.mean([values_of(data) for data in first])) + INTERCEPT
    series = list(first)
    for number in range(1, count):
        series = joined(series, shifted(ramp_series(), 100 * number))
    for k, data in enumerate(series):
        change(data, k // SLICES, k % SLICES)
    return series, [base + 100 * number for number in range(count)]


def set_mr(data):
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MR
    data.Modality = "MR"


def echo(data, number, k):
    set_mr(data)
    data.EchoTime, data.EchoNumbers = str(5 + 7 * number), number + 1


def diffusion(data, number, k):
    set_mr(data)
    data.DiffusionBValue = [0.0, 1000.0, 1000.0][number]
    if number:
        data.DiffusionGradientOrientation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]][number - 1]


def siemens_b_value(data, number, k):
    set_mr(data)
    data.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", str(500 * number))


def ge_complex_part(data, number, k):
    set_mr(data)
    data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", number)


def cine(data, number, k):
    set_mr(data)
    data.TriggerTime = str(40.0 * number + 0.7 * k)  # the heart rate varies between slices


def fmri(data, number, k):
    set_mr(data)
    data.AcquisitionTime = f"12{number:02d}{5 * k:02d}.5"


def acquisition(data, number, k):
    data.AcquisitionNumber = number + 1


def phase(data, number, k):
    data.private_block(0x0045, "GEMS_HELIOS_01", create=True).add_new(0x33, "DS", str(10 * number))


@pytest.mark.parametrize("change", [echo, diffusion, siemens_b_value, ge_complex_part, cine, fmri, acquisition, phase])
def test_passes_over_the_same_positions_are_separate_volumes(tmp_path, change):
    series, expected = repeated_passes(3, change)
    conversion = convert(series, tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["accept"] * 3
    assert means(conversion, tmp_path) == pytest.approx(expected)


def test_indistinguishable_passes_are_refused(tmp_path):
    series, _ = repeated_passes(2, lambda data, number, k: None)
    conversion = convert(series, tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["reject"]
    assert "DCM205" in conversion.rows[0]["reasons"]


def test_passes_with_interleaved_times_are_refused(tmp_path):
    series, _ = repeated_passes(
        2, lambda data, number, k: setattr(data, "AcquisitionTime", f"1200{3 * k + 10 * number:02d}")
    )
    assert [row["decision"] for row in convert(series, tmp_path).rows] == ["reject"]


def test_an_enhanced_object_with_two_stacks_and_two_times_is_four_volumes(tmp_path):
    blocks = [shifted(ramp_series(origin=(0, 0, 500 * (n % 2))), 100 * n) for n in range(4)]
    series = [data for block in blocks for data in block]
    (data,) = [enhanced(series)]
    for k, group in enumerate(data.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence = item(StackID=str(k // SLICES % 2), TemporalPositionIndex=k // SLICES // 2 + 1)
    conversion = convert([data], tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["accept"] * 4
    assert {row["slices"] for row in conversion.rows} == {SLICES}


def test_frames_are_distinguished_by_their_dimension_index(tmp_path):
    data = enhanced([*ramp_series(), *shifted(ramp_series(), 100)])
    for k, group in enumerate(data.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence = item(DimensionIndexValues=[k // SLICES + 1, k % SLICES + 1])
    assert [row["decision"] for row in convert([data], tmp_path).rows] == ["accept"] * 2


def test_a_concatenation_with_a_missing_part_is_refused(tmp_path):
    conversion = convert(concatenation(ramp_series())[:1], tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["reject"]
    assert "DCM225" in conversion.rows[0]["reasons"]


def test_duplicate_slices_are_dropped_and_reported(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    for path in list(folder.iterdir()):
        (folder / "copy" / path.name).parent.mkdir(exist_ok=True)
        (folder / "copy" / path.name).write_bytes(path.read_bytes())
    conversion = convert_studies(folder, tmp_path / "volumes", ONE)
    assert [(row["decision"], row["slices"], row["reasons"]) for row in conversion.rows] == [
        ("accept", SLICES, ["DCM010"])
    ]
    refused = convert_studies(folder, tmp_path / "strict", ConvertSettings(1, "k", duplicates="refuse"))
    assert [row["decision"] for row in refused.rows] == ["reject"]


def test_a_sop_instance_uid_with_two_contents_is_refused(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    original = pydicom.dcmread(sorted(folder.iterdir())[0])
    set_values(original, values_of(original) + 1)
    save(original, folder / "copy")
    conversion = convert_studies(folder, tmp_path / "volumes", ONE)
    assert conversion.rows[0]["decision"] == "reject"
    assert "DCM011" in conversion.rows[0]["reasons"]


def test_a_series_in_two_patients_is_refused(tmp_path):
    first, second = ramp_series(), ramp_series(PatientID="OTHER")
    for data in second:
        data.SeriesInstanceUID = first[0].SeriesInstanceUID
    conversion = convert([*first, *second], tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["reject"] * 2
    assert all("DCM206" in row["reasons"] for row in conversion.rows)


def test_sop_instance_uids_shared_by_two_series_are_refused(tmp_path):
    first, second = ramp_series(), ramp_series()
    for one, other in zip(first, second):
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    conversion = convert([*first, *second], tmp_path)
    assert [row["decision"] for row in conversion.rows] == ["reject"] * 2
    assert all("DCM011" in row["reasons"] for row in conversion.rows)
    assert len({row["volume_id"] for row in conversion.rows}) == 2


def test_stacks_side_by_side_are_refused(tmp_path):
    conversion = convert(joined(ramp_series(), ramp_series(origin=(200, 10, -30))), tmp_path)
    assert ["DCM215" in row["reasons"] for row in conversion.rows] == [True]


def test_a_series_without_uid_is_grouped_and_reported(tmp_path):
    conversion = convert(ramp_series(SeriesInstanceUID=""), tmp_path)
    assert [(row["decision"], row["reasons"]) for row in conversion.rows] == [("accept", ["DCM009"])]


def test_slices_of_two_sizes_do_not_share_a_volume(tmp_path):
    small = ramp_series(slices=4, origin=(0, 0, 300))
    for data in small:
        set_values(data, values_of(data)[:20])
        data.Rows = 20
    conversion = convert(joined(ramp_series(), small), tmp_path)
    assert sorted(row["slices"] for row in conversion.rows) == [4, SLICES]
