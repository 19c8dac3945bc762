"""The lossy verdict on every compressed file that pydicom ships (`LossyImageCompression` and the codestream)."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from gnomon.audit import Cohort, audit_studies
from gnomon.dicom.coding import coding_of
from gnomon.dicom.index.elements import quiet_pydicom
from gnomon.settings import AuditSettings, ConvertSettings
from gnomon.settings.policy import Policy

# Named where something is lost; read from the standard's rules, the codestreams and the headers, file by file.
LOSSY = {
    "693_J2KI.dcm",
    "JPEG2000.dcm",
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+n2.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_jpeg_no_color_transform_2.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_jpeg.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "color3d_jpeg_baseline.dcm",
    "examples_ybr_color.dcm",
}


@pytest.fixture(scope="module")
def verdicts(shipped_files, tmp_path_factory):
    """File name -> rules about loss, for every compressed file."""
    root = tmp_path_factory.mktemp("shipped")
    names = {}
    for path in shipped_files:
        try:
            with quiet_pydicom():
                data = dcmread(path, stop_before_pixels=True)
            syntax = data.file_meta.TransferSyntaxUID
        except Exception:  # not DICOM, or meant to be broken
            continue
        if str(syntax) in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
            continue
        if "SOPInstanceUID" not in data:
            continue
        (root / path.name).mkdir()
        (root / path.name / "file").symlink_to(path)
        names[path.name] = data.SOPInstanceUID
    found = {}
    for name in names:
        done = audit_studies(
            root / name,
            root / "audits" / name,
            AuditSettings(1, "k", False),
            Policy(pixels=False),
            ConvertSettings(workers=1),
            Cohort(),
        )
        found[name] = set(done.findings.filter(pl.col("rule").is_in(["DCM601", "DCM602", "DCM603"]))["rule"])
    return found


def test_a_file_is_lossy_exactly_where_something_was_lost(verdicts):
    assert len(verdicts) >= 39
    lossy = {name for name, rules in verdicts.items() if rules}
    assert lossy == LOSSY & set(verdicts)


@pytest.mark.parametrize(
    "name", ["JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm", "SC_rgb_jls_lossy_line.dcm"]
)
def test_loss_that_the_header_does_not_state_is_named(verdicts, name):
    assert verdicts[name] == {"DCM601", "DCM602"}


@settings(max_examples=300)
@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff\xf7\x00\x03\x08\xff\xda", b"\xff\x4f\xff\x51"]))
def test_a_damaged_stream_is_of_unknown_coding_and_breaks_nothing(noise, start):
    assert isinstance(coding_of("1.2.840.10008.1.2.4.80", start + noise), str)


def test_a_stream_that_ends_within_its_scan_is_of_unknown_coding():
    whole = bytes.fromhex("ffd8fff7000b08001000100101110000ffda00080101000200000000")
    cut = bytes.fromhex("ffd8fff7000b080010001001011100ffda0008ff0100000000")
    assert coding_of("1.2.840.10008.1.2.4.80", cut) == ""
    assert coding_of("1.2.840.10008.1.2.4.80", whole.replace(b"\x00\xff\xda", b"\xff\xda")) == "NEAR 2"
