"""The index of an export: `instances.parquet`, one typed row per instance; unchanged files are not read again.

Sources are read in parts of a thousand by a pool of processes. Each part is written before the next result is taken,
so that a run that is killed resumes where it stopped and memory does not grow with the export.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from gnomon.core.settings import section, setting
from gnomon.dicom.index.header import read_instance
from gnomon.dicom.index.instances import VERSION, Instance, rows_of, schema, table_of
from gnomon.dicom.index.sources import Source, SourceReader, plain_name, sources_in
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.io.artifacts import atomic_replacement
from gnomon.io.console import show_progress
from gnomon.rules.catalogue.file import MISSING_FROM_DICOMDIR, NO_FILE_META, NOT_DICOM, UNREADABLE_FILE
from gnomon.rules.finding import Finding

PART_ROWS = 1000
_CHUNK = 50
_DIGESTED = ("site", "station", "birth")  # stored as keyed digests: comparable, never readable


@section
class IndexSettings:
    """How the headers are read."""

    workers: int = setting(
        2, "Processes that read headers; the result does not depend on their number.", bounds=(1, 256)
    )
    verify: bool = setting(False, "Whether headers of unchanged files are read again.")


@dataclass(frozen=True)
class StudyIndex:
    """The index of an export: rows on disk, and the source of each.

    Attributes:
        path: instances.parquet.
        sources: file pseudonym -> source.
        findings: those about single files; volumes have their own.
        n_read: number of sources that had to be read.
    """

    path: Path
    sources: dict[str, Source]
    findings: tuple[Finding, ...]
    n_read: int

    def instances(self) -> Iterator[Instance]:
        """Every readable row, in the order of the index; loads one part at a time."""
        yield from (row for part in _parts(self.path) for row in rows_of(part) if row.readable)


def index_studies(studies: Path, path: Path, names: PseudonymMap, settings: IndexSettings, spool: Path) -> StudyIndex:
    """Index an export into `path`, reading only what is new or changed since the index there was written.

    Args:
        studies: a folder, a zip or tar file, or a DICOMDIR.
        path: where to write instances.parquet.
        names: the pseudonym map; patients and files are added to it.
        spool: folder for archives that must be unpacked to be read; sources may point into it.

    Raises:
        Refusal: USE101 if `studies` does not exist.
    """
    parts_folder = path.parent / f".{path.stem}-parts"
    sources = sources_in(studies, spool)
    by_pseudonym = {names.digest("files", source.name): source for source in sources}
    stored_rows = _StoredRows([path, *sorted(parts_folder.glob("*.parquet"))])
    stale = {
        file: source for file, source in by_pseudonym.items() if settings.verify or not stored_rows.has(file, source)
    }
    with _pool(settings.workers, len(stale)) as pool:
        fresh = pool(joblib.delayed(_read_chunk)(chunk) for chunk in _chunks(list(stale.items()), _CHUNK))
        rows = _pseudonymise((pair for chunk in fresh for pair in chunk), names)
        _write_parts(show_progress(rows, len(stale), "reading headers") if stale else rows, parts_folder, names)
    stored_rows = _StoredRows([path, *sorted(parts_folder.glob("*.parquet"))])
    findings = _merge(by_pseudonym, stored_rows, path, names)
    shutil.rmtree(parts_folder, ignore_errors=True)
    return StudyIndex(path, by_pseudonym, tuple(findings), len(stale))


def _pool(workers: int, files: int) -> joblib.Parallel:
    return joblib.Parallel(n_jobs=max(1, min(workers, files // _CHUNK + 1)), return_as="generator")


def _chunks(items: list[tuple[str, Source]], size: int) -> Iterator[list[tuple[str, Source]]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _read_chunk(chunk: list[tuple[str, Source]]) -> list[tuple[Instance, str]]:
    with SourceReader() as reader:
        return [read_instance(reader, source, file) for file, source in chunk]


def _pseudonymise(pairs: Iterable[tuple[Instance, str]], names: PseudonymMap) -> Iterator[Instance]:
    """Rows with the patient's pseudonym, and pseudonyms of the paths that a DICOMDIR lists: they may name patients."""
    for row, identity in pairs:
        if row.references:
            yield replace(row, references=tuple(names.digest("references", plain_name(r)) for r in row.references))
            continue
        declared = row.declared
        hidden: dict[str, Any] = {
            kind: names.digest(kind, text) for kind in _DIGESTED if (text := getattr(declared, kind))
        }
        row = replace(row, declared=replace(declared, **hidden)) if hidden else row
        yield replace(row, patient=names.pseudonym("patients", identity)) if identity else row


def _write_parts(rows: Iterable[Instance], folder: Path, names: PseudonymMap) -> None:
    """Write rows in parts, after the parts that an earlier run left; the pseudonym map is saved before each part."""

    def write_part(part: list[Instance]) -> None:
        names.save()
        _write(folder / f"{number:06d}.parquet", [table_of(part)])

    part: list[Instance] = []
    number = 1 + max((int(path.stem) for path in folder.glob("[0-9]*.parquet")), default=-1)
    for row in rows:
        part.append(row)
        if len(part) == PART_ROWS:
            write_part(part)
            part, number = [], number + 1
    if part:
        write_part(part)


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    with atomic_replacement(path) as temporary, pq.ParquetWriter(temporary, schema(), compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=PART_ROWS)


def _parts(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def _is_current(path: Path) -> bool:
    """Whether a table on disk has this version and schema."""
    stored = pq.read_schema(path)
    return bool(stored.equals(schema()) and (stored.metadata or {}).get(b"gnomon") == VERSION.encode())


class _StoredRows:
    """Rows already on disk, by file pseudonym; a row group is read when one of its rows is needed."""

    def __init__(self, paths: list[Path]) -> None:
        self._locations: dict[str, tuple[Path, int, int, int, int]] = {}
        self._loaded: tuple[tuple[Path, int], pa.Table] | None = None
        for path in paths:
            if path.is_file() and _is_current(path):
                self._add_table(path)

    def _add_table(self, path: Path) -> None:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=["file", "size_bytes", "modified_ns"])
                columns = (table.column(name).to_pylist() for name in table.schema.names)
                for row, (name, size, modified) in enumerate(zip(*columns)):
                    self._locations[name] = (path, group, row, size, modified)

    def has(self, file: str, source: Source) -> bool:
        """Whether there is a row for this source, and the source is unchanged."""
        location = self._locations.get(file)
        return location is not None and location[3:] == (source.size_bytes, source.modified_ns)

    def has_exactly(self, path: Path, files: list[str]) -> bool:
        """Whether the table at `path` has exactly the rows of these files, in this order, and no other tablehas any."""
        in_one_table = all(location[0] == path for location in self._locations.values())
        return path.is_file() and in_one_table and list(self._locations) == files

    def rows(self, files: list[str]) -> pa.Table:
        """The rows of these files, in this order."""
        tables, at = [], 0
        while at < len(files):
            path, group = self._locations[files[at]][:2]
            end = at
            while end < len(files) and self._locations[files[end]][:2] == (path, group):
                end += 1
            indices = [self._locations[file][2] for file in files[at:end]]
            tables.append(self._group(path, group).take(indices))
            at = end
        return pa.concat_tables(tables) if tables else schema().empty_table()

    def _group(self, path: Path, group: int) -> pa.Table:
        if self._loaded is None or self._loaded[0] != (path, group):
            with pq.ParquetFile(path) as file:
                self._loaded = ((path, group), file.read_row_group(group))
        return self._loaded[1]


def _merge(by_pseudonym: dict[str, Source], stored_rows: _StoredRows, path: Path, names: PseudonymMap) -> list[Finding]:
    """Write the whole index in the order of the sources, unless it is up to date; findings about single files."""
    files = list(by_pseudonym)
    findings: list[Finding] = []

    def with_findings(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            for row in rows_of(table.filter(_rows_with_findings(table))):
                findings.extend(_file_findings(row, by_pseudonym, names))
            yield table

    if stored_rows.has_exactly(path, files):
        for _ in with_findings(_parts(path)):
            pass
    else:
        _write(
            path,
            with_findings(
                stored_rows.rows(files[start : start + PART_ROWS]) for start in range(0, len(files), PART_ROWS)
            ),
        )
    return findings


def _path_suffixes(by_pseudonym: dict[str, Source], names: PseudonymMap) -> set[str]:
    """Pseudonyms of every suffix of every source's path: a copied medium may lie anywhere in the export."""
    suffixes: set[str] = set()
    for source in by_pseudonym.values():
        parts = plain_name(source.name).split("/")
        suffixes.update("/".join(parts[start:]) for start in range(len(parts)))
    return {names.digest("references", suffix) for suffix in suffixes}


def _rows_with_findings(table: pa.Table) -> pa.Array:
    flags = [
        bool(rule or references or deduced)
        for rule, references, deduced in zip(
            table.column("rule").to_pylist(),
            table.column("references").to_pylist(),
            table.column("syntax_deduced").to_pylist(),
        )
    ]
    return pa.array(flags, pa.bool_())


def _file_findings(row: Instance, by_pseudonym: dict[str, Source], names: PseudonymMap) -> Iterator[Finding]:
    where = f"file {row.file}"
    names.link("files", row.file, by_pseudonym[row.file].name)
    if row.rule == NOT_DICOM.id:
        yield NOT_DICOM.at(where, found=row.problem)
    elif row.rule:
        yield UNREADABLE_FILE.at(where, found=row.problem)
    elif row.syntax_deduced:
        yield NO_FILE_META.at(
            where, found=f"no matching file meta group; transfer syntax {row.transfer_syntax} deduced"
        )
    if missing := set(row.references) - _path_suffixes(by_pseudonym, names) if row.references else set():
        yield MISSING_FROM_DICOMDIR.at(
            where, found=f"{len(missing)} of {len(row.references)} files listed in the DICOMDIR are missing"
        )
