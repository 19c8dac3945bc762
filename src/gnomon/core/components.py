"""The separate parts of a mask: what a voxel's neighbours are, and numbers for what hangs together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CONNECTIVITIES = (6, 18, 26)
"""Neighbours of a voxel: by faces; by edges too; by corners too."""


def label_components(mask: NDArray[Any], connectivity: int = 26) -> tuple[NDArray[np.int32], int]:
    """The separate parts of a mask (x, y, z), numbered from 1, and how many."""
    neighbours = ndimage.generate_binary_structure(3, 1 + CONNECTIVITIES.index(connectivity))
    numbered, count = ndimage.label(mask, neighbours, output=np.int32)
    return numbered, int(count)
