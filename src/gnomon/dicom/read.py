"""The reading pass: each volume is decoded once, measured, drawn small, and staged for the conversion that follows.

Measures are kept from run to run, and a volume whose files have not changed, by size and time, is not read again. What
an audit rejects later is dropped from the staging folder by the conversion; nobody else looks there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import polars as pl

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_values
from gnomon.dicom.decode import DecodedVolume, decode_volume
from gnomon.dicom.grouping import frame_spool
from gnomon.dicom.index import Source, StudyIndex
from gnomon.dicom.measures import MEASURES, measure_volume, write_thumbnail
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.pixels.spool import FrameSpool
from gnomon.dicom.policy import value_repairs
from gnomon.dicom.volumes import Volume
from gnomon.dicom.volumes.checks import image_kind
from gnomon.dicom.volumes.corrections import VALUE_REPAIRS, CorrectedValues, correct_values
from gnomon.dicom.write import VolumeJob, has_error, is_unchanged, stage_volume
from gnomon.io.artifacts import finding_of, write_table
from gnomon.io.console import show_progress
from gnomon.io.folders import AuditFolder, VolumesFolder
from gnomon.io.images import Image, ImageSpool, read_label
from gnomon.rules.catalogue.image import LOCALIZER, NO_FRAME_GEOMETRY, SECONDARY_CAPTURE
from gnomon.rules.finding import Finding, Refusal, Severity
from gnomon.settings import ConvertSettings

_MEASURES_VERSION = "3"
_SAVE_EVERY = 200  # volumes
_SHARES = 8  # chunks of volumes a worker
_LEAST_FILES = 50
_PICTURES = (
    NO_FRAME_GEOMETRY.id,
    SECONDARY_CAPTURE.id,
    LOCALIZER.id,
)  # pictures without a place in the patient


@dataclass(frozen=True)
class LabelMap:
    """The label map of a volume.

    Attributes:
        path: NIfTI file.
        scheme: what its values mean.
        spool: where it is kept for the preparation, which needs it again; None where none follows.
    """

    path: Path
    scheme: LabelScheme
    spool: ImageSpool | None = None

    def read(self) -> Image | None:
        """The label map; None where it is refused, which DCM233 reports."""
        try:
            return read_label(self.path) if self.spool is None else self.spool.read_label(self.path)
        except Refusal:
            return None


@dataclass(frozen=True)
class Staging:
    """A conversion that will follow: its folder, and its repairs."""

    folder: VolumesFolder
    settings: ConvertSettings


@dataclass(frozen=True)
class Reading:
    """What to do with the pixels of an export.

    Attributes:
        folder: where measures and thumbnails lie.
        workers: processes; the result does not depend on it.
        thumbnails: whether a picture of each volume is kept.
        labels: volume_id -> its label map.
        staging: the conversion that will follow; None for none.
        verify: whether volumes of unchanged files are read again.
    """

    folder: AuditFolder
    workers: int = 2
    thumbnails: bool = True
    labels: Mapping[str, LabelMap] | None = None
    staging: Staging | None = None
    verify: bool = False


@dataclass(frozen=True)
class _Job:
    """One volume for a worker: `conversion` says how it is staged, None that it is not."""

    volume: Volume
    sources: dict[str, Source]
    label: LabelMap | None
    thumbnail: Path | None
    conversion: VolumeJob | None


def read_volumes(
    volumes: Sequence[Volume], index: StudyIndex, reading: Reading
) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """Decode every volume that has pixels and is new or changed.

    Args:
        volumes: of the whole export.
        index: where their bytes lie.
        reading: what to do with them.

    Returns:
        the measures, one row per volume with `volume_id` and the columns `MEASURES`; and what decoding found.
    """
    labels = reading.labels or {}
    keys = {
        volume.volume_id: _key(volume, index, labels.get(volume.volume_id)) for volume in volumes if _has_pixels(volume)
    }
    known = {} if reading.verify else _known_measures(reading.folder, keys)
    jobs = [
        _job(volume, index, reading) for volume in volumes if volume.volume_id in keys and volume.volume_id not in known
    ]
    rows = run_in_chunks(_read_chunk, jobs, reading.workers, spool=frame_spool(reading.folder.spool))
    for count, row in enumerate(show_progress(rows, len(jobs), "reading volumes") if jobs else (), start=1):
        known[row["volume_id"]] = row | {"key": keys[row["volume_id"]]}
        if count % _SAVE_EVERY == 0:  # a run that is killed goes on from here
            write_table(reading.folder.measures, _table_of(known))
    table = _table_of(known)
    write_table(reading.folder.measures, table)
    return table.drop("key", "decoding"), tuple(_decoding_findings(table))


def sources_of(volume: Volume, index: StudyIndex) -> dict[str, Source]:
    """Where the bytes of a volume lie, by file pseudonym."""
    return {one.instance.file: index.sources[one.instance.file] for one in volume.slices}


def run_in_chunks(
    work: Callable[..., list[dict[str, Any]]], jobs: Sequence[Any], workers: int, **arguments: Any
) -> Iterator[dict[str, Any]]:
    """Results of `work(jobs, **arguments)` for chunks of about as many files each, in order; a chunk has one decoder.

    Args:
        work: a function of a module, so that other processes can call it.
        jobs: values with `sources`.
        workers: processes, at most one per processor.
        arguments: for every call.
    """
    workers = max(1, min(workers, os.cpu_count() or 1, len(jobs)))
    wanted = max(_LEAST_FILES, sum(len(job.sources) for job in jobs) / (_SHARES * workers))
    run = joblib.Parallel(n_jobs=workers, return_as="generator")
    done: Iterable[list[dict[str, Any]]] = run(
        joblib.delayed(work)(chunk, **arguments) for chunk in _chunks(jobs, wanted)
    )
    for rows in done:
        yield from rows


def _chunks(jobs: Sequence[Any], files: float) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for job in jobs:
        chunk.append(job)
        if sum(len(one.sources) for one in chunk) >= files:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _job(volume: Volume, index: StudyIndex, reading: Reading) -> _Job:
    sources, conversion = sources_of(volume, index), None
    if reading.staging is not None:
        wanted = VolumeJob(volume, sources, reading.staging.folder, reading.staging.settings)
        accepted = volume.stack is not None and not has_error(wanted.header_findings())
        if accepted and (reading.verify or not is_unchanged(wanted)):
            conversion = replace(wanted, folder=wanted.folder.staging)
    thumbnail = reading.folder.thumbnail(volume.volume_id) if reading.thumbnails else None
    return _Job(volume, sources, (reading.labels or {}).get(volume.volume_id), thumbnail, conversion)


def _read_chunk(jobs: Sequence[_Job], spool: FrameSpool) -> list[dict[str, Any]]:
    with FrameReader(spool) as reader:
        return [_read_volume(job, reader) for job in jobs]


def _read_volume(job: _Job, reader: FrameReader) -> dict[str, Any]:
    """Decode a volume once, and do with it all that is wanted; what cannot be decoded becomes findings."""
    volume = job.volume
    slices = volume.stack.slices if volume.stack else volume.slices
    try:
        decoded = decode_volume(slices, job.sources, reader)
    except Refusal as refusal:
        return _row(volume, refusal.findings, {})
    if not decoded.voxels.size:
        return _row(volume, decoded.findings, {})
    corrected = correct_values(decoded.voxels, decoded.padding, slices)
    if job.conversion is not None:
        _stage(job.conversion, decoded, corrected)
    label = None if job.label is None or volume.stack is None or not volume.stack.even else job.label.read()
    measures = measure_volume(volume, slices, corrected, label, None if job.label is None else job.label.scheme)
    if job.thumbnail is not None and measures.planes:
        write_thumbnail(job.thumbnail, measures, volume.first.modality)
    values = {**measures.values, "pixels_sha256": decoded.pixels_sha256}
    return _row(volume, (*decoded.findings, *corrected.findings), values)


def _stage(job: VolumeJob, decoded: DecodedVolume, corrected: CorrectedValues) -> None:
    stack, repairs = job.volume.stack, value_repairs(job.settings)
    if set(repairs) != set(VALUE_REPAIRS):
        corrected = correct_values(decoded.voxels, decoded.padding, decoded.slices, repairs)
    if stack is not None:
        stage_volume(job, stack, decoded, corrected, job.header_findings())


def _row(volume: Volume, findings: Sequence[Finding], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "volume_id": volume.volume_id,
        "decoding": json.dumps([finding.as_row() for finding in findings]),
        **{name: values.get(name) for name in MEASURES},
    }


def _has_pixels(volume: Volume) -> bool:
    """Whether a volume's pixels can be looked at: a stack, or a picture of its own."""
    one = volume.first
    if volume.stack is None and (image_kind(one) or not one.pixel_keyword):
        return False
    return one.samples == 1 and not any(
        f.severity is Severity.ERROR and f.rule not in _PICTURES for f in volume.findings
    )


def _key(volume: Volume, index: StudyIndex, label: LabelMap | None) -> str:
    """Of the files that a volume and its label map are made from, by size and time."""
    files = sorted({one.instance.file for one in volume.slices})
    stamps = [(file, index.sources[file].size_bytes, index.sources[file].modified_ns) for file in files]
    state: list[Any] = []
    if label is not None:
        status = label.path.stat()
        state = [status.st_size, status.st_mtime_ns, label.scheme.as_dict()]
    return sha256_of_values([_MEASURES_VERSION, stamps, [one.name for one in volume.slices], state])


def _known_measures(folder: AuditFolder, keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    if not folder.measures.is_file():
        return {}
    try:
        rows = pl.read_parquet(folder.measures).to_dicts()
        return {
            row["volume_id"]: row
            for row in rows
            if keys.get(row["volume_id"]) == row["key"] and MEASURES.keys() <= row.keys()
        }
    except (pl.exceptions.PolarsError, OSError, KeyError):  # of another version: measured anew
        return {}


def _table_of(known: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    schema = {"volume_id": pl.String, "key": pl.String, "decoding": pl.String, **MEASURES}
    return pl.DataFrame([known[name] for name in sorted(known)], schema=schema)


def _decoding_findings(table: pl.DataFrame) -> Iterator[Finding]:
    """What decoding found, about volumes."""
    for name, rows in zip(table["volume_id"], table["decoding"]):
        for row in json.loads(rows):
            found = finding_of(row)
            text = " in ".join(filter(None, (found.found, found.where)))
            yield replace(found, where=f"volume {name}", found=text)
