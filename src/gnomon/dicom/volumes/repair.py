"""Repairs of a stack's geometry: pure functions from voxels and places to voxels on a new grid, with a record.

Each interpolates linearly, never beyond the places that were measured, and says for every new slice which
old ones it comes from. What comes in part from padding, or from outside, is padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, orthogonal_grid, resample_voxels

_FULL = 1 - 1e-6


@dataclass(frozen=True, eq=False)
class RepairedVolume:
    """A volume with what was repaired of it.

    Attributes:
        voxels: (columns, rows, slices) float32.
        padding: mask of the same shape, or None.
        grid: where they lie.
        origins: for each slice, the numbers of the scanned slices that it comes from, with weights.
        records: what was done, in order, with its parameters, for the sidecar; empty for a volume as scanned.
    """

    voxels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    grid: Grid
    origins: tuple[tuple[tuple[int, float], ...], ...]
    records: tuple[dict[str, float | str], ...]


def resample_evenly(volume: RepairedVolume, places_mm: NDArray[np.float64]) -> RepairedVolume:
    """Resample uneven slices at even places: linear between the neighbours, by their true positions.

    The step is the whole length over the number of finest steps in it, so the first and the last slice stay
    where they are and nothing finer than the finest scan is made up.

    Args:
        volume: as scanned; its grid's slice axis runs from the first to the last slice.
        places_mm: distances of the slices along the normal, rising.
    """
    voxels, padding, grid = volume.voxels, volume.padding, volume.grid
    length_mm = float(places_mm[-1] - places_mm[0])
    finest_mm = float(np.percentile(np.diff(places_mm), 10, method="lower"))
    count = max(1, round(length_mm / finest_mm)) + 1
    wanted = places_mm[0] + np.arange(count) * (length_mm / (count - 1))
    upper = np.clip(np.searchsorted(places_mm, wanted, side="right"), 1, len(places_mm) - 1)
    lower = upper - 1
    share = np.clip((wanted - places_mm[lower]) / (places_mm[upper] - places_mm[lower]), 0.0, 1.0)
    share[share < 1e-6], share[share > _FULL] = 0.0, 1.0
    weights = share.astype(np.float32)
    made = voxels[..., lower] * (1 - weights) + voxels[..., upper] * weights
    mask = None
    if padding is not None:
        mask = (padding[..., lower] & (weights < 1)) | (padding[..., upper] & (weights > 0))
    affine = np.array(grid.affine)
    affine[:3, 2] *= (grid.shape[2] - 1) / (count - 1)
    origins = tuple(
        tuple((int(k), round(float(w), 6)) for k, w in ((low, 1 - s), (high, s)) if w > 0)
        for low, high, s in zip(lower, upper, share)
    )
    record: dict[str, float | str] = {
        "repair": "even_slices",
        "step_mm": length_mm / (count - 1),
        "slices_before": len(places_mm),
    }
    target = Grid((grid.shape[0], grid.shape[1], count), affine)
    return RepairedVolume(made.astype(np.float32), mask, target, origins, (*volume.records, record))


def straighten(volume: RepairedVolume, fill: float) -> RepairedVolume:
    """Resample a sheared stack (tilted gantry) to right angles: linear, the slices' own planes and steps kept.

    Slices shift within their planes by what the tilt displaced them; the grid grows so that nothing is cut,
    and what lies outside the scan is `fill` and padding.
    """
    grid = volume.grid
    target = orthogonal_grid(grid)
    inside = resample_voxels(np.ones(grid.shape, np.float32), grid, target, 0.0) >= _FULL
    made = resample_voxels(volume.voxels, grid, target, fill)
    mask = ~inside
    if volume.padding is not None:
        mask |= resample_voxels(volume.padding.astype(np.float32), grid, target, 0.0) > 1 - _FULL
    made[~inside] = fill
    record: dict[str, float | str] = {"repair": "straighten", "shear_before": grid.shear, "fill": fill}
    return RepairedVolume(made, mask if mask.any() else None, target, volume.origins, (*volume.records, record))
