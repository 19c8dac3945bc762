"""Repairs of a stack's geometry: pure functions that resample voxels onto a new grid, with a record.

Each interpolates linearly, never beyond the scanned positions, and lists the source slices of every new slice.
Voxels interpolated in part from padding, or from outside the scan, are padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, orthogonal_grid, resample_voxels

_FULL = 1 - 1e-6


@dataclass(frozen=True, eq=False)
class RepairedVolume:
    """A volume after repairs.

    Attributes:
        voxels: (columns, rows, slices) float32.
        padding: mask of the same shape, or None.
        grid: the geometry of the voxels.
        origins: for each slice, the indices of the scanned slices that it is interpolated from, with weights.
        records: the repairs in order, with their parameters, for the sidecar; empty for a volume as scanned.
    """

    voxels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    grid: Grid
    origins: tuple[tuple[tuple[int, float], ...], ...]
    records: tuple[dict[str, float | str], ...]


def resample_evenly(volume: RepairedVolume, distances_mm: NDArray[np.float64]) -> RepairedVolume:
    """Resample unevenly spaced slices to even spacing: linear between neighbours, at their true positions.

    The step is the total length divided by the number of finest steps in it, so the first and the last slice stay
    in position and the spacing is no finer than the finest of the scan.

    Args:
        volume: as scanned; its grid's slice axis runs from the first to the last slice.
        distances_mm: distances of the slices along the normal, ascending.
    """
    voxels, padding, grid = volume.voxels, volume.padding, volume.grid
    length_mm = float(distances_mm[-1] - distances_mm[0])
    finest_mm = float(np.percentile(np.diff(distances_mm), 10, method="lower"))
    count = max(1, round(length_mm / finest_mm)) + 1
    targets_mm = distances_mm[0] + np.arange(count) * (length_mm / (count - 1))
    upper = np.clip(np.searchsorted(distances_mm, targets_mm, side="right"), 1, len(distances_mm) - 1)
    lower = upper - 1
    fraction = np.clip((targets_mm - distances_mm[lower]) / (distances_mm[upper] - distances_mm[lower]), 0.0, 1.0)
    fraction[fraction < 1e-6], fraction[fraction > _FULL] = 0.0, 1.0
    weights = fraction.astype(np.float32)
    resampled = voxels[..., lower] * (1 - weights) + voxels[..., upper] * weights
    mask = None
    if padding is not None:
        mask = (padding[..., lower] & (weights < 1)) | (padding[..., upper] & (weights > 0))
    affine = np.array(grid.affine)
    affine[:3, 2] *= (grid.shape[2] - 1) / (count - 1)
    origins = tuple(
        tuple((int(k), round(float(w), 6)) for k, w in ((low, 1 - s), (high, s)) if w > 0)
        for low, high, s in zip(lower, upper, fraction)
    )
    record: dict[str, float | str] = {
        "repair": "even_slices",
        "step_mm": length_mm / (count - 1),
        "slices_before": len(distances_mm),
    }
    target = Grid((grid.shape[0], grid.shape[1], count), affine)
    return RepairedVolume(resampled.astype(np.float32), mask, target, origins, (*volume.records, record))


def straighten(volume: RepairedVolume, fill: float) -> RepairedVolume:
    """Resample a sheared stack (gantry tilt) to an orthogonal grid: linear, with slice planes and steps kept.

    Slices shift within their planes by the displacement of the tilt; the grid grows so that nothing is cropped,
    and voxels outside the scan are `fill` and padding.
    """
    grid = volume.grid
    target = orthogonal_grid(grid)
    inside = resample_voxels(np.ones(grid.shape, np.float32), grid, target, 0.0) >= _FULL
    resampled = resample_voxels(volume.voxels, grid, target, fill)
    mask = ~inside
    if volume.padding is not None:
        mask |= resample_voxels(volume.padding.astype(np.float32), grid, target, 0.0) > 1 - _FULL
    resampled[~inside] = fill
    record: dict[str, float | str] = {"repair": "straighten", "shear_before": grid.shear, "fill": fill}
    return RepairedVolume(resampled, mask if mask.any() else None, target, volume.origins, (*volume.records, record))
