"""Files of real scanners against the reference conversions published with them.

`docs/vendors.md` explains each disagreement.
"""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from gnomon.dicom import convert_studies
from gnomon.dicom.index import Source, SourceReader
from gnomon.dicom.index.header import read_instance
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.settings import ConvertSettings

AFFINE_MM = 1e-3
SETTINGS = ConvertSettings(workers=2, pseudonym_key="k")
SETS = (
    "cornerstone_ct_all_ts",
    "ct_philips_head",
    "dcmqi_seg",
    "dicom2nifti_suite",
    "dwv_files",
    "highdicom_files",
    "mr_ge_localizer_ff_hf",
    "mr_philips_classic",
    "mr_siemens_mosaic_orient",
    "mr_siemens_positions",
    "mr_siemens_xa_enhanced",
    "mr_transfer_syntaxes",
    "nd320_study3_siemens",
    "nema_wg04",
    "pydicom_files",
    "rt_files",
)

# (folder of DICOM files, reference, number of its volumes)
EQUAL = [
    ("mr_siemens_xa_enhanced/xa30/In/8_gre_field_mapping", "mr_siemens_xa_enhanced/Ref/8_gre_field_mapping_e1.nii", 1),
    ("mr_siemens_xa_enhanced/xa30/In/8_gre_field_mapping", "mr_siemens_xa_enhanced/Ref/8_gre_field_mapping_e2.nii", 1),
    ("mr_siemens_xa_enhanced/xa30/In/11_DWI_dir80_PA", "mr_siemens_xa_enhanced/Ref/11_DWI_dir80_PA.nii", 1),
    *(("mr_transfer_syntaxes/In", f"mr_transfer_syntaxes/Ref/{n}.nii", 1) for n in range(1, 10)),
    ("nd320_study3_siemens", "nd320_study3_siemens/oracle_dcm2niix/2488760777_HippoCrop_20200121004946.nii.gz", 1),
    ("nd320_study3_siemens", "nd320_study3_siemens/oracle_dcm2niix/11_T1post_20200121074807.nii.gz", 1),
    ("ct_philips_head", "ct_philips_head/oracle_dcm2niix/201_STD_BRAIN_5MM_20150206092816.nii.gz", 1),
    ("mr_siemens_mosaic_orient", "mr_siemens_mosaic_orient/Ref/ax_asc_35sl_6.nii", 2),
    ("mr_siemens_mosaic_orient", "mr_siemens_mosaic_orient/Ref/cor_asc_35sl_16.nii", 2),
    ("mr_siemens_mosaic_orient", "mr_siemens_mosaic_orient/Ref/sag_asc_35sl_22.nii", 2),
    ("dcmqi_seg/segmentations/ct-3slice", "dcmqi_seg/oracle_dcm2niix/2_20030417104607.nii.gz", 1),
    ("mr_siemens_positions", "mr_siemens_positions/oracle_dcm2niix/HFP/2_t1_fl2d_sag_20220407151756.nii.gz", 1),
    *(
        (f"dicom2nifti_suite/{name}", f"dicom2nifti_suite/{name}_ground_truth.nii.gz", 1)
        for name in (
            "ge/anatomical/001_implicit",
            "ge/anatomical/001",
            "generic/compressed_rle/001",
            "generic/compressed/001",
            "generic/compressed_jpegls/001",
            "generic/compressed_j2k/001",
            "generic/compressed_jpeg/001",
            "generic/anatomical/001",
            "generic/anatomical/002_non_isotropic",
            "failing/slicecount/001",
            "hitachi/anatomical/001",
            "hyperfine/anatomical/001",
        )
    ),
]
# Philips: the reference divides by RescaleSlope x a private scale slope; same affine, proportional values.
PROPORTIONAL = [
    ("mr_philips_classic", f"mr_philips_classic/Ref/{name}.nii", count)
    for name, count in (
        ("Ph_727468159_1301_Dual-echo_iso_e1", 1),
        ("Ph_727468159_1301_Dual-echo_iso_e2", 1),
        ("Ph_727468159_1301_Dual-echo_iso_e1_ph", 1),
        ("Ph_727468159_1301_Dual-echo_iso_e2_ph", 1),
        ("EPI_asc_CLEAR_201", 3),
    )
]
REFUSED = {
    "dicom2nifti_suite/ge/anatomical/001_single_slice": "DCM218",
    "dicom2nifti_suite/generic/rgb/001": "DCM701",
    "dicom2nifti_suite/failing/sliceincrement/001": "DCM211",
    "dicom2nifti_suite/failing/sliceincrement/002": "DCM211",
    "dicom2nifti_suite/failing/notavolume/001": "DCM218",
}


def accepted_volumes(root, folder, tmp_path):
    """(affine, voxels) of every accepted volume."""
    done = convert_studies(root / folder, tmp_path / "volumes", SETTINGS)
    for row in done.rows:
        if row["decision"] != "reject":
            image = nib.load(tmp_path / "volumes" / f"{row['volume_id']}.nii.gz")
            yield image.affine, np.asarray(image.dataobj, dtype=np.float64)


def reoriented_reference(reference, number, affine, shape):
    """(voxels, affine) of one volume of a reference in the axis order of `affine`; None if the shapes differ."""
    if len(reference.shape) == 4:
        reference = reference.slicer[..., number]
    change = nib.orientations.ornt_transform(nib.io_orientation(reference.affine), nib.io_orientation(affine))
    reoriented = reference.as_reoriented(change)
    if reoriented.shape != shape:
        return None
    return np.asarray(reoriented.dataobj, dtype=np.float64), reoriented.affine


def corner_error_mm(one, other, shape):
    corners = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    return float(np.abs((one - other) @ corners.T).max())


def smallest_distance(volumes, reference, number, distance):
    """The smallest distance between the voxels of a volume and of the reference, among volumes whose affine agrees."""
    found = []
    for affine, voxels in volumes:
        reoriented = reoriented_reference(reference, number, affine, voxels.shape)
        if reoriented is not None and corner_error_mm(affine, reoriented[1], voxels.shape) <= AFFINE_MM:
            found.append(distance(voxels, reoriented[0]))
    return min(found, default=float("inf"))


def largest_difference(ours, theirs):
    return float(np.abs(ours - theirs).max())


def nonlinearity(ours, theirs):
    """Largest residual of a linear fit between the values, as a share of the range of the reference."""
    ones = np.stack([ours.ravel(), np.ones(ours.size)], axis=1)
    line, *_ = np.linalg.lstsq(ones, theirs.ravel(), rcond=None)
    return float(np.abs(ones @ line - theirs.ravel()).max() / np.ptp(theirs))


@pytest.mark.parametrize(("folder", "reference", "count"), EQUAL, ids=[one[1] for one in EQUAL])
def test_affine_and_voxels_equal_the_reference(tmp_path, shared_data, folder, reference, count):
    root = shared_data("dicom")
    volumes = list(accepted_volumes(root, folder, tmp_path))
    for number in range(count):
        # The reference stores the rescale in float32, which rounds in the seventh digit.
        tolerance = 1e-6 * float(np.abs(np.asarray(nib.load(root / reference).dataobj)).max())
        assert smallest_distance(volumes, nib.load(root / reference), number, largest_difference) <= tolerance


@pytest.mark.parametrize(("folder", "reference", "count"), PROPORTIONAL, ids=[one[1] for one in PROPORTIONAL])
def test_philips_values_are_proportional_to_the_reference(tmp_path, shared_data, folder, reference, count):
    root = shared_data("dicom")
    volumes = list(accepted_volumes(root, folder, tmp_path))
    for number in range(count):
        assert smallest_distance(volumes, nib.load(root / reference), number, nonlinearity) <= 1e-6


@pytest.mark.parametrize("folder", REFUSED)
def test_series_without_a_valid_affine_are_refused_under_their_rule(tmp_path, shared_data, folder):
    done = convert_studies(shared_data("dicom") / folder, tmp_path / "volumes", SETTINGS)
    assert done.n_refused == len(done.rows)
    assert all(REFUSED[folder] in row["reasons"] for row in done.rows)


@pytest.mark.parametrize("name", SETS)
def test_every_volume_of_a_set_is_converted_or_refused_with_an_error(tmp_path, shared_data, name):
    done = convert_studies(shared_data("dicom") / name, tmp_path / "volumes", SETTINGS)
    for row in done.rows:
        errors = [finding for finding in row["findings"] if finding["severity"] == "error"]
        assert (row["decision"] == "reject") == bool(errors), row["volume_id"]


def test_lossless_encodings_of_one_image_are_bit_identical(tmp_path, shared_data):
    """One mosaic in nine encodings: nine volumes of the same voxels."""
    volumes = [voxels for _, voxels in accepted_volumes(shared_data("dicom"), "mr_transfer_syntaxes/In", tmp_path)]
    assert len(volumes) == 9
    assert all(np.array_equal(volumes[0], other) for other in volumes[1:])


def decode_first_frame(path):
    """The first frame of one file in stored values, and the rules of the decoding findings."""
    source = Source(path.name, path, "", 0, path.stat().st_size, 0)
    with SourceReader() as reader:
        instance, _ = read_instance(reader, source, path.name)
    facts = replace(instance.frames[0], slope=None, intercept=None)
    with FrameReader() as frames:
        values = frames.read(instance, source, 0, facts).values.astype(np.float64)
        return values, set(frames.findings)


@pytest.mark.parametrize("image", ["CT1", "MR4"])
def test_nema_encodings_are_equal_if_lossless_and_close_if_lossy(shared_data, image):
    root = shared_data("dicom") / "nema_wg04"
    truth, _ = decode_first_frame(root / "REF" / f"{image}_UNC.dcm")
    for name in ("JPLL", "JLSL", "J2KR", "RLE"):
        assert np.array_equal(decode_first_frame(root / name / f"{image}_{name}")[0], truth), name
    for name, limit in (("JLSN", 4), ("J2KI", 402), ("JPLY", 402)):
        path = root / name / f"{image}_{name}"
        if path.is_file():
            assert 0 < np.abs(decode_first_frame(path)[0] - truth).max() <= limit, name


@pytest.mark.parametrize(
    ("syntax", "limit"),
    [
        ("BigEndianExplicit", 0),
        ("DeflatedExplicitVRLittleEndian", 0),
        ("LittleEndianImplicit", 0),
        ("LittleEndianExplicit", 0),
        ("RLELossless", 0),
        ("JPEG2000LosslessOnly", 0),
        ("JPEGLSLossless", 0),
        ("JPEGProcess14", 0),
        ("JPEGProcess14SV1", 0),
        ("JPEGLSLossy", 4),
    ],
)
def test_one_ct_slice_is_equal_in_ten_transfer_syntaxes(shared_data, syntax, limit):
    root = shared_data("dicom") / "cornerstone_ct_all_ts"
    truth, _ = decode_first_frame(root / "CTImage.dcm")
    (path,) = root.glob(f"CTImage.dcm_{syntax}TransferSyntax_*")
    assert np.abs(decode_first_frame(path)[0] - truth).max() <= limit


def test_the_sign_of_the_codestream_takes_precedence(shared_data):
    values, rules = decode_first_frame(shared_data("dicom") / "pydicom_files" / "J2K_pixelrep_mismatch.dcm")
    assert (values.min(), values.max()) == (-2000, 1896)
    assert rules <= {"DCM123"}
