"""Side of the chest wall in a mammogram, and whether the image shows pectoral muscle.

In a mediolateral oblique view the pectoral muscle fills the upper corner at the chest wall, brighter than the rest
of the breast. In a craniocaudal view the breast is a half disc, and both corners at the chest wall are dark.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BREAST_SHARE = 0.15  # of the maximum
_MIN_RATIO = 1.5
_CORNER, _FILLED, _EMPTY, _BRIGHTER = 0.06, 0.5, 0.02, 1.1


def tissue_brightness(image: NDArray[np.float32], photometric: str) -> NDArray[np.float32]:
    """The image with dense tissue bright."""
    brightness: NDArray[np.float32] = image.max() - image if photometric == "MONOCHROME1" else image - image.min()
    return brightness


def breast_side(brightness: NDArray[np.float32]) -> str:
    """The half of the image that contains the breast, left or right; empty where it is unclear."""
    breast = brightness > _BREAST_SHARE * float(brightness.max() or 1)
    left, right = breast[:, : breast.shape[1] // 2].mean(), breast[:, -(breast.shape[1] // 2) :].mean()
    return "left" if left > _MIN_RATIO * right else "right" if right > _MIN_RATIO * left else ""


def breast_view(brightness: NDArray[np.float32], side: str) -> str:
    """MLO where muscle fills one corner at the chest wall, CC where both corners are dark; empty otherwise.

    Args:
        brightness: (rows, columns), from `tissue_brightness`.
        side: side of the chest wall, from `breast_side`.
    """
    if not side:
        return ""
    breast = brightness > _BREAST_SHARE * float(brightness.max() or 1)
    breast_columns = breast.any(0)
    rows, columns = max(2, round(_CORNER * breast.shape[0])), max(2, round(2 * _CORNER * int(breast_columns.sum())))
    wall = slice(None, columns) if side == "left" else slice(-columns, None)
    corners = [(slice(None, rows), wall), (slice(-rows, None), wall)]
    filled = [float(breast[corner].mean()) for corner in corners]
    if max(filled) < _EMPTY:
        return "CC"
    muscle = [
        share > 1 - _EMPTY and brightness[corner].mean() > _BRIGHTER * brightness[breast].mean()
        for share, corner in zip(filled, corners)
    ]
    return "MLO" if sum(muscle) == 1 and min(filled) < _FILLED else ""
