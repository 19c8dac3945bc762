"""One volume -> its NIfTI, its padding mask and its sidecar; or the row that says why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, dicom_grid, volume_from_frames
from gnomon.core.provenance import sha256_of_file, sha256_of_values
from gnomon.dicom.index import Source
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.policy import Verdict, judged, value_repairs
from gnomon.dicom.volumes import Slice, Volume
from gnomon.dicom.volumes.repair import Repaired, evened, straight
from gnomon.dicom.volumes.stack import Stack
from gnomon.dicom.volumes.values import PutRight, put_right
from gnomon.io.artifacts import read_json, write_json
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import write_image
from gnomon.rules.catalogue.geometry import SHEARED_STACK
from gnomon.rules.catalogue.values import NOT_FINITE
from gnomon.rules.finding import Finding, Refusal, Severity
from gnomon.settings import ConvertSettings

SCHEMA = "gnomon/volumes/3"


@dataclass(frozen=True)
class VolumeJob:
    """A volume to be written, with all that a worker needs.

    Attributes:
        volume: the slices, and what was found.
        sources: file pseudonym -> where its bytes lie.
        folder: where to write.
        settings: the policy of repairs.
        verdict: what an audit decided; None where there was none.
    """

    volume: Volume
    sources: dict[str, Source]
    folder: VolumesFolder
    settings: ConvertSettings
    verdict: Verdict | None = None

    def told(self, pixels_sha256: str | None = None) -> list[Finding]:
        """What the audit has against the volume."""
        found = None if self.verdict is None else self.verdict.problem(self.volume.volume_id, pixels_sha256)
        return [] if found is None else [found]


def written(job: VolumeJob, reader: FrameReader) -> dict[str, Any]:
    """Convert one volume; the row that describes it, accepted, repaired or refused."""
    volume = job.volume
    repairable = volume.stack is not None and volume.stack.interpolable
    findings = [*judged(volume.findings, job.settings, repairable=repairable), *job.told()]
    if volume.stack is None or any(finding.severity is Severity.ERROR for finding in findings):
        return _row(volume, findings, "reject")
    reader.begin()
    if (kept := _kept(job, volume.stack, reader)) is not None:
        changed = job.told(reader.source_sha256)
        return _row(volume, [*findings, *changed], "reject") if changed else kept
    reader.begin()
    try:
        row = _converted(job, volume.stack, findings, reader)
        changed = job.told(reader.source_sha256)
        return _row(volume, [*findings, *changed], "reject") if changed else row
    except Refusal as refusal:
        where = f"volume {volume.volume_id}"
        found = [replace(f, where=where, found=f"{f.found} in {f.where}") for f in refusal.findings]
        return _row(volume, [*findings, *found], "reject")


def _source_hash(job: VolumeJob, stack: Stack, pixels_sha256: str) -> str:
    """Of everything that the volume is made from: policy, headers and pixel bytes, wherever the files lie."""
    settings = {key: value for key, value in vars(job.settings).items() if key not in ("workers", "pseudonym_key")}
    nowhere: dict[str, Any] = {"file": "", "size_bytes": 0, "modified_ns": 0, "pixel_offset": 0}
    instances = {id(one.instance): one.instance for one in stack.slices}
    headers = [repr(replace(instance, **nowhere)) for instance in instances.values()]
    slices = [one.name for one in stack.slices]
    return sha256_of_values([SCHEMA, settings, headers, slices, pixels_sha256])


def _kept(job: VolumeJob, stack: Stack, reader: FrameReader) -> dict[str, Any] | None:
    """The row of a volume that is there already, made from the same bytes; None where it is not, or was changed."""
    volume_id = job.volume.volume_id
    sidecar, image = job.folder.sidecar(volume_id), job.folder.image(volume_id)
    if not sidecar.is_file() or not image.is_file():
        return None
    try:
        stored = read_json(sidecar, "the converted volumes")
        row = dict(stored["row"])
        whole = row["image_sha256"] == sha256_of_file(image)
        masked = not row["padding"] or job.folder.padding(volume_id).is_file()
        if stored["schema"] != SCHEMA or not (whole and masked):
            return None
        for one in stack.slices:
            if one.tile is None or one is stack.slices[0]:  # a mosaic's tiles share their frame
                reader.skim(one.instance, job.sources[one.instance.file], one.frame)
        return row if stored["source_sha256"] == _source_hash(job, stack, reader.source_sha256) else None
    except Exception:  # an edited sidecar, a damaged file: made anew, and what is wrong is said where it is decoded
        return None


def _converted(job: VolumeJob, stack: Stack, findings: list[Finding], reader: FrameReader) -> dict[str, Any]:
    volume, folder = job.volume, job.folder
    values = put_right(*decoded(stack.slices, job.sources, reader), stack.slices, value_repairs(job.settings))
    seen = [*(finding for _, finding in sorted(reader.findings.items())), *values.findings]
    where = f"volume {volume.volume_id}"
    findings = [*findings, *judged([replace(one, where=where) for one in seen], job.settings, repairable=False)]
    if any(finding.severity is Severity.ERROR for finding in findings):
        return _row(volume, findings, "reject")
    made = _repaired(values, stack, findings, job.settings)
    image = folder.image(volume.volume_id)
    write_image(image, _smallest(made.voxels), made.grid)
    if made.padding is not None:
        write_image(folder.padding(volume.volume_id), made.padding.astype(np.uint8), made.grid)
    else:
        folder.padding(volume.volume_id).unlink(missing_ok=True)
    row = _row(volume, findings, "repair" if made.records else "accept") | {
        "shape": list(made.grid.shape),
        "spacing_mm": [round(step, 6) for step in made.grid.spacing_mm],
        "orientation": made.grid.orientation,
        "padding": made.padding is not None,
        "repairs": [str(record["repair"]) for record in made.records],
        "image_sha256": sha256_of_file(image),
    }
    write_json(
        folder.sidecar(volume.volume_id),
        {
            "schema": SCHEMA,
            "row": row,
            "grid": made.grid.as_dict(),
            "slices": [_origin(stack, origin) for origin in made.origins],
            "rescale": sorted({(one.facts.slope, one.facts.intercept) for one in stack.slices}, key=repr),
            "repairs": list(made.records),
            "source_sha256": _source_hash(job, stack, reader.source_sha256),
        },
    )
    return row


def _origin(stack: Stack, origin: tuple[tuple[int, float], ...]) -> str | list[list[str | float]]:
    """Where a slice comes from: the name of the one it is, or names and weights of those it lies between."""
    if len(origin) == 1:
        return stack.slices[origin[0][0]].name
    return [[stack.slices[k].name, weight] for k, weight in origin]


def decoded(
    slices: Sequence[Slice], sources: Mapping[str, Source], reader: FrameReader
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Voxels in real-world values and padding, as blocks (slices, rows, columns).

    Raises:
        Refusal: a frame that cannot be decoded, or values that are not finite.
    """
    rows, columns = slices[0].shape
    block = np.empty((len(slices), rows or 0, columns or 0), np.float32)
    padding: NDArray[np.bool_] | None = None
    for k, one in enumerate(slices):
        frame = reader.read(one.instance, sources[one.instance.file], one.frame, one.facts)
        block[k] = _cut(frame.values, one)
        if frame.padding is not None:
            padding = np.zeros(block.shape, bool) if padding is None else padding
            padding[k] = _cut(frame.padding, one)
    if bad := int(np.count_nonzero(~np.isfinite(block))):
        raise NOT_FINITE.refusal("the decoded pixels", found=f"{bad} values that are NaN or infinite")
    return block, padding


def _cut(plane: NDArray[Any], one: Slice) -> NDArray[Any]:
    if one.tile is None:
        return plane
    tile = one.tile
    return plane[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]


def _repaired(values: PutRight, stack: Stack, findings: Iterable[Finding], settings: ConvertSettings) -> Repaired:
    """Voxels on their grid: as they are, or as the policy has them repaired."""
    voxels = volume_from_frames(values.voxels)
    padding = None if values.padding is None else volume_from_frames(values.padding)
    grid = stack_grid(stack, voxels.shape)
    made = Repaired(voxels, padding, grid, tuple(((k, 1.0),) for k in range(grid.shape[2])), values.records)
    if not stack.even:
        made = evened(made, np.asarray(stack.places_mm))
    if settings.tilt == "straighten" and any(finding.rule == SHEARED_STACK.id for finding in findings):
        inside = made.voxels if made.padding is None else made.voxels[~made.padding]
        made = straight(made, float(inside.min()) if inside.size else 0.0)
    return made


def stack_grid(stack: Stack, shape: tuple[int, ...]) -> Grid:
    """Where the voxels (columns, rows, slices) of an even stack lie."""
    first, last = stack.ends_mm
    return dicom_grid(shape, stack.orientation[:3], stack.orientation[3:], first, last, *stack.spacing_mm)


def _smallest(voxels: NDArray[np.float32]) -> NDArray[Any]:
    """The same numbers as int16 where every one of them is a whole number that fits: half the bytes, nothing lost."""
    if voxels.min() >= -32768 and voxels.max() <= 32767:
        whole = voxels.astype(np.int16)
        if np.array_equal(whole, voxels):
            return whole
    return voxels


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
