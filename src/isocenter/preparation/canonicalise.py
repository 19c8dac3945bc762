"""An image on its native grid -> network input on the canonical grid, and its label with it.

TorchIO does the work: ToCanonical, Resample, Clamp, then RescaleIntensity or ZNormalization. The target
grid comes from `geometry.py`, aligned with the native block's edges, so the way back is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchio as tio
from numpy.typing import NDArray

from isocenter.geometry import Grid
from isocenter.labels import LabelScheme
from isocenter.preparation.plan import Normalisation, Plan

_SAME_SPACING = 1e-3  # relative; below it a grid is taken as it is
_RECURSIVE_GAUSSIAN_MIN = 4  # voxels an axis that TorchIO's antialiasing needs


def canonical_grid(native: Grid, spacing_mm: tuple[float, float, float]) -> Grid:
    """The grid in RAS+ order at the target spacing over the same block; unchanged where it has it already."""
    ordered = native.reoriented(native.reorientation_to("RAS"))
    if np.allclose(ordered.spacing_mm, spacing_mm, rtol=_SAME_SPACING, atol=0):
        return ordered
    return ordered.resampled(spacing_mm)


def canonical_image(voxels: NDArray[Any], native: Grid, plan: Plan) -> tuple[NDArray[np.float32], Grid]:
    """Voxels (x, y, z) on a native grid -> normalised (1, x, y, z) float32 on the canonical grid."""
    target = canonical_grid(native, plan.spacing_mm)
    image = tio.ScalarImage(tensor=torch.from_numpy(np.array(voxels, dtype=np.float32))[None], affine=native.affine)
    image = _moved(image, target)
    array = np.ascontiguousarray(normalised(image, plan.normalisation).numpy(), dtype=np.float32)
    return array, target


def canonical_label(
    channels: NDArray[Any], native: Grid, scheme: LabelScheme, plan: Plan
) -> NDArray[np.uint8 | np.uint16]:
    """Channel numbers (x, y, z) on a native grid -> the same on the canonical grid.

    Each structure is resampled by itself, linearly, and the largest share wins: nearest neighbour would
    lose or shift structures of about a slice.
    """
    ordered = native.reorientation_to("RAS")
    target = canonical_grid(native, plan.spacing_mm)
    kind = np.uint8 if scheme.n_channels < 255 else np.uint16
    if target == native.reoriented(ordered):
        return np.ascontiguousarray(ordered.apply(channels), dtype=kind)
    best = np.zeros(target.shape, dtype=kind)
    share = np.full(target.shape, -1.0, dtype=np.float32)
    for channel in np.unique(channels):
        mask = torch.from_numpy((channels == channel).astype(np.float32))[None]
        part = _moved(tio.ScalarImage(tensor=mask, affine=native.affine), target).numpy()[0]
        wins = part > share
        best[wins], share[wins] = channel, part[wins]
    return best


def _moved(image: tio.ScalarImage, target: Grid) -> tio.ScalarImage:
    image = tio.ToCanonical()(image)
    if image.spatial_shape == target.shape and np.allclose(image.affine, target.affine, rtol=0, atol=1e-6):
        return image
    coarsens = any(new > 1.2 * old for new, old in zip(target.spacing_mm, image.spacing))
    smooth = coarsens and min(image.spatial_shape) >= _RECURSIVE_GAUSSIAN_MIN
    return tio.Resample((target.shape, target.affine), antialias=smooth)(image)


def normalised(image: tio.ScalarImage, how: Normalisation) -> tio.ScalarImage:
    """Clamp first: RescaleIntensity's `in_min_max` alone does not clip."""
    if how.kind == "window":
        lower, upper = float(how.lower or 0.0), float(how.upper or 1.0)
        image = tio.Clamp(lower, upper)(image)
        return tio.RescaleIntensity((-1.0, 1.0), in_min_max=(lower, upper))(image)
    values = image.numpy()
    lower, upper = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    if upper > lower:
        image = tio.Clamp(lower, upper)(image)
    return tio.ZNormalization()(image)
