"""The reading pass: decodes each volume once, measures it, writes its thumbnail and stages it for a later conversion.

Measures are stored for later runs: a volume whose files are unchanged, by size and modification time, is not read
again. Staged volumes that the audit then rejects are deleted by the conversion, the only reader of the staging folder.
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
_CHUNKS_PER_WORKER = 8
_MIN_FILES_PER_CHUNK = 50
_NO_PATIENT_POSITION = (
    NO_FRAME_GEOMETRY.id,
    SECONDARY_CAPTURE.id,
    LOCALIZER.id,
)  # images without a position in the patient


@dataclass(frozen=True)
class LabelMap:
    """The label map of a volume.

    Attributes:
        path: NIfTI file.
        scheme: the meaning of its values.
        spool: where the parsed label map is stored for the preparation; None if no preparation follows.
    """

    path: Path
    scheme: LabelScheme
    spool: ImageSpool | None = None

    def read(self) -> Image | None:
        """The label map; None if it is refused, which DCM233 reports."""
        try:
            return read_label(self.path) if self.spool is None else self.spool.read_label(self.path)
        except Refusal:
            return None


@dataclass(frozen=True)
class Staging:
    """The conversion that follows the audit: its folder and its settings."""

    folder: VolumesFolder
    settings: ConvertSettings


@dataclass(frozen=True)
class Reading:
    """What to do with the pixels of an export.

    Attributes:
        folder: the audit's, for measures and thumbnails.
        workers: number of processes; the result does not depend on it.
        thumbnails: whether to write a thumbnail of each volume.
        labels: volume_id -> its label map.
        staging: the conversion that follows; None if there is none.
        verify: whether to read volumes of unchanged files again.
    """

    folder: AuditFolder
    workers: int = 2
    thumbnails: bool = True
    labels: Mapping[str, LabelMap] | None = None
    staging: Staging | None = None
    verify: bool = False


@dataclass(frozen=True)
class _Job:
    """One volume for a worker; `conversion` says how to stage it, None not to."""

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
        volumes: all volumes of the export.
        index: the index of the export, which locates their bytes.
        reading: what to do with them.

    Returns:
        the measures, one row per volume with `volume_id` and the columns `MEASURES`; and the findings of decoding.
    """
    labels = reading.labels or {}
    keys = {
        volume.volume_id: _key(volume, index, labels.get(volume.volume_id)) for volume in volumes if _has_pixels(volume)
    }
    measured_rows = {} if reading.verify else _stored_measures(reading.folder, keys)
    jobs = [
        _job(volume, index, reading)
        for volume in volumes
        if volume.volume_id in keys and volume.volume_id not in measured_rows
    ]
    rows = run_in_chunks(_read_chunk, jobs, reading.workers, spool=frame_spool(reading.folder.spool))
    for count, row in enumerate(show_progress(rows, len(jobs), "reading volumes") if jobs else (), start=1):
        measured_rows[row["volume_id"]] = row | {"key": keys[row["volume_id"]]}
        if count % _SAVE_EVERY == 0:  # a run that is killed resumes from here
            write_table(reading.folder.measures, _table_of(measured_rows))
    table = _table_of(measured_rows)
    write_table(reading.folder.measures, table)
    return table.drop("key", "decoding"), tuple(_decoding_findings(table))


def sources_of(volume: Volume, index: StudyIndex) -> dict[str, Source]:
    """The sources of a volume by file pseudonym."""
    return {slice_.instance.file: index.sources[slice_.instance.file] for slice_ in volume.slices}


def run_in_chunks(
    work: Callable[..., list[dict[str, Any]]], jobs: Sequence[Any], workers: int, **arguments: Any
) -> Iterator[dict[str, Any]]:
    """Results of `work(jobs, **arguments)` for chunks of about equally many files, in order; one decoder per chunk.

    Args:
        work: a module-level function, so that other processes can call it.
        jobs: values with `sources`.
        workers: number of processes, at most one per processor.
        arguments: keyword arguments of every call.
    """
    workers = max(1, min(workers, os.cpu_count() or 1, len(jobs)))
    files_per_chunk = max(_MIN_FILES_PER_CHUNK, sum(len(job.sources) for job in jobs) / (_CHUNKS_PER_WORKER * workers))
    run = joblib.Parallel(n_jobs=workers, return_as="generator")
    results: Iterable[list[dict[str, Any]]] = run(
        joblib.delayed(work)(chunk, **arguments) for chunk in _chunks(jobs, files_per_chunk)
    )
    for rows in results:
        yield from rows


def _chunks(jobs: Sequence[Any], files: float) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for job in jobs:
        chunk.append(job)
        if sum(len(queued.sources) for queued in chunk) >= files:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _job(volume: Volume, index: StudyIndex, reading: Reading) -> _Job:
    sources, conversion = sources_of(volume, index), None
    if reading.staging is not None:
        candidate = VolumeJob(volume, sources, reading.staging.folder, reading.staging.settings)
        accepted = volume.stack is not None and not has_error(candidate.header_findings())
        if accepted and (reading.verify or not is_unchanged(candidate)):
            conversion = replace(candidate, folder=candidate.folder.staging)
    thumbnail = reading.folder.thumbnail(volume.volume_id) if reading.thumbnails else None
    return _Job(volume, sources, (reading.labels or {}).get(volume.volume_id), thumbnail, conversion)


def _read_chunk(jobs: Sequence[_Job], spool: FrameSpool) -> list[dict[str, Any]]:
    with FrameReader(spool) as reader:
        return [_read_volume(job, reader) for job in jobs]


def _read_volume(job: _Job, reader: FrameReader) -> dict[str, Any]:
    """Decode a volume, then stage, measure and draw it as its job asks; a failure to decode becomes findings."""
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
    """Whether a volume has grayscale pixels to measure: a stack, or a single image."""
    first = volume.first
    if volume.stack is None and (image_kind(first) or not first.pixel_keyword):
        return False
    return first.samples == 1 and not any(
        f.severity is Severity.ERROR and f.rule not in _NO_PATIENT_POSITION for f in volume.findings
    )


def _key(volume: Volume, index: StudyIndex, label: LabelMap | None) -> str:
    """Hash of sizes and modification times of the files of a volume and its label map."""
    files = sorted({slice_.instance.file for slice_ in volume.slices})
    stamps = [(file, index.sources[file].size_bytes, index.sources[file].modified_ns) for file in files]
    label_state: list[Any] = []
    if label is not None:
        status = label.path.stat()
        label_state = [status.st_size, status.st_mtime_ns, label.scheme.as_dict()]
    return sha256_of_values([_MEASURES_VERSION, stamps, [slice_.name for slice_ in volume.slices], label_state])


def _stored_measures(folder: AuditFolder, keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    if not folder.measures.is_file():
        return {}
    try:
        rows = pl.read_parquet(folder.measures).to_dicts()
        return {
            row["volume_id"]: row
            for row in rows
            if keys.get(row["volume_id"]) == row["key"] and MEASURES.keys() <= row.keys()
        }
    except (pl.exceptions.PolarsError, OSError, KeyError):  # written by another version: measured again
        return {}


def _table_of(measured_rows: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    schema = {"volume_id": pl.String, "key": pl.String, "decoding": pl.String, **MEASURES}
    return pl.DataFrame([measured_rows[name] for name in sorted(measured_rows)], schema=schema)


def _decoding_findings(table: pl.DataFrame) -> Iterator[Finding]:
    """The stored findings of decoding, each addressed to its volume."""
    for name, rows in zip(table["volume_id"], table["decoding"]):
        for row in json.loads(rows):
            found = finding_of(row)
            text = " in ".join(filter(None, (found.found, found.where)))
            yield replace(found, where=f"volume {name}", found=text)
