"""studies/ -> volumes/: every accepted volume as NIfTI with its way back, every refused one by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from isocenter import nifti
from isocenter.artifacts import VolumesFolder, read_json, write_findings, write_json, write_rows
from isocenter.console import tracked
from isocenter.dicom.pixels import read_frame
from isocenter.dicom.pseudonyms import PseudonymMap
from isocenter.dicom.scan import Instance, files_in, scan
from isocenter.dicom.volumes import SortedVolume, split_volumes
from isocenter.findings import Finding, Refusal, Severity, refuse
from isocenter.geometry import dicom_grid, volume_from_frames
from isocenter.provenance import sha256_of_file, sha256_of_values
from isocenter.settings import bounded

SCHEMA = "isocenter/volumes/1"
_COLUMNS = (
    "volume_id", "decision", "reasons", "patient", "modality", "slices", "shape", "spacing_mm",
    "orientation", "kernel", "padding",
)  # fmt: skip


@dataclass(frozen=True)
class ConvertSettings:
    """Settings of the conversion.

    Attributes:
        workers: processes that decode; the result does not depend on it.
        pseudonym_key: key of the pseudonyms; None keeps the folder's own, or makes one.
    """

    workers: int = 2
    pseudonym_key: str | None = None

    def __post_init__(self) -> None:
        bounded(self, workers=(1, 256))


@dataclass(frozen=True)
class Converted:
    """What a conversion did: a row a volume, and every finding."""

    rows: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> int:
        """Number of volumes that were not converted."""
        return sum(row["decision"] == "reject" for row in self.rows)


def convert_studies(studies: Path, output: Path, settings: ConvertSettings) -> Converted:
    """Read every DICOM file below `studies` and write a volumes folder.

    A volume that is there already, made from the same bytes, is not made again.

    Raises:
        Refusal: `studies` is no folder or holds no DICOM file.
    """
    if not studies.is_dir():
        raise refuse("USE101", str(studies), "no such folder", "a folder of DICOM files", "Check the path.")
    folder = VolumesFolder(output)
    names = PseudonymMap.open(folder.pseudonyms, settings.pseudonym_key)
    paths = files_in(studies)
    instances, findings = _scanned(paths, studies, names)
    if not instances:
        raise refuse(
            "USE102", str(studies), f"{len(paths)} file(s), none of them a readable DICOM file",
            "at least one DICOM series", "Check the path.",
        )  # fmt: skip
    volumes = split_volumes(instances)
    for volume in volumes:
        places = sorted({one.path.parent.relative_to(studies).as_posix() for one in volume.instances})
        names.link("volumes", volume.volume_id, ", ".join(places))
    names.save(folder.pseudonyms)
    rows = _write_all(volumes, folder, settings.workers)
    findings += [Finding(**finding) for row in rows for finding in row["findings"]]
    _write_index(folder, rows, findings)
    return Converted(tuple(rows), tuple(findings))


def _scanned(paths: list[Path], root: Path, names: PseudonymMap) -> tuple[list[Instance], list[Finding]]:
    instances: list[Instance] = []
    findings: list[Finding] = []
    for one in tracked(scan(paths, root, names), len(paths), "reading headers"):
        if isinstance(one, Finding):
            findings.append(one)
        else:
            instances.append(one)
    return instances, findings


def _write_all(volumes: list[SortedVolume], folder: VolumesFolder, workers: int) -> list[dict[str, Any]]:
    run = joblib.Parallel(n_jobs=max(1, min(workers, os.cpu_count() or 1)), return_as="generator")
    done: Iterable[dict[str, Any]] = run(joblib.delayed(_write_volume)(one, folder) for one in volumes)
    return list(tracked(done, len(volumes), "converting volumes"))


def _write_volume(volume: SortedVolume, folder: VolumesFolder) -> dict[str, Any]:
    """Convert one volume; the row that describes it, accepted or refused."""
    if not volume.accepted:
        return _row(volume, volume.findings)
    source = sha256_of_values([[one.sop_uid, sha256_of_file(one.path)] for one in volume.instances])
    if (kept := _kept(folder, volume, source)) is not None:
        return kept
    try:
        return _converted(volume, folder, source)
    except Refusal as refusal:
        found = [replace(finding, where=f"volume {volume.volume_id}") for finding in refusal.findings]
        return _row(volume, (*volume.findings, *found))


def _kept(folder: VolumesFolder, volume: SortedVolume, source: str) -> dict[str, Any] | None:
    sidecar = folder.sidecar(volume.volume_id)
    if not sidecar.is_file() or not folder.image(volume.volume_id).is_file():
        return None
    stored = read_json(sidecar, "the converted volumes")
    return dict(stored["row"]) if stored["source_sha256"] == source else None


def _converted(volume: SortedVolume, folder: VolumesFolder, source: str) -> dict[str, Any]:
    frames = [read_frame(one) for one in volume.instances]
    first, last = volume.instances[0], volume.instances[-1]
    orientation = np.mean([one.orientation or () for one in volume.instances], axis=0)
    voxels = volume_from_frames([frame.values for frame in frames])
    grid = dicom_grid(
        voxels.shape, orientation[:3], orientation[3:], np.asarray(first.position_mm), np.asarray(last.position_mm),
        *(first.pixel_spacing_mm or ()),
    )  # fmt: skip
    nifti.write_image(folder.image(volume.volume_id), voxels, grid)
    padded = any(frame.padding is not None for frame in frames)
    if padded:
        masks = [np.zeros(f.values.shape, bool) if f.padding is None else f.padding for f in frames]
        mask = volume_from_frames(masks).astype(np.uint8)
        nifti.write_image(folder.padding(volume.volume_id), mask, grid)
    row = _row(volume, volume.findings) | {
        "shape": list(grid.shape),
        "spacing_mm": [round(step, 6) for step in grid.spacing_mm],
        "orientation": grid.orientation,
        "padding": padded,
        "image_sha256": sha256_of_file(folder.image(volume.volume_id)),
    }
    write_json(folder.sidecar(volume.volume_id), {
        "schema": SCHEMA,
        "row": row,
        "grid": grid.as_dict(),
        "slices": [one.sop_uid for one in volume.instances],
        "source_sha256": source,
    })  # fmt: skip
    return row


def _row(volume: SortedVolume, findings: Iterable[Finding]) -> dict[str, Any]:
    first = volume.instances[0]
    listed = list(findings)
    refused = any(finding.severity is Severity.ERROR for finding in listed)
    return {
        "volume_id": volume.volume_id,
        "decision": "reject" if refused else "accept",
        "reasons": [finding.rule for finding in listed],
        "patient": first.patient,
        "study_uid": first.study_uid,
        "series_uid": first.series_uid,
        "modality": first.modality,
        "slices": len(volume.instances),
        "kernel": list(first.kernel),
        "findings": [_plain(finding) for finding in listed],
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return dict(finding.as_row()) | {"severity": finding.severity}


def _write_index(folder: VolumesFolder, rows: list[dict[str, Any]], findings: list[Finding]) -> None:
    write_findings(folder.findings, findings)
    write_rows(folder.table, [_flat(row) for row in rows], _COLUMNS)
    accepted = {row["volume_id"]: row["image_sha256"] for row in rows if row["decision"] == "accept"}
    write_json(folder.index, {
        "schema": SCHEMA,
        "content_sha256": sha256_of_values(accepted),
        "decisions": dict(Counter(row["decision"] for row in rows)),
        "volumes": rows,
    })  # fmt: skip


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    lists = {key: " ".join(map(str, row[key])) for key in ("reasons", "kernel", "shape", "spacing_mm") if key in row}
    return row | lists
