"""Bounding boxes of masks, as slices of an array (x, y, z)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]
EMPTY_BOX: Box = (slice(0, 0), slice(0, 0), slice(0, 0))


def bounding_box(voxels: NDArray[Any]) -> Box | None:
    """The smallest box of an array (x, y, z) that holds all non-zero voxels; None where there are none."""
    plane = np.any(voxels, axis=2)
    x, y = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if not len(x):
        return None
    first, second = slice(int(x[0]), int(x[-1]) + 1), slice(int(y[0]), int(y[-1]) + 1)
    z = np.flatnonzero(np.any(voxels[first, second], axis=(0, 1)))
    return first, second, slice(int(z[0]), int(z[-1]) + 1)


def enclosing_box(boxes: Iterable[tuple[slice, ...] | None]) -> Box:
    """The smallest box that holds all boxes; the empty one where there are none."""
    known = [box for box in boxes if box is not None]
    if not known:
        return EMPTY_BOX
    x, y, z = (slice(min(box[axis].start for box in known), max(box[axis].stop for box in known)) for axis in range(3))
    return x, y, z
