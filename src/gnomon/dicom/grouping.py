"""The volumes of an indexed export; slices at the same position are decoded to distinguish copies from other images."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gnomon.core.provenance import sha256_of_values
from gnomon.dicom.index import StudyIndex
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.pixels.spool import FrameSpool
from gnomon.dicom.volumes import Slice, Volume, volumes_of
from gnomon.io.artifacts import write_json
from gnomon.rules.finding import Refusal

_VERSION = "1"
_FRAMES = "frames"


def group_volumes(index: StudyIndex, digests: Path, spool: Path, *, verify: bool = False) -> list[Volume]:
    """Every volume of an indexed export.

    Args:
        index: the export.
        digests: file with the hashes of slices at the same position, reused by later runs.
        spool: folder for the frames that had to be decoded; `frame_spool` returns them.
        verify: whether to decode slices of unchanged files again.
    """
    stored_digests = {} if verify else _read_stored_digests(digests)
    used: dict[str, str | None] = {}
    with FrameReader() as reader:

        def digest(slice_: Slice) -> str | None:
            key = _key(slice_)
            if key not in used:
                used[key] = (
                    stored_digests[key]
                    if key in stored_digests
                    else _hash_slice(slice_, index, reader, frame_spool(spool))
                )
            return used[key]

        volumes = volumes_of(index.instances(), digest)
    if used or digests.is_file():
        write_json(digests, used)
    return volumes


def frame_spool(spool: Path) -> FrameSpool:
    """The frames that `group_volumes` decoded."""
    return FrameSpool(spool / _FRAMES)


def _hash_slice(slice_: Slice, index: StudyIndex, reader: FrameReader, spool: FrameSpool) -> str | None:
    """Hash of the values of a slice; None if they cannot be decoded."""
    reader.begin()
    try:
        frame = reader.read(slice_.instance, index.sources[slice_.instance.file], slice_.frame, slice_.facts)
    except Refusal:
        return None
    spool.keep(slice_.instance.file, slice_.frame, frame, reader.findings)
    padding = b"" if frame.padding is None else frame.padding.tobytes()
    return hashlib.sha256(repr((slice_.shape, slice_.tile)).encode() + frame.values.tobytes() + padding).hexdigest()


def _key(slice_: Slice) -> str:
    """Hash of what a digest depends on: size and modification time of the file, and the slice in it."""
    instance = slice_.instance
    file = [instance.file, instance.size_bytes, instance.modified_ns]
    return sha256_of_values([_VERSION, file, slice_.name, repr(slice_.facts)])


def _read_stored_digests(path: Path) -> dict[str, str | None]:
    try:
        stored = json.loads(path.read_text())
        return stored if isinstance(stored, dict) else {}
    except (OSError, ValueError):  # missing or damaged: slices are decoded again
        return {}
