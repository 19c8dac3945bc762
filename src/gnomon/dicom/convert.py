"""studies/ -> volumes/: every accepted volume as NIfTI with its way back, every refused one by name."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from gnomon.core.provenance import sha256_of_values
from gnomon.dicom.index import IndexSettings, Source, StudyIndex, index_studies
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.policy import Verdict
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.dicom.volumes import Slice, Volume, volumes_of
from gnomon.dicom.write import SCHEMA, VolumeJob, written
from gnomon.io.artifacts import atomic_replacement, write_findings, write_json, write_rows
from gnomon.io.console import say, show_progress
from gnomon.io.folders import VolumesFolder
from gnomon.rules.catalogue.usage import NO_DICOM_FILES
from gnomon.rules.finding import Finding
from gnomon.settings import ConvertSettings

_COLUMNS = (
    "volume_id",
    "decision",
    "reasons",
    "patient",
    "modality",
    "slices",
    "shape",
    "spacing_mm",
    "orientation",
    "kernel",
    "padding",
    "repairs",
)
_VOLUME_ID = re.compile(r"[0-9a-f]{16}")
_SHARES = 8  # runs of volumes a worker
_LEAST_FILES = 50


@dataclass(frozen=True)
class Converted:
    """What a conversion did: a row a volume, and every finding."""

    rows: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> int:
        """Number of volumes that were not converted."""
        return sum(row["decision"] == "reject" for row in self.rows)


def convert_studies(
    studies: Path, output: Path, settings: ConvertSettings, verdict: Verdict | None = None
) -> Converted:
    """Read every DICOM file in `studies` (a folder, an archive, a DICOMDIR) and write a volumes folder.

    What an audit (`verdict`) rejected, did not see, or saw with other pixels,
    is refused. A header that was indexed and a volume that was made from the same bytes are not read again.

    Raises:
        Refusal: there is nothing at `studies`, or no DICOM file in it.
    """
    folder, fresh = VolumesFolder(output), not output.exists()
    if verdict is not None:
        _begin_from(verdict, folder)
    names = PseudonymMap.open(folder.pseudonyms, settings.pseudonym_key)
    index = index_studies(studies, folder.instances, names, IndexSettings(settings.workers), folder.spool)
    volumes = indexed_volumes(index)
    if not volumes:
        if fresh:
            shutil.rmtree(output, ignore_errors=True)
        raise NO_DICOM_FILES.refusal(
            str(studies), found=f"{len(index.sources)} file(s), none of them a readable DICOM object"
        )
    for volume in volumes:
        places = sorted({index.sources[one.instance.file].name.rpartition("/")[0] for one in volume.slices})
        names.link("volumes", volume.volume_id, ", ".join(place or "." for place in places))
    names.save()
    rows = _write_all(volumes, index, folder, settings, verdict)
    findings = [*index.findings, *(Finding(**finding) for row in rows for finding in row["findings"])]
    _write_tables(folder, rows, findings, verdict)
    _remove_others(folder, {row["volume_id"] for row in rows if row["decision"] != "reject"})
    shutil.rmtree(folder.spool, ignore_errors=True)
    return Converted(tuple(rows), tuple(findings))


def _begin_from(verdict: Verdict, folder: VolumesFolder) -> None:
    """Take over the audit's index and pseudonyms, where the folder has none of its own."""
    if folder.pseudonyms.is_file() or verdict.index is None or verdict.pseudonyms is None:
        return
    if verdict.index.is_file() and verdict.pseudonyms.is_file():
        with atomic_replacement(folder.instances) as temporary:
            shutil.copyfile(verdict.index, temporary)
        known = PseudonymMap.open(verdict.pseudonyms, None)
        PseudonymMap(folder.pseudonyms, known.key, known.known).save()


def indexed_volumes(index: StudyIndex) -> list[Volume]:
    """Every volume of an indexed export; slices that share a place are decoded to be compared."""
    with FrameReader() as reader:

        def digest(one: Slice) -> str:
            frame = reader.read(one.instance, index.sources[one.instance.file], one.frame, one.facts)
            padding = b"" if frame.padding is None else frame.padding.tobytes()
            return hashlib.sha256(repr((one.shape, one.tile)).encode() + frame.values.tobytes() + padding).hexdigest()

        return volumes_of(index.instances(), digest)


def _write_all(
    volumes: list[Volume], index: StudyIndex, folder: VolumesFolder, settings: ConvertSettings, verdict: Verdict | None
) -> list[dict[str, Any]]:
    jobs = [VolumeJob(volume, sources_of(volume, index), folder, settings, verdict) for volume in volumes]
    workers = max(1, min(settings.workers, os.cpu_count() or 1, len(jobs)))
    return list(show_progress(_written(jobs, workers), len(jobs), "converting volumes"))


def _written(jobs: list[VolumeJob], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1:
        with FrameReader() as reader:
            yield from (written(job, reader) for job in jobs)
        return
    run = joblib.Parallel(n_jobs=workers, return_as="generator")
    done: Iterable[list[dict[str, Any]]] = run(
        joblib.delayed(_write_chunk)(chunk) for chunk in _chunks(jobs, _SHARES * workers)
    )
    for rows in done:
        yield from rows


def sources_of(volume: Volume, index: StudyIndex) -> dict[str, Source]:
    """Where the bytes of a volume lie, by file pseudonym."""
    return {one.instance.file: index.sources[one.instance.file] for one in volume.slices}


def _chunks(jobs: list[VolumeJob], shares: int) -> Iterator[list[VolumeJob]]:
    """Jobs in runs of about as many files each: a run has one decoder, and is what a worker takes at a time."""
    wanted = max(_LEAST_FILES, sum(len(job.sources) for job in jobs) / shares)
    chunk: list[VolumeJob] = []
    for job in jobs:
        chunk.append(job)
        if sum(len(one.sources) for one in chunk) >= wanted:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _write_chunk(jobs: list[VolumeJob]) -> list[dict[str, Any]]:
    with FrameReader() as reader:
        return [written(job, reader) for job in jobs]


def _write_tables(
    folder: VolumesFolder, rows: list[dict[str, Any]], findings: list[Finding], verdict: Verdict | None
) -> None:
    write_findings(folder.findings, findings)
    write_rows(folder.table, [_flat(row) for row in rows], _COLUMNS)
    accepted = {row["volume_id"]: row["image_sha256"] for row in rows if row["decision"] != "reject"}
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "content_sha256": sha256_of_values(accepted),
            "audit_sha256": None if verdict is None else verdict.content_sha256,
            "decisions": dict(sorted(Counter(row["decision"] for row in rows).items())),
            "volumes": rows,
        },
    )


def _remove_others(folder: VolumesFolder, accepted: set[str]) -> None:
    """Take away volumes that an earlier run accepted and this one does not: whoever lists the folder would use them."""
    stale = [path.stem for path in folder.path.glob("*.json") if _VOLUME_ID.fullmatch(path.stem)]
    gone = sorted(set(stale) - accepted)
    for volume_id in gone:
        for path in (folder.image(volume_id), folder.padding(volume_id), folder.sidecar(volume_id)):
            path.unlink(missing_ok=True)
    if gone:
        say(f"removed {len(gone)} volume(s) of an earlier run that this one does not accept: {', '.join(gone)}")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    lists = ("reasons", "kernel", "shape", "spacing_mm", "repairs")
    return row | {key: " ".join(map(str, row[key])) for key in lists if key in row}
