"""Writing one volume: NIfTI, padding mask and sidecar, or the row that says why it is refused.

A volume of an earlier run is reused if its files are unchanged, by size and modification time, or else by the bytes of
their pixels. A volume staged by a reading pass is published by renaming. Any other volume is decoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.geometry import volume_from_frames
from gnomon.core.provenance import sha256_of_file, sha256_of_values
from gnomon.dicom.decode import DecodedVolume, decode_volume, hash_pixels
from gnomon.dicom.index import Instance, Source
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.policy import Verdict, apply_repair_policy, value_repairs
from gnomon.dicom.volumes import Volume
from gnomon.dicom.volumes.corrections import CorrectedValues, correct_values
from gnomon.dicom.volumes.repair import RepairedVolume, resample_evenly, straighten
from gnomon.dicom.volumes.stack import Stack, stack_grid
from gnomon.io.artifacts import read_json, write_json
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import smallest_type, write_image
from gnomon.rules.catalogue.geometry import SHEARED_STACK
from gnomon.rules.finding import Finding, Refusal, Severity
from gnomon.settings import ConvertSettings

SCHEMA = "gnomon/volumes/3"


@dataclass(frozen=True)
class VolumeJob:
    """A volume to write, with everything that a worker needs.

    Attributes:
        volume: the slices and their findings.
        sources: file pseudonym -> source of its bytes.
        folder: where to write.
        settings: the repair policy.
        verdict: the decisions of an audit; None if there was none.
        verify: whether to hash the pixels of a volume even if sizes and times of its files are unchanged.
    """

    volume: Volume
    sources: dict[str, Source]
    folder: VolumesFolder
    settings: ConvertSettings
    verdict: Verdict | None = None
    verify: bool = False

    def objections(self, pixels_sha256: str | None = None) -> list[Finding]:
        """Reasons of the audit not to convert the volume."""
        found = None if self.verdict is None else self.verdict.problem(self.volume.volume_id, pixels_sha256)
        return [] if found is None else [found]

    def header_findings(self) -> list[Finding]:
        """Findings on the headers, with the severity that the policy gives them."""
        repairable = self.volume.stack is not None and self.volume.stack.interpolable
        return apply_repair_policy(self.volume.findings, self.settings, repairable=repairable)


def convert_volume(job: VolumeJob, reader: FrameReader) -> dict[str, Any]:
    """Convert one volume; returns its row: accepted, repaired or rejected."""
    volume, stack = job.volume, job.volume.stack
    findings = [*job.header_findings(), *job.objections()]
    if stack is None or has_error(findings):
        return _row(volume, findings, "reject")
    reused = _reusable_volume(job, stack, reader)
    try:
        row, pixels_sha256 = reused or _convert(job, stack, findings, reader)
    except Refusal as refusal:
        where = f"volume {volume.volume_id}"
        found = [replace(f, where=where, found=f"{f.found} in {f.where}") for f in refusal.findings]
        return _row(volume, [*findings, *found], "reject")
    changed = job.objections(pixels_sha256)
    return _row(volume, [*findings, *changed], "reject") if changed else row


def has_error(findings: Iterable[Finding]) -> bool:
    """Whether any finding is an error, which refuses the volume."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def is_unchanged(job: VolumeJob) -> bool:
    """Whether the folder holds this volume, written with the same headers, files (by size and time) and settings."""
    stack = job.volume.stack
    return stack is not None and _reusable_by_times(job, stack, job.folder) is not None


def stage_volume(
    job: VolumeJob, stack: Stack, decoded: DecodedVolume, corrected: CorrectedValues, findings: list[Finding]
) -> dict[str, Any]:
    """Write a decoded volume to the job's folder, unless a finding refuses it; returns its row.

    Args:
        stack: the sorted slices of the volume.
        decoded, corrected: its pixels, before and after the corrections that the settings ask for.
        findings: `job.header_findings()`.
    """
    volume, folder = job.volume, job.folder
    findings = [*findings, *value_findings(job, decoded, corrected)]
    if has_error(findings):
        return _row(volume, findings, "reject")
    repaired = _repair_geometry(corrected, stack, findings, job.settings)
    image, padding = folder.image(volume.volume_id), folder.padding(volume.volume_id)
    write_image(image, smallest_type(repaired.voxels), repaired.grid)
    if repaired.padding is not None:
        write_image(padding, repaired.padding.astype(np.uint8), repaired.grid)
    else:
        padding.unlink(missing_ok=True)
    row = _row(volume, findings, "repair" if repaired.records else "accept") | {
        "shape": list(repaired.grid.shape),
        "spacing_mm": [round(step, 6) for step in repaired.grid.spacing_mm],
        "orientation": repaired.grid.orientation,
        "padding": repaired.padding is not None,
        "repairs": [str(record["repair"]) for record in repaired.records],
        "image_sha256": sha256_of_file(image),
    }
    write_json(
        folder.sidecar(volume.volume_id),
        {
            "schema": SCHEMA,
            "row": row,
            "grid": repaired.grid.as_dict(),
            "slices": [_origin(stack, origin) for origin in repaired.origins],
            "rescale": sorted({(slice_.facts.slope, slice_.facts.intercept) for slice_ in stack.slices}, key=repr),
            "repairs": list(repaired.records),
            "source_sha256": _content_hash(job, stack, decoded.pixels_sha256),
            "pixels_sha256": decoded.pixels_sha256,
        },
    )
    write_json(folder.state(volume.volume_id), _file_state(job, stack, folder))
    return row


def value_findings(job: VolumeJob, decoded: DecodedVolume, corrected: CorrectedValues) -> list[Finding]:
    """Findings on decoding and pixel values, with the severity that the policy gives them."""
    where = f"volume {job.volume.volume_id}"
    found = [replace(finding, where=where) for finding in (*decoded.findings, *corrected.findings)]
    return apply_repair_policy(found, job.settings, repairable=False)


def _convert(job: VolumeJob, stack: Stack, findings: list[Finding], reader: FrameReader) -> tuple[dict[str, Any], str]:
    decoded = decode_volume(stack.slices, job.sources, reader)
    corrected = correct_values(decoded.voxels, decoded.padding, stack.slices, value_repairs(job.settings))
    return stage_volume(job, stack, decoded, corrected, findings), decoded.pixels_sha256


_Reused = tuple[dict[str, Any], str]  # the row, and the hash of the pixels


def _reusable_volume(job: VolumeJob, stack: Stack, reader: FrameReader) -> _Reused | None:
    """The volume already in the folder or staged, if written from the same data; None if it must be decoded."""
    if not job.verify and (reused := _reusable_by_times(job, stack, job.folder)) is not None:
        return reused
    if (reused := _reusable_by_times(job, stack, job.folder.staging)) is not None:
        _publish(job)
        return reused
    return _reusable_by_hash(job, stack, reader)


def _reusable_by_times(job: VolumeJob, stack: Stack, folder: VolumesFolder) -> _Reused | None:
    """The volume in a folder, if policy, headers, and sizes and times of all files have not changed since."""
    state = folder.state(job.volume.volume_id)
    try:
        if not state.is_file() or read_json(state, "the converted volumes") != _file_state(job, stack, folder):
            return None
        stored = _sidecar(job, folder)
        return None if stored is None else (dict(stored["row"]), str(stored["pixels_sha256"]))
    except (OSError, KeyError, TypeError, Refusal):  # damaged: written again
        return None


def _reusable_by_hash(job: VolumeJob, stack: Stack, reader: FrameReader) -> _Reused | None:
    """The volume in the folder, if image and pixels have the hashes in its sidecar; decodes nothing."""
    volume_id = job.volume.volume_id
    try:
        stored = _sidecar(job, job.folder)
        if stored is None or stored["row"]["image_sha256"] != sha256_of_file(job.folder.image(volume_id)):
            return None
        pixels_sha256 = hash_pixels(stack.slices, job.sources, reader)
        if stored["source_sha256"] != _content_hash(job, stack, pixels_sha256):
            return None
        if stored.get("pixels_sha256") != pixels_sha256:  # written by an older version
            write_json(job.folder.sidecar(volume_id), stored | {"pixels_sha256": pixels_sha256})
        write_json(job.folder.state(volume_id), _file_state(job, stack, job.folder))
        return dict(stored["row"]), pixels_sha256
    except Exception:  # an edited sidecar, a damaged file: converted again, which reports what is wrong
        return None


def _sidecar(job: VolumeJob, folder: VolumesFolder) -> dict[str, Any] | None:
    """The sidecar of a volume; None if it is of another version, or it, the image or its padding mask is missing."""
    volume_id = job.volume.volume_id
    if not folder.sidecar(volume_id).is_file() or not folder.image(volume_id).is_file():
        return None
    stored: dict[str, Any] = read_json(folder.sidecar(volume_id), "the converted volumes")
    complete = stored["schema"] == SCHEMA and (not stored["row"]["padding"] or folder.padding(volume_id).is_file())
    return stored if complete else None


def _publish(job: VolumeJob) -> None:
    """Move a staged volume to the output: the sidecar after the files that it describes, the state last."""
    volume_id, staged = job.volume.volume_id, job.folder.staging
    job.folder.sidecar(volume_id).unlink(missing_ok=True)
    job.folder.state(volume_id).parent.mkdir(parents=True, exist_ok=True)
    if staged.padding(volume_id).is_file():
        staged.padding(volume_id).replace(job.folder.padding(volume_id))
    else:
        job.folder.padding(volume_id).unlink(missing_ok=True)
    staged.image(volume_id).replace(job.folder.image(volume_id))
    staged.sidecar(volume_id).replace(job.folder.sidecar(volume_id))
    staged.state(volume_id).replace(job.folder.state(volume_id))


def _content_hash(job: VolumeJob, stack: Stack, pixels_sha256: str) -> str:
    """Hash of everything that determines the volume: policy, headers and pixel bytes, but not where the files are."""
    no_location: dict[str, Any] = {"file": "", "size_bytes": 0, "modified_ns": 0, "pixel_offset": 0}
    headers = [repr(replace(instance, **no_location)) for instance in _instances(stack)]
    return sha256_of_values([SCHEMA, _repairs(job), headers, [slice_.name for slice_ in stack.slices], pixels_sha256])


def _file_state(job: VolumeJob, stack: Stack, folder: VolumesFolder) -> dict[str, str]:
    """Hash of policy and headers, which include sizes and times of the files read, and of the files written."""
    volume_id = job.volume.volume_id
    headers = [repr(instance) for instance in _instances(stack)]
    paths = (folder.image(volume_id), folder.padding(volume_id), folder.sidecar(volume_id))
    state = [
        SCHEMA,
        _repairs(job),
        headers,
        [slice_.name for slice_ in stack.slices],
        [_size_and_time(path) for path in paths],
    ]
    return {"state_sha256": sha256_of_values(state)}


def _instances(stack: Stack) -> list[Instance]:
    return list({id(slice_.instance): slice_.instance for slice_ in stack.slices}.values())


def _repairs(job: VolumeJob) -> dict[str, Any]:
    return {key: value for key, value in vars(job.settings).items() if key not in ("workers", "pseudonym_key")}


def _size_and_time(path: Path) -> list[int]:
    if not path.is_file():
        return []
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _origin(stack: Stack, origin: tuple[tuple[int, float], ...]) -> str | list[list[str | float]]:
    """The origin of an output slice: the name of a slice, or names and weights of those it was interpolated from."""
    if len(origin) == 1:
        return stack.slices[origin[0][0]].name
    return [[stack.slices[k].name, weight] for k, weight in origin]


def _repair_geometry(
    values: CorrectedValues, stack: Stack, findings: Iterable[Finding], settings: ConvertSettings
) -> RepairedVolume:
    """Voxels on their grid, with the geometric repairs that the policy asks for."""
    voxels = volume_from_frames(values.voxels)
    padding = None if values.padding is None else volume_from_frames(values.padding)
    grid = stack_grid(stack, voxels.shape)
    repaired = RepairedVolume(voxels, padding, grid, tuple(((k, 1.0),) for k in range(grid.shape[2])), values.records)
    if not stack.even:
        repaired = resample_evenly(repaired, np.asarray(stack.distances_mm))
    if settings.tilt == "straighten" and any(finding.rule == SHEARED_STACK.id for finding in findings):
        inside = repaired.voxels if repaired.padding is None else repaired.voxels[~repaired.padding]
        repaired = straighten(repaired, float(inside.min()) if inside.size else 0.0)
    return repaired


def _row(volume: Volume, findings: list[Finding], decision: str) -> dict[str, Any]:
    first = volume.first
    return {
        "volume_id": volume.volume_id,
        "decision": decision,
        "reasons": [finding.rule for finding in findings],
        "patient": first.patient,
        "study_uid": first.study_uid,
        "series_uid": first.series_uid,
        "modality": first.modality,
        "slices": len(volume.slices),
        "kernel": list(volume.slices[0].facts.kernel),
        "findings": [dict(finding.as_row()) | {"severity": finding.severity} for finding in findings],
    }
