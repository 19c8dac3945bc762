"""The sources of an export: files of a folder, members of zip and tar files, the folder of a DICOMDIR.

A source is a range of bytes that can be read in part. File names are not trusted: an archive is recognised by its
content, and every file and member is a candidate.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from gnomon.io.artifacts import atomic_replacement
from gnomon.rules.catalogue.usage import MISSING_FOLDER

_SPOOL_LIMIT_BYTES = 64 << 30  # a compressed tar larger than this when unpacked is refused
_MEMBER_LIMIT_BYTES = 4 << 30
_COPY_BYTES = 1 << 20
_START_BYTES = 512
_MEDIA_DIRECTORY = b"1.2.840.10008.1.3.10"
_ARCHIVE_ERRORS = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error, ValueError)
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


@dataclass(frozen=True, order=True)
class Source:
    """A range of bytes: a file, a member of a zip, or a member of a tar.

    Attributes:
        name: path relative to the export, followed by the member; may contain the name of a patient.
        path: file that contains the bytes.
        member: name inside a zip; empty elsewhere.
        offset: of the first byte in the file (member of a tar); 0 elsewhere.
        size_bytes: number of bytes.
        modified_ns: modification time of the file, in ns.
        problem: why it cannot be read, if already known; else empty.
    """

    name: str
    path: Path
    member: str
    offset: int
    size_bytes: int
    modified_ns: int
    problem: str = ""


class SourceReader:
    """Reads parts of sources; keeps the last file open, so that the directory of an archive is read once."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._member = ""
        self._file = ExitStack()
        self._entry = ExitStack()
        self._archive: zipfile.ZipFile | None = None
        self._stream: BinaryIO | None = None

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entry.close()
        self._file.close()

    def read(self, source: Source, start: int, count: int) -> bytes:
        """Up to `count` bytes of the source from `start`; fewer at its end.

        Raises:
            OSError, zipfile.BadZipFile, zlib.error, RuntimeError (an encrypted member).
        """
        stream = self._open(source)
        stream.seek(source.offset + start)
        return stream.read(max(0, min(count, source.size_bytes - start)))

    def _open(self, source: Source) -> BinaryIO:
        same_file = self._path == source.path and (self._archive is not None) == bool(source.member)
        if same_file and self._member == source.member and self._stream is not None:
            return self._stream
        self._entry.close()
        self._stream = None
        if not same_file:
            self._file.close()
            self._path, self._archive = source.path, None
            if source.member:
                self._archive = self._file.enter_context(zipfile.ZipFile(source.path))
            else:
                self._stream = self._file.enter_context(source.path.open("rb", buffering=0))
        if self._archive is not None:
            self._stream = cast(BinaryIO, self._entry.enter_context(self._archive.open(source.member)))
        elif self._stream is None:
            self._file.close()
            self._stream = self._file.enter_context(source.path.open("rb", buffering=0))
        self._member = source.member
        return self._stream


def sources_in(studies: Path, spool: Path) -> list[Source]:
    """Every candidate in a folder, an archive, or the folder of a DICOMDIR; in the same order on every machine.

    Args:
        studies: a folder, a zip or tar file, or a DICOMDIR, read as its folder.
        spool: folder for unpacked compressed tars, created when needed; its parent is the output folder, which
            is not searched.

    Raises:
        Refusal: USE101 if `studies` does not exist.
    """
    if studies.is_dir():
        root, output = studies.resolve(), spool.parent.resolve()
        files = [path for path in studies.rglob("*") if path.is_file()]
        if root in output.parents:
            files = [path for path in files if output not in path.resolve().parents]
        sources = [source for path in files for source in _file_sources(path, studies, spool)]
    elif studies.is_file() and _MEDIA_DIRECTORY in _read_start(studies):
        return sources_in(studies.parent, spool)
    elif studies.is_file():
        sources = list(_file_sources(studies, studies.parent, spool))
    else:
        raise MISSING_FOLDER.refusal(str(studies), found="no such folder")
    return sorted(sources)


def _read_start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_START_BYTES)


def _file_sources(path: Path, root: Path, spool: Path) -> Iterator[Source]:
    name = path.relative_to(root).as_posix()
    status = path.stat()
    plain = Source(name, path, "", 0, status.st_size, status.st_mtime_ns)
    start = _read_start(path)
    try:
        if start[:2] == b"PK" and zipfile.is_zipfile(path):
            yield from _zip_members(plain)
        elif start[257:262] == b"ustar":
            yield from _tar_members(plain, path)
        elif (opener := _COMPRESSED.get(start[:2])) is not None and _holds_tar(path, opener):
            yield from _tar_members(plain, _unpack(plain, opener, spool))
        else:
            yield plain
    except _ARCHIVE_ERRORS as error:
        yield replace(plain, problem=f"an archive that cannot be read ({type(error).__name__})")


def _zip_members(archive: Source) -> Iterator[Source]:
    with zipfile.ZipFile(archive.path) as opened:
        for info in opened.infolist():
            if not info.is_dir() and info.file_size <= _MEMBER_LIMIT_BYTES:
                yield Source(
                    f"{archive.name}/{info.filename}",
                    archive.path,
                    info.filename,
                    0,
                    info.file_size,
                    archive.modified_ns,
                )


def _tar_members(archive: Source, tar: Path) -> Iterator[Source]:
    with tarfile.open(tar, "r:") as opened:
        for info in opened:
            if info.isfile():
                yield Source(f"{archive.name}/{info.name}", tar, "", info.offset_data, info.size, archive.modified_ns)


def _holds_tar(path: Path, opener: object) -> bool:
    try:
        with opener(path, "rb") as stream:  # type: ignore[operator]
            return bool(stream.read(262)[257:262] == b"ustar")
    except _ARCHIVE_ERRORS:
        return False


def _unpack(archive: Source, opener: object, spool: Path) -> Path:
    """Decompress a tar into the spool, once, so that its members can be read in part."""
    key = f"{archive.path}|{archive.size_bytes}|{archive.modified_ns}"
    target = spool / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.tar"
    if target.is_file():
        return target
    written = 0
    with atomic_replacement(target) as part, part.open("wb") as out, opener(archive.path, "rb") as stream:  # type: ignore[operator]
        while block := stream.read(_COPY_BYTES):
            written += len(block)
            if written > _SPOOL_LIMIT_BYTES:
                raise OSError(f"more than {_SPOOL_LIMIT_BYTES >> 30} GiB when unpacked")
            out.write(block)
    return target


def plain_name(name: str) -> str:
    """A path without case, ';1' and final dot, in which a DICOMDIR and a copy of its medium may differ."""
    return name.split(";")[0].rstrip(".").casefold()
