"""Resampling from the canonical grid back to the native grid of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid

_DIAGONAL_TOLERANCE = 1e-6


def native_channels(probabilities: NDArray[np.float32], canonical: Grid, native: Grid) -> NDArray[np.uint16]:
    """Probabilities (channels, x, y, z) on the canonical grid -> channel numbers on the native grid.

    The canonical grid is the native one, reordered and rescaled, so each axis is interpolated separately;
    voxels beyond the outermost canonical centres take the outermost value. One channel at a time is held at
    native size. The reordering is undone exactly.
    """
    order = native.reorientation_to(canonical.orientation)
    ordered = native.reorient(order)
    best = np.zeros(ordered.shape, dtype=np.uint16)
    share = np.full(ordered.shape, -1.0, dtype=np.float32)
    for channel, values in enumerate(probabilities):
        here = interpolate_values(values, canonical, ordered)
        wins = here > share
        best[wins], share[wins] = channel, here[wins]
    return order.inverse().apply(best)


def native_values(values: NDArray[np.float32], canonical: Grid, native: Grid) -> NDArray[np.float32]:
    """Values (x, y, z) on the canonical grid -> values on the native grid, interpolated likewise."""
    order = native.reorientation_to(canonical.orientation)
    return order.inverse().apply(interpolate_values(values, canonical, native.reorient(order)))


def interpolate_values(values: NDArray[np.float32], canonical: Grid, ordered: Grid) -> NDArray[np.float32]:
    """Values (x, y, z) on the canonical grid -> values on a native grid in RAS+ order, by linear interpolation."""
    for axis, places in enumerate(_canonical_indices(canonical, ordered)):
        values = _interpolate(values, places, axis)
    return values


def _canonical_indices(canonical: Grid, ordered: Grid) -> list[NDArray[np.float64]]:
    """For each axis, the canonical indices of the voxels of the ordered grid."""
    across = canonical.indices_of(ordered)
    off = across[:3, :3] - np.diag(np.diag(across[:3, :3]))
    if np.abs(off).max() > _DIAGONAL_TOLERANCE:
        raise ValueError("the canonical grid was not made from this native grid")
    return [across[a, a] * np.arange(ordered.shape[a]) + across[a, 3] for a in range(3)]


def _interpolate(values: NDArray[np.float32], places: NDArray[np.float64], axis: int) -> NDArray[np.float32]:
    size = values.shape[axis]
    if len(places) == size and np.allclose(places, np.arange(size), rtol=0, atol=1e-4):
        return values
    places = np.clip(places, 0, size - 1)
    low = np.minimum(places.astype(np.intp), max(0, size - 2))
    high = np.minimum(low + 1, size - 1)
    shape = [1, 1, 1]
    shape[axis] = len(places)
    part = (places - low).astype(np.float32).reshape(shape)
    first, second = np.take(values, low, axis), np.take(values, high, axis)
    return np.asarray(first + (second - first) * part, dtype=np.float32)
