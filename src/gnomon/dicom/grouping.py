"""The volumes of an indexed export; slices that share a place are decoded to tell copies from other images."""

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
        digests: where hashes of slices that share a place are kept from run to run.
        spool: folder for the frames that had to be decoded; `frame_spool` finds them there.
        verify: whether slices of unchanged files are decoded again.
    """
    known = {} if verify else _read_known_digests(digests)
    used: dict[str, str | None] = {}
    with FrameReader() as reader:

        def digest(one: Slice) -> str | None:
            key = _key(one)
            if key not in used:
                used[key] = known[key] if key in known else _digest(one, index, reader, frame_spool(spool))
            return used[key]

        volumes = volumes_of(index.instances(), digest)
    if used or digests.is_file():
        write_json(digests, used)
    return volumes


def frame_spool(spool: Path) -> FrameSpool:
    """The frames that `group_volumes` decoded."""
    return FrameSpool(spool / _FRAMES)


def _digest(one: Slice, index: StudyIndex, reader: FrameReader, spool: FrameSpool) -> str | None:
    """Hash of a slice's values; None where they cannot be decoded."""
    reader.begin()
    try:
        frame = reader.read(one.instance, index.sources[one.instance.file], one.frame, one.facts)
    except Refusal:
        return None
    spool.keep(one.instance.file, one.frame, frame, reader.findings)
    padding = b"" if frame.padding is None else frame.padding.tobytes()
    return hashlib.sha256(repr((one.shape, one.tile)).encode() + frame.values.tobytes() + padding).hexdigest()


def _key(one: Slice) -> str:
    """What a digest depends on: the file by size and time, and the slice in it."""
    instance = one.instance
    file = [instance.file, instance.size_bytes, instance.modified_ns]
    return sha256_of_values([_VERSION, file, one.name, repr(one.facts)])


def _read_known_digests(path: Path) -> dict[str, str | None]:
    try:
        stored = json.loads(path.read_text())
        return stored if isinstance(stored, dict) else {}
    except (OSError, ValueError):  # none yet, or damaged: decoded anew
        return {}
