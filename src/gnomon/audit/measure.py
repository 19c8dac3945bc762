"""What the pixels of a volume say: numbers that rules compare with its header, and a picture of it.

Everything is measured on real-world values. Where a measure has no ground (no air, no body, too few slices) it is
absent, and no rule judges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gnomon.audit.anatomy import body_measures
from gnomon.audit.drawings import stamped_parts, text_letters
from gnomon.audit.expressions import MAMMOGRAMS
from gnomon.audit.mammogram import breast_side, breast_view, light_of
from gnomon.audit.sharpness import noise_frequency_per_mm
from gnomon.audit.structures import structure_measures
from gnomon.core.geometry import flip_axes, permute_axes, volume_from_frames
from gnomon.core.labels import LabelScheme
from gnomon.dicom import (
    FrameReader,
    Slice,
    Source,
    Volume,
    constant_frame,
    decoded,
    hu_peaks,
    put_right,
    reaching_border,
    stack_grid,
)
from gnomon.rules.finding import Finding, Refusal

MEASURES: dict[str, pl.DataType | type[pl.DataType]] = {
    "lowest": pl.Float64,
    "highest": pl.Float64,
    "floor_share": pl.Float64,
    "ceiling": pl.Float64,
    "ceiling_share": pl.Float64,
    "negative_share": pl.Float64,
    "air_peak_hu": pl.Float64,
    "tissue_peak_hu": pl.Float64,
    "wrapped_share": pl.Float64,
    "frame_value": pl.Float64,
    "frame_share": pl.Float64,
    "frame_gap": pl.Float64,
    "padding_inside_share": pl.Float64,
    "stamped_parts": pl.Float64,
    "text_letters": pl.Float64,
    "noise_frequency_per_mm": pl.Float64,
    "sides_exchanged": pl.String,
    "enhancement": pl.String,
    "enhancement_hu": pl.String,
    "table_side": pl.String,
    "spine_anterior_share": pl.Float64,
    "breast_side": pl.String,
    "breast_view": pl.String,
    "fingerprint": pl.List(pl.Float32),
    "pixels_sha256": pl.String,
}
"""Columns of the measures, one row a volume."""

FINGERPRINT_EDGE = 12


@dataclass(frozen=True)
class Labelled:
    """The label map of a volume, and what its values mean."""

    path: Path
    scheme: LabelScheme


@dataclass(frozen=True)
class Measured:
    """One volume's measures, what decoding it showed, and its planes for a thumbnail (axial, coronal, sagittal)."""

    volume_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    planes: tuple[NDArray[np.float32], ...] = ()
    plane_mm: tuple[tuple[float, float], ...] = ()


def measured(
    volume: Volume, sources: Mapping[str, Source], reader: FrameReader, labelled: Labelled | None = None
) -> Measured:
    """Decode a volume and measure it, with its label map if there is one; what cannot be decoded becomes findings."""
    reader.begin()
    slices = volume.stack.slices if volume.stack else volume.slices
    try:
        voxels, padding = decoded(slices, sources, reader)
    except Refusal as refusal:
        return Measured(volume.volume_id, findings=refusal.findings)
    pixels_sha256 = reader.source_sha256
    seen = tuple(finding for _, finding in sorted(reader.findings.items()))
    if not voxels.size:
        return Measured(volume.volume_id, findings=seen)
    right = put_right(voxels, padding, slices)
    voxels, padding, findings = right.voxels, right.padding, (*seen, *right.findings)
    values = _of_values(voxels, padding, slices) | _of_frame(voxels, padding) | _of_padding(padding)
    values["pixels_sha256"] = pixels_sha256
    ct = volume.first.modality == "CT" and volume.stack is not None
    if volume.first.sop_class in MAMMOGRAMS:
        light = light_of(voxels[0], volume.first.photometric)
        values["breast_side"] = breast_side(light)
        values["breast_view"] = breast_view(light, values["breast_side"])
    if volume.stack is None:
        values["text_letters"] = float(max(map(text_letters, voxels)))
    row_mm = slices[0].facts.pixel_spacing_mm
    if ct and row_mm:
        values["noise_frequency_per_mm"] = noise_frequency_per_mm(voxels, row_mm)
    if volume.stack is None or not volume.stack.even:
        return Measured(volume.volume_id, values, findings, (voxels[len(voxels) // 2],), ((1.0, 1.0),))
    grid = stack_grid(volume.stack, volume_from_frames(voxels).shape)
    change = grid.reorientation_to("RAS")
    ras, place = change.apply(volume_from_frames(voxels)), grid.reorient(change)
    values["fingerprint"] = _fingerprint(ras)
    if ct:
        values |= body_measures(ras, place.spacing_mm)
    if labelled is not None:
        values |= structure_measures(ras, place, labelled.path, labelled.scheme, hounsfield=ct)
    return Measured(volume.volume_id, values, findings, *_planes(ras, place.spacing_mm))


def _of_values(
    voxels: NDArray[np.float32], padding: NDArray[np.bool_] | None, slices: Sequence[Slice]
) -> dict[str, Any]:
    inside = voxels[~padding] if padding is not None and not padding.all() else voxels.reshape(-1)
    lowest, highest = float(inside.min()), float(inside.max())
    found: dict[str, Any] = {
        "lowest": lowest,
        "highest": highest,
        "ceiling": _stored_ceiling(highest, slices),
        "floor_share": float(np.mean(inside == lowest)),
        "ceiling_share": float(np.mean(inside == highest)),
        "negative_share": float(np.mean(inside < 0)),
        "stamped_parts": float(stamped_parts(voxels)),
    }
    one = slices[0].instance
    if one.modality == "CT":
        found["air_peak_hu"], found["tissue_peak_hu"] = hu_peaks(voxels, padding)
    slope, intercept = slices[0].facts.slope or 1.0, slices[0].facts.intercept or 0.0
    if one.bits_stored == 16 and not one.signed:
        found["wrapped_share"] = float(np.mean((voxels - intercept) / slope >= 65536 - 1024 - 512))
    return found


def _stored_ceiling(highest: float, slices: Sequence[Slice]) -> float:
    """The highest value as HU where it is the usual ceiling, else as stored."""
    slope, intercept = slices[0].facts.slope or 1.0, slices[0].facts.intercept or 0.0
    stored = round((highest - intercept) / slope)
    return float(highest if highest == 3071 else stored if stored in (4095, 32767) else highest)


def _of_frame(voxels: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> dict[str, Any]:
    """A value that fills all four corners of every slice, where nothing is known to be padding."""
    frame = constant_frame(voxels) if padding is None else None
    return {} if frame is None else {f"frame_{name}": value for name, value in vars(frame).items()}


def _of_padding(padding: NDArray[np.bool_] | None) -> dict[str, Any]:
    """How much of the padding is walled in by anatomy, slice by slice."""
    if padding is None or not padding.any():
        return {}
    return {"padding_inside_share": 1 - float(reaching_border(padding).sum() / padding.sum())}


def _fingerprint(ras: NDArray[np.float32]) -> list[float]:
    """Means of 12 x 12 x 12 blocks, centred and of length 1: two volumes alike have a product near 1."""
    small: NDArray[Any] = ras
    for axis, size in enumerate(ras.shape):
        edges = np.linspace(0, size, min(size, FINGERPRINT_EDGE) + 1).astype(int)
        small = np.add.reduceat(small, edges[:-1], axis) / np.diff(edges).reshape(
            [-1 if a == axis else 1 for a in range(3)]
        )
    flat = small.reshape(-1) - small.mean()
    length = float(np.linalg.norm(flat))
    return [float(value) for value in (flat / length if length else flat)]


def _planes(
    ras: NDArray[np.float32], spacing_mm: Sequence[float]
) -> tuple[tuple[NDArray[np.float32], ...], tuple[tuple[float, float], ...]]:
    """The middle planes as a radiologist sees them (the patient's right on the left), and the mm of their pixels."""
    x, y, z = (size // 2 for size in ras.shape)
    sx, sy, sz = spacing_mm
    seen = flip_axes(ras, (0, 1, 2))  # from the patient's left, back and feet: to L, P, F
    axial = permute_axes(seen, (1, 0, 2))[..., ras.shape[2] - 1 - z]
    coronal = permute_axes(seen, (2, 0, 1))[..., ras.shape[1] - 1 - y]
    sagittal = permute_axes(seen, (2, 1, 0))[..., ras.shape[0] - 1 - x]
    return (axial, coronal, sagittal), ((sy, sx), (sz, sx), (sz, sy))
