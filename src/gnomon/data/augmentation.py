"""Augmentation of a training patch: parameters are drawn first, by key, then applied. Works in millimetres.

Mirroring first, only across axes that keep the labels valid, with paired labels exchanged; then one resampling for
all spatial transforms; then intensities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from gnomon.core.geometry import flip_axes
from gnomon.core.mirroring import Mirroring
from gnomon.data.appearance import Appearance, apply_appearance
from gnomon.data.deformation import Deformation, deform_patch
from gnomon.settings import AugmentationSettings

_IN_PLANE_RATIO = 2.0  # an axis this much coarser than the finest is not rotated into, warped or coarsened
_KINDS = (
    "mirror",
    "rotation",
    "scale",
    "elastic",
    "blur",
    "low_resolution",
    "noise",
    "brightness",
    "contrast",
    "gamma",
)


@dataclass(frozen=True)
class Augmentation:
    """Parameters of the augmentation of one patch."""

    mirror: tuple[int, ...] = ()
    deformation: Deformation | None = None
    appearance: Appearance = field(default_factory=Appearance)


def draw_augmentation(
    draw: np.random.Generator,
    settings: AugmentationSettings,
    spacing_mm: Sequence[float],
    mirror_axes: Sequence[int] = (),
) -> Augmentation:
    """Draw the augmentation of one patch. Every value is drawn, used or not, so that the stream stays aligned."""
    happens = dict(zip(_KINDS[1:], draw.random(len(_KINDS) - 1)))
    happens = {kind: chance < getattr(settings, f"{kind}_probability") for kind, chance in happens.items()}
    across = draw.random(3) < settings.mirror_probability
    coarse = np.asarray(spacing_mm) / min(spacing_mm) > _IN_PLANE_RATIO
    return Augmentation(
        mirror=tuple(axis for axis in mirror_axes if across[axis]),
        deformation=_draw_deformation(draw, settings, happens, coarse),
        appearance=_draw_appearance(draw, settings, happens, coarse),
    )


def augment_patch(
    image: torch.Tensor, label: torch.Tensor, how: Augmentation, patch: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment a patch: an image (channels, x, y, z) and its label (x, y, z), with the deformation's margin if any.

    Pure: same in, same out, on the device that the tensors are on. `how.mirror` is not done here: it is
    done on the voxels as they are cut, where partners swap (`mirror_patch`).
    """
    if how.deformation is not None:
        image, label = deform_patch(image, label, how.deformation, patch, spacing_mm)
    return apply_appearance(image, how.appearance), label


def mirror_patch(
    image: np.ndarray, label: np.ndarray, axes: tuple[int, ...], safe: Mirroring
) -> tuple[np.ndarray, np.ndarray]:
    """A patch (channels, x, y, z) and its label (x, y, z) mirrored, with left and right labels exchanged."""
    if not axes:
        return image, label
    return flip_axes(image, axes), safe.label(flip_axes(label, axes), axes)


def _draw_deformation(
    draw: np.random.Generator, settings: AugmentationSettings, happens: dict[str, bool], coarse: np.ndarray
) -> Deformation | None:
    angles = np.deg2rad(draw.uniform(-settings.rotation_deg, settings.rotation_deg, 3))
    factor = float(np.exp(draw.uniform(-1, 1) * np.log(settings.scale)))
    shift = draw.uniform(-settings.shift, settings.shift, 3)
    share, seed = settings.elastic * draw.random(), int(draw.integers(2**62))
    if coarse.any():
        angles[~coarse] = 0.0
    matrix = _rotation(angles) if happens["rotation"] else np.eye(3)
    if happens["scale"]:
        matrix = matrix * factor
    if not (happens["rotation"] or happens["scale"] or happens["elastic"]):
        return None
    return Deformation(
        matrix=tuple(tuple(float(v) for v in row) for row in matrix),
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        elastic=_three(np.where(coarse, 0.0, share if happens["elastic"] else 0.0)),
        seed=seed,
    )


def _draw_appearance(
    draw: np.random.Generator, settings: AugmentationSettings, happens: dict[str, bool], coarse: np.ndarray
) -> Appearance:
    blur, low_resolution, noise = draw.uniform(0, 1, 3)
    brightness, contrast, gamma = draw.uniform(-1, 1, 3)
    return Appearance(
        blur_sigma_voxels=settings.blur_sigma_voxels * (0.5 + 0.5 * blur) if happens["blur"] else 0.0,
        low_resolution_factor=float(settings.low_resolution_factor**low_resolution)
        if happens["low_resolution"]
        else 1.0,
        low_resolution_axes=tuple(axis for axis in range(3) if not coarse[axis]),
        noise_std=settings.noise_std * noise if happens["noise"] else 0.0,
        noise_seed=int(draw.integers(2**62)),
        brightness=settings.brightness * brightness if happens["brightness"] else 0.0,
        contrast=1 + settings.contrast * contrast if happens["contrast"] else 1.0,
        gamma=float(settings.gamma**gamma) if happens["gamma"] else 1.0,
    )


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Rotation about x, then y, then z (radians)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
