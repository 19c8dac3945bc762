"""The index: instances in folders, archives and DICOMDIR media, each file read once."""

from __future__ import annotations

import json
import tarfile
import zipfile

import pyarrow.parquet as pq
import pydicom
import pytest
from pydicom.fileset import FileSet

from gnomon.dicom import convert_studies
from gnomon.dicom.index import IndexSettings, SourceReader, index_studies
from gnomon.dicom.index import index as index_module
from gnomon.dicom.index.elements import quiet_pydicom
from gnomon.dicom.index.header import HEADER_LIMIT_BYTES, read_instance
from gnomon.dicom.index.instances import rows_of, schema, table_of
from gnomon.dicom.index.private import csa_numbers
from gnomon.dicom.index.sources import Source
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import SLICES, SYNTAXES, concatenation, csa, encoded, enhanced, mosaic, ramp_series, save, write

COLUMNS = {
    "rows": "Rows",
    "columns": "Columns",
    "bits_stored": "BitsStored",
    "high_bit": "HighBit",
    "modality": "Modality",
    "series_uid": "SeriesInstanceUID",
    "slice_thickness_mm": "SliceThickness",
    "patient_position": "PatientPosition",
}


def index(studies, tmp_path, workers=1, name="index"):
    return index_studies(
        studies,
        tmp_path / name / "instances.parquet",
        PseudonymMap(tmp_path / name / "names.json", "key"),
        IndexSettings(workers),
        tmp_path / name / "spool",
    )


def write_medium(folder):
    """Write a series as a medium with a DICOMDIR."""
    medium = FileSet()
    for data in ramp_series():
        data.StudyID = "1"
        medium.add(data)
    with quiet_pydicom():
        medium.write(folder)


def row_of(path):
    source = Source(path.name, path, "", 0, path.stat().st_size, 0)
    with SourceReader() as reader:
        return read_instance(reader, source, "f")[0]


def test_the_index_has_one_typed_row_per_file(tmp_path):
    made = index(write(ramp_series(), tmp_path / "studies"), tmp_path)
    table = pq.read_table(made.path)
    assert table.schema.equals(schema())
    assert table.num_rows == SLICES
    assert rows_of(table) == list(made.instances())


def test_rows_survive_the_round_trip_through_the_table(tmp_path):
    files = [*ramp_series()[:1], enhanced(ramp_series()), mosaic(ramp_series()), *concatenation(ramp_series())]
    rows = [row_of(save(data, tmp_path / f"f{number}")) for number, data in enumerate(files)]
    assert rows_of(table_of(rows)) == rows
    assert [len(row.frames) for row in rows] == [1, SLICES, 1, SLICES // 2, SLICES - SLICES // 2]


@pytest.mark.parametrize("wrapping", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2", "zip without extension"])
def test_archives_are_read_like_folders(tmp_path, wrapping):
    folder = write(ramp_series(), tmp_path / "plain")
    plain = {row.sop_uid for row in index(folder, tmp_path, name="a").instances()}
    archive = tmp_path / "wrapped" / ("export" if "without" in wrapping else f"export.{wrapping}")
    archive.parent.mkdir()
    if wrapping.startswith("zip"):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for path in folder.iterdir():
                out.write(path, f"deep/er/{path.name}")
    else:
        with tarfile.open(archive, f"w:{wrapping[4:]}") as out:
            out.add(folder, "deep")
    for start in (archive.parent, archive):
        made = index(start, tmp_path, name=f"b{start.name}")
        assert {row.sop_uid for row in made.instances()} == plain
        assert not made.findings


def test_a_damaged_archive_is_reported_and_the_other_files_are_indexed(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as out:
        for path in folder.iterdir():
            out.write(path, path.name)
    whole = (tmp_path / "whole.zip").read_bytes()
    (folder / "cut.zip").write_bytes(whole[: len(whole) - 30])
    bad = bytearray(whole)
    at = bad.rindex(b"PK\x01\x02")
    bad[at : at + 4] = b"XXXX"
    (folder / "bad.zip").write_bytes(bad)
    made = index(folder, tmp_path)
    assert len(list(made.instances())) == SLICES
    assert {finding.rule for finding in made.findings} <= {"DCM001", "DCM003"}
    assert len(made.findings) == 2


def test_a_corrupt_archive_member_is_reported(tmp_path):
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("one", save(ramp_series(slices=1)[0], tmp_path / "one").read_bytes())
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)
    assert [finding.rule for finding in index(tmp_path / "studies", tmp_path).findings] == ["DCM003"]


def test_a_dicomdir_is_indexed_and_its_missing_files_are_reported(tmp_path):
    write_medium(tmp_path / "studies")
    whole = index(tmp_path / "studies", tmp_path)
    assert not whole.findings
    directory = next(row for row in whole.instances() if row.references)
    assert not any("PT0" in name or "/" in name for name in directory.references), "paths may name patients"
    assert len([row for row in whole.instances() if row.sop_uid]) == SLICES
    missing = sorted(path for path in (tmp_path / "studies").rglob("*") if path.is_file() and path.name != "DICOMDIR")[
        0
    ]
    missing.unlink()
    findings = index(tmp_path / "studies", tmp_path).findings
    assert [finding.rule for finding in findings] == ["DCM005"]
    assert findings[0].found.startswith(f"1 of {SLICES}")


def test_unchanged_files_are_not_read_again(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    assert index(folder, tmp_path).n_read == SLICES
    assert index(folder, tmp_path).n_read == 0
    new = ramp_series(slices=2)
    save(new[0], folder / "IM0")
    save(new[1], folder / "another")
    again = index(folder, tmp_path)
    assert again.n_read == 2
    assert len(list(again.instances())) == SLICES + 1
    (folder / "another").unlink()
    assert len(list(index(folder, tmp_path).instances())) == SLICES


def test_an_index_of_another_version_is_rebuilt(tmp_path):
    folder = write(ramp_series(), tmp_path / "studies")
    made = index(folder, tmp_path)
    table = pq.read_table(made.path)
    pq.write_table(table.replace_schema_metadata({"gnomon": "gnomon/instances/0"}), made.path)
    assert index(folder, tmp_path).n_read == SLICES


def test_an_interrupted_index_resumes_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "PART_ROWS", 4)
    monkeypatch.setattr(index_module, "_CHUNK", 2)
    folder = write(ramp_series(slices=20), tmp_path / "studies")
    whole = pq.read_table(index(folder, tmp_path, name="whole").path)
    written, write_table = [], index_module._write

    def dies_after_three_parts(path, tables):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write_table(path, tables)

    monkeypatch.setattr(index_module, "_write", dies_after_three_parts)
    with pytest.raises(KeyboardInterrupt):
        index(folder, tmp_path)
    monkeypatch.setattr(index_module, "_write", write_table)
    resumed = index(folder, tmp_path)
    assert resumed.n_read == 20 - 12
    assert pq.read_table(resumed.path).equals(whole)


def test_a_conversion_interrupted_while_indexing_keeps_its_pseudonyms(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "PART_ROWS", 4)
    folder = write(ramp_series(), tmp_path / "studies")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(index_module, "_CHUNK", 4)
    monkeypatch.setattr(index_module, "_merge", dies)
    with pytest.raises(KeyboardInterrupt):
        convert_studies(folder, tmp_path / "volumes", ConvertSettings(workers=1))
    monkeypatch.undo()
    monkeypatch.setattr(index_module, "_read_chunk", dies)
    done = convert_studies(folder, tmp_path / "volumes", ConvertSettings(workers=1))
    names = json.loads((tmp_path / "volumes" / "pseudonyms.json").read_text())["known"]
    assert names["patients"][done.rows[0]["patient"]] == "SECRET-4711"


def test_a_dicomdir_path_selects_its_folder(tmp_path):
    write_medium(tmp_path / "studies")
    made = index(tmp_path / "studies" / "DICOMDIR", tmp_path)
    assert len([row for row in made.instances() if row.sop_uid]) == SLICES


def test_the_index_is_the_same_for_any_number_of_workers(tmp_path):
    folder = write(ramp_series(slices=120), tmp_path / "studies")
    bytes_of = [index(folder, tmp_path, workers, f"w{workers}").path.read_bytes() for workers in (1, 2)]
    assert bytes_of[0] == bytes_of[1]


def test_no_row_identifies_the_patient(tmp_path):
    series = ramp_series(
        SeriesDescription="Chest Doe JANE secret-4711", ProtocolName="CT jane, li", PatientName="Doe^Jane^Li"
    )
    folder = write(series, tmp_path / "studies" / "Doe_Jane")
    rows = list(index(folder.parent, tmp_path).instances())
    assert "chest" in rows[0].series_description.lower()
    assert rows[0].protocol_name == "CT [removed], [removed]"
    for row in rows:
        text = repr(row).lower()
        assert "doe" not in text and "jane" not in text and "secret" not in text


def test_an_element_longer_than_the_file_is_reported_without_allocating_it(tmp_path):
    path = save(ramp_series(slices=1)[0], tmp_path / "one")
    content = bytearray(path.read_bytes())
    at = content.index(b"\x20\x00\x52\x00UI")  # FrameOfReferenceUID
    content[at + 4 : at + 12] = b"UT\0\0\xf0\xff\xff\x7f"
    path.write_bytes(content)
    row = row_of(path)
    assert row.rule == "DCM003"
    assert "0020,0052" in row.problem


def test_an_unbounded_header_is_reported(tmp_path):
    path = save(ramp_series(slices=1)[0], tmp_path / "one")
    start = path.read_bytes()
    at = start.index(b"\x28\x00\x02\x00US")
    element = b"\x21\x00\x10\x10UT\0\0" + (HEADER_LIMIT_BYTES).to_bytes(4, "little")
    with path.open("wb") as stream:
        stream.write(start[:at] + element)
        stream.truncate(at + 12 + HEADER_LIMIT_BYTES + 100)
    assert "MiB" in row_of(path).problem


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_offset_and_length_of_pixel_data_are_indexed(tmp_path, syntax):
    data = encoded(ramp_series(slices=1)[0], syntax)
    row = row_of(save(data, tmp_path / "one"))
    assert row.transfer_syntax == SYNTAXES[syntax]
    assert row.pixel_keyword == "PixelData"
    assert row.pixel_length == (None if data["PixelData"].is_undefined_length else len(data.PixelData))
    if syntax != "deflated" and row.pixel_length:
        content = (tmp_path / "one").read_bytes()
        assert content[row.pixel_offset :] == data.PixelData


def test_private_elements_are_resolved_by_private_creator(tmp_path):
    (data,) = ramp_series(slices=1)
    for creator in ("SOMEONE ELSE", "GEMS_HELIOS_01"):
        data.private_block(0x0045, creator, create=True).add_new(0x33, "DS", "75" if "GEMS" in creator else "1")
    row = row_of(save(data, tmp_path / "one"))
    assert row.private_creators == ("GEMS_HELIOS_01", "SOMEONE ELSE")
    assert [(one.name, one.value.strip()) for one in row.private] == [("r_peak_delay_percent", b"75")]
    assert row.frames[0].cardiac_phase == 75


def test_csa_header_values_are_parsed():
    assert csa_numbers(csa({"B_value": ["1000"], "SliceNormalVector": ["0", "0", "1"], "Other": ["x"]})) == {
        "B_value": ("1000",),
        "SliceNormalVector": ("0", "0", "1"),
    }
    assert csa_numbers(b"") == {}
    for cut in range(0, 200, 7):
        csa_numbers(csa({"B_value": ["1000"]})[: 12 + cut])


def test_header_values_equal_those_of_pydicom_on_its_own_files(shipped_files):
    """Differential test of two parsers, on every header that pydicom can read."""
    checked = 0
    for path in shipped_files:
        try:
            with quiet_pydicom():
                data = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:
            continue
        row = row_of(path)
        if not row.readable or row.references:
            continue
        checked += 1
        for column, keyword in COLUMNS.items():
            theirs = data.get(keyword)
            ours = getattr(row, column)
            assert (ours or None) == (theirs or None), (path.name, keyword)
        if len(row.frames) == 1 and data.get("ImagePositionPatient"):
            assert list(row.frames[0].position_mm or ()) == [float(value) for value in data.ImagePositionPatient]
    assert checked > 50
