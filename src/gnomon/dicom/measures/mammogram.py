"""Side of the chest wall in a mammogram, and whether the image shows pectoral muscle.

In a mediolateral oblique view the pectoral muscle fills the upper corner at the chest wall, brighter than the rest
of the breast. In a craniocaudal view the breast is a half disc, and both corners at the chest wall are dark.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LIT = 0.15  # of the brightest
_CLEARLY = 1.5
_CORNER, _FILLED, _EMPTY, _BRIGHTER = 0.06, 0.5, 0.02, 1.1


def tissue_brightness(image: NDArray[np.float32], photometric: str) -> NDArray[np.float32]:
    """The image with dense tissue bright."""
    light: NDArray[np.float32] = image.max() - image if photometric == "MONOCHROME1" else image - image.min()
    return light


def breast_side(light: NDArray[np.float32]) -> str:
    """The half of the image that contains the breast, left or right; empty where it is unclear."""
    lit = light > _LIT * float(light.max() or 1)
    left, right = lit[:, : lit.shape[1] // 2].mean(), lit[:, -(lit.shape[1] // 2) :].mean()
    return "left" if left > _CLEARLY * right else "right" if right > _CLEARLY * left else ""


def breast_view(light: NDArray[np.float32], side: str) -> str:
    """MLO where muscle fills one corner at the chest wall, CC where both corners are dark; empty otherwise.

    Args:
        light: (rows, columns), dense tissue bright.
        side: side of the chest wall, from `breast_side`.
    """
    if not side:
        return ""
    lit = light > _LIT * float(light.max() or 1)
    across = lit.any(0)
    rows, columns = max(2, round(_CORNER * lit.shape[0])), max(2, round(2 * _CORNER * int(across.sum())))
    wall = slice(None, columns) if side == "left" else slice(-columns, None)
    ends = [(slice(None, rows), wall), (slice(-rows, None), wall)]
    filled = [float(lit[end].mean()) for end in ends]
    if max(filled) < _EMPTY:
        return "CC"
    muscle = [
        share > 1 - _EMPTY and light[end].mean() > _BRIGHTER * light[lit].mean() for share, end in zip(filled, ends)
    ]
    return "MLO" if sum(muscle) == 1 and min(filled) < _FILLED else ""
