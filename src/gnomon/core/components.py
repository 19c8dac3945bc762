"""Connected components and holes of a mask."""

from __future__ import annotations

from typing import Any, Literal, cast

import cc3d
import fill_voids
import numpy as np
from numpy.typing import NDArray

CONNECTIVITIES = (6, 18, 26)
"""Neighbours of a voxel: across faces; across edges too; across corners too."""


def label_components(mask: NDArray[Any], connectivity: int = 26) -> tuple[NDArray[np.int32], int]:
    """Connected components of a mask (x, y, z), numbered from 1 in the order of their first voxel, and their number.

    Numbers are those of `scipy.ndimage.label`, an order of magnitude faster.
    """
    neighbours = cast(Literal[6, 18, 26], connectivity)
    voxels = np.ascontiguousarray(mask, dtype=bool)
    numbered, count = cc3d.connected_components(voxels, connectivity=neighbours, return_N=True, out_dtype=np.uint32)
    return numbered.view(np.int32), int(count)


def fill_holes(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask (x, y, z) with its holes filled: background that no path of face neighbours joins to the border."""
    padded = np.pad(np.asarray(mask, dtype=bool), 1)  # fill-voids takes some background voxels on the border for holes
    return np.asarray(fill_voids.fill(padded)[1:-1, 1:-1, 1:-1], dtype=bool)
