"""What decoded values say of themselves: a frame that no header declares, and whether they look like HU.

Hounsfield units fix two places by definition: air lies at -1000 and water at 0.
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
"""A frame fills more than this share of the voxels, and lies farther than this from the next value."""

_LOWEST_HU, _HIGHEST_HU = -1200.0, 30000.0  # below air with its noise; above any extended CT scale
_BIN_HU, _LEAST_PEAK = 10.0, 0.02
_AIR_HU, _APART_HU = -300.0, 300.0
_LOOKED_AT = 4_000_000  # voxels in a histogram
_AIR_BETWEEN_HU, _TISSUE_BETWEEN_HU = (-1050.0, -950.0), (-150.0, 120.0)
_INTERCEPTS_HU = (-1024.0, 0.0, -8192.0)


@dataclass(frozen=True)
class ConstantFrame:
    """One value in all four corners of every slice: its share of the voxels, and its distance from the next value."""

    value: float
    share: float
    gap: float

    @property
    def outside_hu_range(self) -> bool:
        """Whether it stands out and nothing in a CT can have this value, so that it can only be padding."""
        apart = self.share > FRAME_SHARE and self.gap > FRAME_GAP
        return apart and not _LOWEST_HU <= self.value <= _HIGHEST_HU


def constant_frame(voxels: NDArray[np.float32]) -> ConstantFrame | None:
    """The frame of a volume (slices, rows, columns), where all corners have one value and other voxels another."""
    corners = voxels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    value = float(corners.flat[0])
    if voxels.shape[1] < 8 or not (corners == value).all():
        return None
    others = voxels[voxels != value]
    if not others.size:
        return None
    return ConstantFrame(value, 1 - others.size / voxels.size, float(np.abs(others - value).min()))


def frame_mask(voxels: NDArray[np.float32], value: float) -> Mask:
    """Voxels of this value that hang together with the border of their slice."""
    return reaching_border(voxels == value)


def reaching_border(mask: Mask) -> Mask:
    """The part of a mask (slices, rows, columns) that hangs together, edge by edge, with the border of its slice."""
    found = np.zeros(mask.shape, bool)
    for plane, into in zip(mask, found):
        parts, count = ndimage.label(plane)
        reaches = np.zeros(count + 1, bool)
        for side in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
            reaches[side] = True
        reaches[0] = False
        into[:] = reaches[parts]
    return found


def hu_peaks(voxels: NDArray[np.float32], padding: Mask | None) -> tuple[float | None, float | None]:
    """Places of two crowds of values: the lowest (air, or lung in a chest), and the largest of the others (tissue)."""
    step = max(1, voxels.size // _LOOKED_AT) | 1  # odd: no multiple of a row's length
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
    crowd = ndimage.uniform_filter1d(counts / inside.size, 9) * 9
    top = (smooth == ndimage.maximum_filter1d(smooth, 31)) & (crowd > 2.5 * _LEAST_PEAK) & (smooth > _LEAST_PEAK / 6)
    tops = np.flatnonzero(top)
    places = [float(edges[i] + _BIN_HU / 2) for i in tops]
    if not places:
        return None, None
    apart = places[-1] - places[0] > _APART_HU
    air = places[0] if apart or places[0] < _AIR_HU else None
    others = tops[1:] if air is not None else tops
    tissue = float(edges[others[crowd[others].argmax()]] + _BIN_HU / 2) if others.size else None
    return air, tissue


def lost_intercept_hu(air: float | None, tissue: float | None, intercepts: Collection[float | None]) -> float | None:
    """What must be added for air and soft tissue to lie where HU have them, if one usual intercept does it.

    Args:
        air, tissue: the peaks as read.
        intercepts: those of the slices, as they were applied; None where another way led to the values.
    """
    (intercept,) = intercepts if len(intercepts) == 1 else (None,)
    if air is None or tissue is None or intercept is None or _as_hu(air, tissue):
        return None
    added = [usual - intercept for usual in _INTERCEPTS_HU]
    fitting = [one for one in added if _as_hu(air + one, tissue + one)]
    return fitting[0] if len(fitting) == 1 else None


def _as_hu(air: float, tissue: float) -> bool:
    return _AIR_BETWEEN_HU[0] <= air <= _AIR_BETWEEN_HU[1] and _TISSUE_BETWEEN_HU[0] <= tissue <= _TISSUE_BETWEEN_HU[1]
