from __future__ import annotations

import json
import stat
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import RLELossless
from scipy.spatial.transform import Rotation

from gnomon.dicom import convert_studies
from gnomon.rules.finding import Refusal
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import CT, MR, SLICE_MM, SLICES, put_frames, ramp_error, ramp_series, save, set_values, write

ONE = ConvertSettings(workers=1, pseudonym_key="test")
DIRECTIONS = {
    "axial HFS": ((1, 0, 0), (0, 1, 0)),
    "axial FFS": ((-1, 0, 0), (0, 1, 0)),
    "axial HFP": ((-1, 0, 0), (0, -1, 0)),
    "axial FFP": ((1, 0, 0), (0, -1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
}
for _i, _turn in enumerate(Rotation.random(6, random_state=1).as_matrix()):
    DIRECTIONS[f"oblique {_i}"] = (tuple(_turn[0]), tuple(_turn[1]))


def convert(series, tmp_path, settings=ONE):
    return convert_studies(write(series, tmp_path / "studies"), tmp_path / "volumes", settings)


def found_rules(done):
    return sorted({finding.rule for finding in done.findings})


@pytest.mark.parametrize("name", DIRECTIONS)
def test_voxels_and_affine_match_the_ramp(tmp_path, name):
    done = convert(ramp_series(*DIRECTIONS[name]), tmp_path)
    assert [row["decision"] for row in done.rows] == ["accept"]
    image = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz")
    assert ramp_error(image.get_fdata(), image.affine) <= 1.0
    assert done.rows[0]["spacing_mm"][2] == pytest.approx(SLICE_MM), "from positions, not SliceThickness"


def test_instance_numbers_do_not_determine_the_slice_order(tmp_path):
    series = ramp_series()
    for data, number in zip(series, np.random.default_rng(3).permutation(SLICES)):
        data.InstanceNumber = int(number)
    done = convert(series, tmp_path)
    image = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz")
    assert ramp_error(image.get_fdata(), image.affine) <= 1.0
    assert found_rules(done) == ["DCM210"]


def test_the_sidecar_lists_the_instance_of_every_slice(tmp_path):
    series = ramp_series()
    done = convert(series, tmp_path)
    sidecar = json.loads((tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.json").read_text())
    assert sidecar["slices"] == [data.SOPInstanceUID for data in series]


def test_slope_and_intercept_are_applied_per_slice_in_float(tmp_path):
    series = ramp_series()
    for k, data in enumerate(series):
        data.PixelRepresentation, data.RescaleSlope, data.RescaleIntercept = 0, str(0.5 + k), "-1024"
        set_values(data, np.full((data.Rows, data.Columns), 40000, np.uint16))
    done = convert(series, tmp_path)
    voxels = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz").get_fdata()
    assert np.array_equal(voxels[0, 0], 40000 * (0.5 + np.arange(SLICES)) - 1024)


def test_monochrome1_does_not_change_hounsfield_units(tmp_path):
    done = convert(ramp_series(PhotometricInterpretation="MONOCHROME1"), tmp_path)
    image = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz")
    assert ramp_error(image.get_fdata(), image.affine) <= 1.0


@pytest.mark.parametrize("declared", [-2000, 63536])
def test_padding_is_masked_in_stored_values_whichever_vr_declares_it(tmp_path, declared):
    series = ramp_series()
    for data in series:
        stored = np.full((data.Rows, data.Columns), 7, np.int16)
        stored[:2] = -2000
        set_values(data, stored)
        data.add_new(0x00280120, "US" if declared > 0 else "SS", declared)
    done = convert(series, tmp_path)
    mask = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.padding.nii.gz").get_fdata()
    assert mask[:, :2].all()
    assert not mask[:, 2:].any()


def test_compressed_slices_are_decoded(tmp_path):
    series = ramp_series()
    for data in series:
        data.compress(RLELossless, generate_instance_uid=False)
    done = convert(series, tmp_path)
    image = nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz")
    assert ramp_error(image.get_fdata(), image.affine) <= 1.0


def drop_slice(series):
    del series[4]


def repeat_position(series):
    series[4].ImagePositionPatient = series[3].ImagePositionPatient


def stretch(series):
    for k, data in enumerate(series[5:]):
        x, y, z = map(float, data.ImagePositionPatient)
        data.ImagePositionPatient = [x, y, z + 9.1 * (k + 1)]


def remove_rescale(series):
    del series[0].RescaleSlope


def as_mr(series):
    for data in series:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MR
        data.Modality = "MR"


def remove_mr_rescale(series):
    as_mr(series)
    del series[3].RescaleSlope, series[3].RescaleIntercept


def remove_mr_intercept(series):
    as_mr(series)
    for data in series:
        del data.RescaleIntercept


def comma_mr_rescale(series):
    as_mr(series)
    for data in series:
        data.add_new(0x00281053, "LO", "1,5")
        data.add_new(0x00281052, "LO", "0,5")


def remove_position(series):
    del series[0].ImagePositionPatient


def nan_position(series):
    with warnings.catch_warnings(action="ignore"):
        series[0].ImagePositionPatient = ["1", "2", "nan"]


def remove_pixels(series):
    for data in series:
        data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.67"
        del data.PixelData


def truncate(series):
    series[3].PixelData = series[3].PixelData[:-40]


def set_elements(**changes):
    def change(series):
        for data in series:
            for keyword, value in changes.items():
                setattr(data, keyword, value)

    return change


DEFECTS = {
    "missing slice": (drop_slice, "DCM211"),
    "repeated place": (repeat_position, "DCM215"),
    "very uneven steps": (stretch, "DCM212"),
    "no rescale": (remove_rescale, "DCM110"),
    "no rescale in one MR slice": (remove_mr_rescale, "DCM110"),
    "half a rescale in MR": (remove_mr_intercept, "DCM110"),
    "a decimal comma in MR": (comma_mr_rescale, "DCM116"),
    "slope 0": (set_elements(RescaleSlope="0"), "DCM116"),
    "no position": (remove_position, "DCM216"),
    "position NaN": (nan_position, "DCM216"),
    "no orientation": (set_elements(ImageOrientationPatient=None), "DCM216"),
    "crooked orientation": (set_elements(ImageOrientationPatient=[1, 0, 0, 0.1, 0.99, 0]), "DCM214"),
    "HighBit below BitsStored": (set_elements(HighBit=9), "DCM012"),
    "packed bits": (set_elements(BitsAllocated=12, BitsStored=12, HighBit=11), "DCM012"),
    "no Rows": (set_elements(Rows=None), "DCM012"),
    "localizer": (set_elements(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "DCM203"),
    "secondary capture": (set_elements(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "DCM701"),
    "multi-frame capture": (set_elements(SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2"), "DCM701"),
    "enhanced CT without groups": (set_elements(SOPClassUID=CT + ".1", NumberOfFrames=2), "DCM222"),
    "classic CT of two frames": (set_elements(NumberOfFrames=2), "DCM007"),
    "radiograph": (set_elements(SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1"), "DCM007"),
    "report": (remove_pixels, "DCM706"),
    "colour": (set_elements(SamplesPerPixel=3, PhotometricInterpretation="RGB"), "DCM008"),
    "truncated pixels": (truncate, "DCM002"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_refused_under_its_rule(tmp_path, name):
    change, rule = DEFECTS[name]
    series = ramp_series()
    change(series)
    done = convert(series, tmp_path)
    assert done.n_refused >= 1
    refused = [row for row in done.rows if row["decision"] == "reject"]
    assert any(rule in row["reasons"] for row in refused)
    for row in refused:
        assert not (tmp_path / "volumes" / f"{row['volume_id']}.nii.gz").exists()
    for finding in done.findings:
        assert finding.found and finding.expected and finding.remedy


def test_a_transfer_syntax_without_decoder_is_refused_with_the_name_of_the_codec(tmp_path):
    series = ramp_series()
    for data in series:
        put_frames(data, [data.PixelData], "1.2.840.10008.1.2.4.201")
    folder = write(series, tmp_path / "studies")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.4.201", b"1.2.840.10008.1.2.4.110"))
    done = convert_studies(folder, tmp_path / "volumes", ONE)
    assert found_rules(done) == ["DCM604"]
    assert "JPEG XL" in done.findings[0].found


def test_a_series_with_a_scout_and_two_kernels_is_split_into_three_volumes(tmp_path):
    series = ramp_series()
    for data in series[:4]:
        data.ConvolutionKernel = ["I30f", "3"]
    series[-1].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    done = convert(series, tmp_path)
    assert sorted((row["decision"], row["slices"]) for row in done.rows) == [
        ("accept", 4),
        ("accept", 4),
        ("reject", 1),
    ]
    assert "DCM202" in found_rules(done)


def test_jitter_below_the_tolerance_neither_splits_nor_refuses_a_volume(tmp_path):
    rng = np.random.default_rng(0)
    series = ramp_series()
    for data in series:
        data.ImageOrientationPatient = [float(v) + rng.uniform(-1e-5, 1e-5) for v in data.ImageOrientationPatient]
        data.ImagePositionPatient = [float(v) + rng.uniform(-1e-3, 1e-3) for v in data.ImagePositionPatient]
    done = convert(series, tmp_path)
    assert [row["decision"] for row in done.rows] == ["accept"]


def test_the_result_does_not_depend_on_file_order_or_workers(tmp_path):
    series = ramp_series() + ramp_series(*DIRECTIONS["sagittal"])
    for seed, workers in ((0, 1), (5, 2)):
        write(series, tmp_path / f"s{seed}", seed)
        convert_studies(tmp_path / f"s{seed}", tmp_path / f"v{seed}", ConvertSettings(workers, "test"))
    local = {"pseudonyms.json", "instances.parquet", ".states"}  # these depend on the file paths
    first = {p.name: p.read_bytes() for p in (tmp_path / "v0").iterdir() if p.name not in local}
    second = {p.name: p.read_bytes() for p in (tmp_path / "v5").iterdir() if p.name not in local}
    assert first == second
    assert len(first) == 7


def test_a_second_run_converts_nothing(tmp_path):
    done = convert(ramp_series(), tmp_path)
    image = tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz"
    before = image.stat().st_mtime_ns
    again = convert_studies(tmp_path / "studies", tmp_path / "volumes", ONE)
    assert image.stat().st_mtime_ns == before
    assert again.rows == done.rows


def test_a_later_run_deletes_volumes_that_it_no_longer_accepts(tmp_path, capsys):
    series = ramp_series()
    before = convert(series, tmp_path).rows[0]["volume_id"]
    (tmp_path / "volumes" / "notes.json").write_text("{}")
    extra = ramp_series(slices=10)[9]
    for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        setattr(extra, keyword, getattr(series[0], keyword))
    save(extra, tmp_path / "studies" / "late")
    after = convert_studies(tmp_path / "studies", tmp_path / "volumes", ONE).rows[0]
    assert (after["decision"], after["slices"]) == ("accept", 10)
    left = {path.name for path in (tmp_path / "volumes").iterdir()}
    assert not any(name.startswith(before) for name in left)
    assert f"{after['volume_id']}.nii.gz" in left and "notes.json" in left
    assert before in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"row": {}}'])
def test_a_broken_sidecar_is_rebuilt(tmp_path, content):
    done = convert(ramp_series(), tmp_path)
    sidecar = tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.json"
    whole = sidecar.read_bytes()
    sidecar.write_text(content)
    assert convert_studies(tmp_path / "studies", tmp_path / "volumes", ONE).rows == done.rows
    assert sidecar.read_bytes() == whole


def test_only_one_local_file_identifies_patients(tmp_path):
    series = ramp_series()
    (write(series, tmp_path / "studies" / "DOE_JANE") / "notes.txt").write_text("Doe, Jane")
    done = convert_studies(tmp_path / "studies", tmp_path / "volumes", ONE)
    assert found_rules(done) == ["DCM001"]
    pseudonyms = tmp_path / "volumes" / "pseudonyms.json"
    assert "SECRET-4711" in pseudonyms.read_text()
    assert stat.S_IMODE(pseudonyms.stat().st_mode) == 0o600
    for path in filter(Path.is_file, (tmp_path / "volumes").iterdir()):
        content = nib.load(path).header.binaryblock if path.name.endswith(".gz") else path.read_bytes()
        if path != pseudonyms:
            assert b"SECRET" not in content and b"oe" not in path.name.encode(), path.name
            assert b"DOE" not in content and b"Doe" not in content, path.name


@pytest.mark.parametrize(("make", "rule"), [(False, "USE101"), (True, "USE102")])
def test_a_missing_or_empty_folder_is_refused(tmp_path, make, rule):
    if make:
        (tmp_path / "studies").mkdir()
    with pytest.raises(Refusal, match=rule):
        convert_studies(tmp_path / "studies", tmp_path / "volumes", ONE)


def test_invalid_files_are_reported_and_the_others_converted(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    (folder / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 300)
    (folder / "empty").write_bytes(b"")
    done = convert_studies(folder, tmp_path / "volumes", ONE)
    assert [row["decision"] for row in done.rows] == ["accept"]
    assert set(found_rules(done)) <= {"DCM001", "DCM003"}
    assert len(done.findings) == 2


def test_real_ct_equals_an_independent_conversion(tmp_path, shared_data):
    root = shared_data("totalsegmentator")
    done = convert_studies(root / "example_ct_dicom", tmp_path / "volumes", ONE)
    assert done.rows[0]["spacing_mm"][2] == pytest.approx(2.0), "its SliceThickness says 3"
    ours = nib.as_closest_canonical(nib.load(tmp_path / "volumes" / f"{done.rows[0]['volume_id']}.nii.gz"))
    theirs = nib.as_closest_canonical(nib.load(next((root / "oracle_dcm2niix").glob("*.nii.gz"))))
    assert np.abs(ours.affine - theirs.affine).max() < 1e-3
    assert np.array_equal(ours.get_fdata(), theirs.get_fdata())
