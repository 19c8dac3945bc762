"""Measures of a volume's pixels, for rules to compare with its header, and its planes for a thumbnail.

Everything is measured on real-world values. Where a measure cannot be determined (no air, no body, too few slices)
it is absent, and no rule judges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gnomon.core.geometry import flip_axes, permute_axes, volume_from_frames
from gnomon.core.labels import LabelScheme
from gnomon.dicom.measures.anatomy import body_measures
from gnomon.dicom.measures.drawings import count_static_marks, count_text_letters
from gnomon.dicom.measures.mammogram import breast_side, breast_view, tissue_brightness
from gnomon.dicom.measures.sharpness import noise_frequency_per_mm
from gnomon.dicom.measures.structures import structure_measures
from gnomon.dicom.pixels.plausible import border_connected, constant_frame, hu_peaks
from gnomon.dicom.volumes import Slice, Volume
from gnomon.dicom.volumes.corrections import CorrectedValues
from gnomon.dicom.volumes.stack import stack_grid
from gnomon.io.images import Image

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
"""Columns of the measures, one row per volume."""

_FINGERPRINT_EDGE = 12
_MAMMOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")


@dataclass(frozen=True)
class VolumeMeasures:
    """The measures of one volume (columns `MEASURES`), and its planes for a thumbnail (axial, coronal, sagittal)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    planes: tuple[NDArray[np.float32], ...] = ()
    plane_mm: tuple[tuple[float, float], ...] = ()


def measure_volume(
    volume: Volume,
    slices: Sequence[Slice],
    corrected: CorrectedValues,
    label: Image | None = None,
    scheme: LabelScheme | None = None,
) -> VolumeMeasures:
    """Measure a decoded volume, with its label map if there is one.

    Args:
        volume: the slices with their headers and the stack.
        slices: the planes of `corrected`, in order.
        corrected: real-world values after every correction, (slices, rows, columns), not empty.
        label: the label map, in any orientation.
        scheme: what its values mean.
    """
    voxels, padding = corrected.voxels, corrected.padding
    values = _value_measures(voxels, padding, slices) | _frame_measures(voxels, padding) | _padding_measures(padding)
    ct = volume.first.modality == "CT" and volume.stack is not None
    if volume.first.sop_class in _MAMMOGRAPHY:
        brightness = tissue_brightness(voxels[0], volume.first.photometric)
        values["breast_side"] = breast_side(brightness)
        values["breast_view"] = breast_view(brightness, values["breast_side"])
    if volume.stack is None:
        values["text_letters"] = float(max(map(count_text_letters, voxels)))
    pixel_mm = slices[0].facts.pixel_spacing_mm
    if ct and pixel_mm:
        values["noise_frequency_per_mm"] = noise_frequency_per_mm(voxels, pixel_mm)
    if volume.stack is None or not volume.stack.even:
        return VolumeMeasures(values, (voxels[len(voxels) // 2],), ((1.0, 1.0),))
    grid = stack_grid(volume.stack, volume_from_frames(voxels).shape)
    change = grid.reorientation_to("RAS")
    ras, ras_grid = change.apply(volume_from_frames(voxels)), grid.reorient(change)
    values["fingerprint"] = _fingerprint(ras)
    if ct:
        values |= body_measures(ras, ras_grid.spacing_mm)
    if label is not None and scheme is not None:
        values |= structure_measures(ras, ras_grid, label, scheme, hounsfield=ct)
    return VolumeMeasures(values, *_planes(ras, ras_grid.spacing_mm))


def _value_measures(
    voxels: NDArray[np.float32], padding: NDArray[np.bool_] | None, slices: Sequence[Slice]
) -> dict[str, Any]:
    inside = voxels[~padding] if padding is not None and not padding.all() else voxels.reshape(-1)
    lowest, highest = float(inside.min()), float(inside.max())
    measures: dict[str, Any] = {
        "lowest": lowest,
        "highest": highest,
        "ceiling": _stored_ceiling(highest, slices),
        "floor_share": float(np.mean(inside == lowest)),
        "ceiling_share": float(np.mean(inside == highest)),
        "negative_share": float(np.mean(inside < 0)),
        "stamped_parts": float(count_static_marks(voxels)),
    }
    instance = slices[0].instance
    if instance.modality == "CT":
        measures["air_peak_hu"], measures["tissue_peak_hu"] = hu_peaks(voxels, padding)
    slope, intercept = slices[0].facts.slope or 1.0, slices[0].facts.intercept or 0.0
    if instance.bits_stored == 16 and not instance.signed:
        measures["wrapped_share"] = float(np.mean((voxels - intercept) / slope >= 65536 - 1024 - 512))
    return measures


def _stored_ceiling(highest: float, slices: Sequence[Slice]) -> float:
    """The highest value as HU where it is the usual ceiling, else as stored."""
    slope, intercept = slices[0].facts.slope or 1.0, slices[0].facts.intercept or 0.0
    stored = round((highest - intercept) / slope)
    return float(highest if highest == 3071 else stored if stored in (4095, 32767) else highest)


def _frame_measures(voxels: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> dict[str, Any]:
    """The value in all four corners of every slice, unless padding is declared."""
    frame = constant_frame(voxels) if padding is None else None
    return {} if frame is None else {f"frame_{name}": value for name, value in vars(frame).items()}


def _padding_measures(padding: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Share of the padding that is enclosed by anatomy within its slice."""
    if padding is None or not padding.any():
        return {}
    return {"padding_inside_share": 1 - float(border_connected(padding).sum() / padding.sum())}


def _fingerprint(ras: NDArray[np.float32]) -> list[float]:
    """Means of 12 x 12 x 12 blocks, centred and normalised: similar volumes have a dot product near 1."""
    blocks: NDArray[Any] = ras
    for axis, size in enumerate(ras.shape):
        edges = np.linspace(0, size, min(size, _FINGERPRINT_EDGE) + 1).astype(int)
        blocks = np.add.reduceat(blocks, edges[:-1], axis) / np.diff(edges).reshape(
            [-1 if a == axis else 1 for a in range(3)]
        )
    flat = blocks.reshape(-1) - blocks.mean()
    length = float(np.linalg.norm(flat))
    return [float(value) for value in (flat / length if length else flat)]


def _planes(
    ras: NDArray[np.float32], spacing_mm: Sequence[float]
) -> tuple[tuple[NDArray[np.float32], ...], tuple[tuple[float, float], ...]]:
    """Middle planes in radiological view (the right of the patient on the left), and their pixel sizes in mm."""
    x, y, z = (size // 2 for size in ras.shape)
    sx, sy, sz = spacing_mm
    lpf = flip_axes(ras, (0, 1, 2))  # RAS to LPF: radiological view
    axial = permute_axes(lpf, (1, 0, 2))[..., ras.shape[2] - 1 - z]
    coronal = permute_axes(lpf, (2, 0, 1))[..., ras.shape[1] - 1 - y]
    sagittal = permute_axes(lpf, (2, 1, 0))[..., ras.shape[0] - 1 - x]
    return (axial, coronal, sagittal), ((sy, sx), (sz, sx), (sz, sy))
