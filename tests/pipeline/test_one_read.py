"""From studies to the data set each frame is decoded and each image parsed once; an unchanged rerun reads none."""

import json
from collections import Counter

import pytest

from gnomon.commands.launch import launch
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.io.folders import AuditFolder, DatasetFolder, VolumesFolder
from gnomon.io.images import nifti
from tests.conftest import TINY


class Reads:
    """How often each frame was decoded, its bytes were read, and each NIfTI file was parsed."""

    def __init__(self, monkeypatch):
        self.decoded, self.raw, self.parsed = Counter(), Counter(), Counter()
        decode, raw, voxels = FrameReader._stored_values, FrameReader._frame_bytes, nifti._voxels

        def counted_decode(reader, instance, source, frame, fmt):
            self.decoded[source.name, frame] += 1
            return decode(reader, instance, source, frame, fmt)

        def counted_raw(reader, instance, source, frame):
            self.raw[source.name, frame] += 1
            return raw(reader, instance, source, frame)

        def counted_voxels(image, path):
            self.parsed[f"{path.parent.name}/{path.name}"] += 1
            return voxels(image, path)

        monkeypatch.setattr(FrameReader, "_stored_values", counted_decode)
        monkeypatch.setattr(FrameReader, "_frame_bytes", counted_raw)
        monkeypatch.setattr(nifti, "_voxels", counted_voxels)

    def clear(self):
        for counter in (self.decoded, self.raw, self.parsed):
            counter.clear()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder of the data of eight phantom studies, from files to data set, with all reads counted."""
    with pytest.MonkeyPatch.context() as patch:
        workspace = tmp_path_factory.mktemp("reads")
        reads = Reads(patch)

        def prepare(*more):
            reads.clear()
            assert launch("train", [*TINY, f"workspace={workspace}", *more, "--explain"]) == 0
            return next((workspace / "data").iterdir())

        yield prepare(), prepare, reads, Counter(reads.decoded), Counter(reads.parsed)


def test_each_frame_is_decoded_once_from_studies_to_the_data_set(prepared):
    store, _, _, decoded, _ = prepared
    rows = json.loads(VolumesFolder(store / "volumes").index.read_text())["volumes"]
    assert set(decoded.values()) == {1}
    frames = sum(row["slices"] for row in rows if row["decision"] != "reject")
    pictures = sum(row["slices"] for row in rows if row["decision"] == "reject")
    assert 216 == frames <= len(decoded) <= frames + pictures


def test_each_image_and_each_label_is_parsed_once(prepared):
    store, _, _, _, parsed = prepared
    cases = json.loads(DatasetFolder(store / "dataset").index.read_text())["cases"]
    assert set(parsed.values()) == {1}
    assert {f"volumes/{name}.nii.gz" for name in cases} <= parsed.keys()
    assert sum(name.startswith("labels/") for name in parsed) >= len(cases)


def test_nothing_is_left_of_what_was_staged_or_spooled(prepared):
    store, *_ = prepared
    leftovers = [
        VolumesFolder(store / "volumes").staging.path,
        VolumesFolder(store / "volumes").spool,
        AuditFolder(store / "audit").spool,
        DatasetFolder(store / "dataset").spool,
    ]
    assert not [path for path in leftovers if path.exists()]
    index = json.loads(VolumesFolder(store / "volumes").index.read_text())
    accepted = {row["volume_id"] for row in index["volumes"] if row["decision"] != "reject"}
    assert {path.name.split(".")[0] for path in (store / "volumes").glob("*.nii.gz")} == accepted


def test_an_unchanged_rerun_reads_no_pixel_and_with_verify_all_of_them(prepared):
    store, prepare, reads, decoded, parsed = prepared
    before = json.loads(DatasetFolder(store / "dataset").index.read_text())
    prepare()
    assert not reads.decoded and not reads.raw and not reads.parsed
    assert prepare("verify=true") == store
    assert reads.decoded == decoded
    assert reads.parsed.keys() == parsed.keys()
    assert json.loads(DatasetFolder(store / "dataset").index.read_text()) == before


def test_verify_finds_a_prepared_array_that_was_changed_behind_our_back(prepared):
    store, prepare, *_ = prepared
    name = next(iter(json.loads(DatasetFolder(store / "dataset").index.read_text())["cases"]))
    image = DatasetFolder(store / "dataset").case(name) / "image.npy"
    whole = image.read_bytes()
    image.write_bytes(whole[:-4] + b"\0\0\0\0")
    prepare()
    assert image.read_bytes() != whole
    prepare("verify=true")
    assert image.read_bytes() == whole


def test_a_killed_conversion_goes_on_with_what_the_audit_staged(prepared, tmp_path, monkeypatch):
    _, _, reads, *_ = prepared
    arguments = [*TINY, f"workspace={tmp_path}", "--explain"]
    with monkeypatch.context() as patch:

        def killed(*_, **__):
            raise KeyboardInterrupt

        patch.setattr("gnomon.pipeline.data.convert_studies", killed)
        assert launch("train", arguments) != 0
    reads.clear()
    assert launch("train", arguments) == 0
    assert not reads.decoded and not reads.raw
