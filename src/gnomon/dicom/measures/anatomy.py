"""Side of the table and position of the spine in a CT, which show how the patient lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_BODY_HU, _TABLE_HU, _BONE_HU = -300.0, -700.0, 250.0
_STEP_MM = 4.0
_MIN_BODY = 0.02  # fraction of the volume
_MIN_BONE_BLOCKS = 12  # of 4 mm


def body_measures(ras: NDArray[np.float32], spacing_mm: Sequence[float]) -> dict[str, Any]:
    """`table_side` (A or P) and `spine_anterior_share`, where they can be determined.

    Args:
        ras: HU, (x, y, z) in RAS+.
        spacing_mm: spacing of the voxels.
    """
    blocks = _block_means(ras, [max(1, round(_STEP_MM / step)) for step in spacing_mm])
    parts, count = ndimage.label(ndimage.binary_opening(blocks > _BODY_HU, np.ones((3, 3, 1))))
    if not count:
        return {}
    sizes = np.bincount(parts.ravel())[1:]
    body = parts == 1 + int(sizes.argmax())
    if body.mean() < _MIN_BODY:
        return {}
    measures: dict[str, Any] = {}
    if side := _table_side(blocks, body):
        measures["table_side"] = side
    if (share := _anterior_bone_share(blocks, body)) is not None:
        measures["spine_anterior_share"] = share
    return measures


def _block_means(ras: NDArray[np.float32], steps: Sequence[int]) -> NDArray[np.float32]:
    """Means of blocks of `steps` voxels: a thin table becomes fainter but, unlike with subsampling, is not missed."""
    a, b, c = (min(step, size) for step, size in zip(steps, ras.shape))
    x, y, z = ras.shape[0] // a, ras.shape[1] // b, ras.shape[2] // c
    means: NDArray[np.float32] = ras[: x * a, : y * b, : z * c].reshape(x, a, y, b, z, c).mean((1, 3, 5))
    return means


def _table_side(blocks: NDArray[np.float32], body: NDArray[np.bool_]) -> str:
    """Side of the body, anterior or posterior, on which a long and flat object lies."""
    outside = (blocks > _TABLE_HU) & ~ndimage.binary_dilation(body, np.ones((3, 3, 1)))
    parts, count = ndimage.label(outside)
    front, back = (int(edge) for edge in np.flatnonzero(body.any((0, 2)))[[-1, 0]])
    body_columns = np.flatnonzero(body.any((1, 2)))
    for box in ndimage.find_objects(parts)[:count]:
        x, y, z = box
        spans_length = (z.stop - z.start) > 0.6 * blocks.shape[2]
        spans_width = (x.stop - x.start) > 0.4 * len(body_columns)
        is_flat = (y.stop - y.start) < 0.5 * (x.stop - x.start)
        if spans_length and spans_width and is_flat:
            middle = (y.start + y.stop - 1) / 2
            if middle > front:
                return "A"
            if middle < back:
                return "P"
    return ""


def _anterior_bone_share(blocks: NDArray[np.float32], body: NDArray[np.bool_]) -> float | None:
    """Share of the bone in the body's middle third (left to right) that lies in its anterior half."""
    x, y = np.flatnonzero(body.any((1, 2))), np.flatnonzero(body.any((0, 2)))
    third = (x[-1] - x[0] + 1) // 3
    middle = slice(x[0] + third, x[-1] + 1 - third)
    bone = (blocks[middle] > _BONE_HU) & body[middle]
    if bone.sum() < _MIN_BONE_BLOCKS:
        return None
    front = bone[:, (y[0] + y[-1]) // 2 + 1 :].sum()
    return float(front / bone.sum())
