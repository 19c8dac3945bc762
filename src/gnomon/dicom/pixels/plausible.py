"""Plausibility of decoded values: an undeclared constant frame, and whether values look like Hounsfield units.

Hounsfield units fix two points by definition: air is -1000 and water is 0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.rules.catalogue.padding import CONSTANT_FRAME

Mask = NDArray[np.bool_]

FRAME_SHARE, FRAME_GAP = CONSTANT_FRAME.tolerance, 200.0
"""A frame fills more than this share of the voxels, and differs by more than this from the nearest other value."""

_LOWEST_HU, _HIGHEST_HU = -1200.0, 30000.0  # below air with its noise; above any extended CT scale
_BIN_HU, _MIN_PEAK = 10.0, 0.02
_AIR_HU, _MIN_SEPARATION_HU = -300.0, 300.0
_HISTOGRAM_VOXELS = 4_000_000  # approximate number of voxels in a histogram
_AIR_RANGE_HU, _TISSUE_RANGE_HU = (-1050.0, -950.0), (-150.0, 120.0)
_USUAL_INTERCEPTS_HU = (-1024.0, 0.0, -8192.0)


@dataclass(frozen=True)
class ConstantFrame:
    """One value in all four corners of every slice: its share of the voxels, and its gap to the nearest other value."""

    value: float
    share: float
    gap: float

    @property
    def outside_hu_range(self) -> bool:
        """Whether the frame stands out and no tissue in a CT can have its value, so that it can only be padding."""
        stands_out = self.share > FRAME_SHARE and self.gap > FRAME_GAP
        return stands_out and not _LOWEST_HU <= self.value <= _HIGHEST_HU


def constant_frame(voxels: NDArray[np.float32]) -> ConstantFrame | None:
    """The constant frame of a volume (slices, rows, columns); None where corners differ or all voxels are equal."""
    corners = voxels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    value = float(corners.flat[0])
    if voxels.shape[1] < 8 or not (corners == value).all():
        return None
    others = voxels[voxels != value]
    if not others.size:
        return None
    return ConstantFrame(value, 1 - others.size / voxels.size, float(np.abs(others - value).min()))


def frame_mask(voxels: NDArray[np.float32], value: float) -> Mask:
    """Voxels of this value that are connected to the border of their slice."""
    return border_connected(voxels == value)


def border_connected(mask: Mask) -> Mask:
    """The part of a mask (slices, rows, columns) that is 4-connected to the border of its slice."""
    connected = np.zeros(mask.shape, bool)
    for plane, out in zip(mask, connected):
        parts, count = ndimage.label(plane)
        touches_border = np.zeros(count + 1, bool)
        for side in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
            touches_border[side] = True
        touches_border[0] = False
        out[:] = touches_border[parts]
    return connected


def hu_peaks(voxels: NDArray[np.float32], padding: Mask | None) -> tuple[float | None, float | None]:
    """Positions of the air and soft-tissue histogram peaks: the lowest (air or lung) and the largest other."""
    step = max(1, voxels.size // _HISTOGRAM_VOXELS) | 1  # an odd step is no multiple of an even row length
    inside = voxels.reshape(-1)[::step]
    if padding is not None:
        inside = inside[~padding.reshape(-1)[::step]]
    if not inside.size:
        return None, None
    low, high = max(float(inside.min()), -12000.0), min(float(inside.max()), 6000.0)
    if high - low < 10 * _BIN_HU:
        return None, None
    bins = int((high - low) / _BIN_HU) + 1
    counts, edges = np.histogram(inside, bins, (low, low + bins * _BIN_HU))
    smooth = ndimage.gaussian_filter1d(counts / inside.size, 2.0)
    mass = ndimage.uniform_filter1d(counts / inside.size, 9) * 9
    is_peak = (smooth == ndimage.maximum_filter1d(smooth, 31)) & (mass > 2.5 * _MIN_PEAK) & (smooth > _MIN_PEAK / 6)
    peaks = np.flatnonzero(is_peak)
    peaks_hu = [float(edges[i] + _BIN_HU / 2) for i in peaks]
    if not peaks_hu:
        return None, None
    separated = peaks_hu[-1] - peaks_hu[0] > _MIN_SEPARATION_HU
    air = peaks_hu[0] if separated or peaks_hu[0] < _AIR_HU else None
    others = peaks[1:] if air is not None else peaks
    tissue = float(edges[others[mass[others].argmax()]] + _BIN_HU / 2) if others.size else None
    return air, tissue


def lost_intercept_hu(air: float | None, tissue: float | None, intercepts: Collection[float | None]) -> float | None:
    """The offset that brings air and soft tissue to their HU, if exactly one of the usual intercepts does so.

    Args:
        air, tissue: the histogram peaks of the values as decoded.
        intercepts: those applied to the slices; None where the values do not come from a rescale.
    """
    (intercept,) = intercepts if len(intercepts) == 1 else (None,)
    if air is None or tissue is None or intercept is None or _is_hounsfield(air, tissue):
        return None
    offsets = [intended - intercept for intended in _USUAL_INTERCEPTS_HU]
    fitting = [offset for offset in offsets if _is_hounsfield(air + offset, tissue + offset)]
    return fitting[0] if len(fitting) == 1 else None


def _is_hounsfield(air: float, tissue: float) -> bool:
    return _AIR_RANGE_HU[0] <= air <= _AIR_RANGE_HU[1] and _TISSUE_RANGE_HU[0] <= tissue <= _TISSUE_RANGE_HU[1]
