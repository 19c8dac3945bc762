"""An image on its native grid -> network input on the canonical grid, and its label with it.

`geometry.py` reorders the axes and gives the target grid, aligned with the edges of the native block, so that the
inverse is exact; TorchIO does the rest: Resample, Clamp, then RescaleIntensity or ZNormalization.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchio as tio
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.components import fill_holes
from gnomon.core.geometry import Grid, Reorientation
from gnomon.core.labels import LabelScheme
from gnomon.dataset.plan import Normalisation, Plan

_SAME_SPACING = 1e-3  # relative; a grid within it is not resampled
_RECURSIVE_GAUSSIAN_MIN = 4  # voxels per axis that antialiasing of TorchIO needs


def canonical_grid(native: Grid, spacing_mm: tuple[float, float, float], orientation: str = "RAS") -> Grid:
    """The grid in the orientation and spacing of a plan, over the same block; unchanged where it has both."""
    ordered = native.reorient(_order(native, orientation))
    if np.allclose(ordered.spacing_mm, spacing_mm, rtol=_SAME_SPACING, atol=0):
        return ordered
    return ordered.with_spacing(spacing_mm)


def canonical_image(voxels: NDArray[Any], native: Grid, plan: Plan) -> tuple[NDArray[np.float32], Grid]:
    """Voxels (x, y, z) on a native grid -> normalised (1, x, y, z) float32 on the canonical grid."""
    order, how = _order(native, plan.orientation), plan.normalisation
    target = canonical_grid(native, plan.spacing_mm, plan.orientation)
    values = order.apply(np.asarray(voxels, dtype=np.float32))
    if how.of_nnunet:
        image = _resample(_image(normalise_as_nnunet(values, how), native.reorient(order)), target, spline=True)
        return np.ascontiguousarray(image.numpy(), dtype=np.float32), target
    image = normalise(_resample(_image(values, native.reorient(order)), target), how)
    return np.ascontiguousarray(image.numpy(), dtype=np.float32), target


def outside_value(image: NDArray[np.float32], how: Normalisation) -> float:
    """The value assumed outside a normalised image: its lowest value, or 0 as in nnU-Net."""
    return 0.0 if how.of_nnunet else float(image.min())


def canonical_label(
    channels: NDArray[Any], native: Grid, scheme: LabelScheme, plan: Plan
) -> NDArray[np.uint8 | np.uint16]:
    """Channel numbers (x, y, z) on a native grid -> the same on the canonical grid.

    Each structure is resampled separately by linear interpolation, and the largest share wins: nearest neighbour
    would lose or shift structures as thin as a slice.
    """
    order = _order(native, plan.orientation)
    target = canonical_grid(native, plan.spacing_mm, plan.orientation)
    kind = np.uint8 if scheme.n_channels < 255 else np.uint16
    channels, ordered = order.apply(channels), native.reorient(order)
    if target == ordered:
        return np.ascontiguousarray(channels, dtype=kind)
    best = np.zeros(target.shape, dtype=kind)
    share = np.full(target.shape, -1.0, dtype=np.float32)
    for channel in np.unique(channels):
        part = _resample(_image((channels == channel).astype(np.float32), ordered), target).numpy()[0]
        wins = part > share
        best[wins], share[wins] = channel, part[wins]
    return best


def _order(native: Grid, orientation: str) -> Reorientation:
    return native.reorientation_to(native.orientation if orientation == "native" else orientation)


def _image(values: NDArray[np.float32], grid: Grid) -> tio.ScalarImage:
    return tio.ScalarImage(tensor=torch.from_numpy(values)[None], affine=grid.affine)


def _resample(image: tio.ScalarImage, target: Grid, *, spline: bool = False) -> tio.ScalarImage:
    """The image on the target grid: linear and smoothed where that is coarser, or nnU-Net's cubic spline."""
    if image.spatial_shape == target.shape and np.allclose(image.affine, target.affine, rtol=0, atol=1e-6):
        return image
    if spline:
        return tio.Resample((target.shape, target.affine), image_interpolation="bspline", antialias=False)(image)
    coarsens = any(new > 1.2 * old for new, old in zip(target.spacing_mm, image.spacing))
    smooth = coarsens and min(image.spatial_shape) >= _RECURSIVE_GAUSSIAN_MIN
    return tio.Resample((target.shape, target.affine), antialias=smooth)(image)


def normalise(image: tio.ScalarImage, how: Normalisation) -> tio.ScalarImage:
    """Clamp, then rescale: `in_min_max` of RescaleIntensity does not clip."""
    if how.kind == "window":
        lower, upper = float(how.lower or 0.0), float(how.upper or 1.0)
        image = tio.Clamp(lower, upper)(image)
        return tio.RescaleIntensity((-1.0, 1.0), in_min_max=(lower, upper))(image)
    values = image.numpy()
    lower, upper = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    if upper > lower:
        image = tio.Clamp(lower, upper)(image)
    return tio.ZNormalization()(image)


def normalise_as_nnunet(values: NDArray[np.float32], how: Normalisation) -> NDArray[np.float32]:
    """Normalise an image (x, y, z) on its own grid as nnU-Net does, but keep the zero border that it would crop."""
    if how.kind == "nnunet_ct":
        clamped = np.clip(values, how.lower, how.upper)
        return np.asarray((clamped - np.float32(how.mean or 0.0)) / np.float32(max(how.std or 0.0, 1e-8)), np.float32)
    body = fill_holes(values != 0)
    block = next(iter(ndimage.find_objects(body.astype(np.uint8))), None) if body.any() else (slice(None),) * 3
    counted = values[body] if how.masked and body.any() else values[block]
    out = (values - counted.mean()) / max(float(counted.std()), 1e-8)
    return np.asarray(np.where(body, out, 0.0) if how.masked else out, np.float32)


def image_in_patch(voxels: NDArray[Any], native: Grid, plan: Plan) -> tuple[NDArray[np.float32], float]:
    """The image centred in the patch of the plan, (1, x, y, z), and the value assumed outside it."""
    image, _ = canonical_image(voxels, native, plan)
    outside = outside_value(image, plan.normalisation)
    out = np.full((1, *plan.topology.patch), outside, np.float32)
    source, target = [], []
    for have, want in zip(image.shape[1:], plan.topology.patch):
        size = min(have, want)
        source.append(slice((have - size) // 2, (have - size) // 2 + size))
        target.append(slice((want - size) // 2, (want - size) // 2 + size))
    out[:, target[0], target[1], target[2]] = image[:, source[0], source[1], source[2]]
    return out, outside
