"""What is done to a training patch: parameters are drawn first, then applied. Works in millimetres.

Mirroring first, only across the axes that the label scheme survives and with partners swapped; then
rotation, scale and shift as one resampling; then noise, blur, brightness, contrast and gamma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from isocenter.geometry import mirrored
from isocenter.mirroring import Mirroring
from isocenter.settings import bounded

_IN_PLANE_RATIO = 2.0  # an axis this much coarser than the finest is not rotated into


@dataclass(frozen=True)
class AugmentationSettings:
    """How often and how far.

    Attributes:
        mirror_probability: for each axis that may be mirrored at all.
        rotation_deg: largest angle about an axis; about in-plane axes of thick slices it is 0.
        scale: largest factor of enlarging or shrinking.
        shift: largest shift, as a fraction of the patch.
        noise_std, contrast, gamma, brightness: in units of the normalised image.
    """

    enabled: bool = True
    mirror_probability: float = 0.0
    rotation_probability: float = 0.4
    rotation_deg: float = 15.0
    scale_probability: float = 0.4
    scale: float = 1.18
    shift: float = 0.04
    noise_probability: float = 0.15
    noise_std: float = 0.3
    blur_probability: float = 0.15
    blur_sigma_voxels: float = 1.0
    brightness_probability: float = 0.3
    brightness: float = 0.3
    contrast_probability: float = 0.3
    contrast: float = 0.25
    gamma_probability: float = 0.3
    gamma: float = 1.5

    def __post_init__(self) -> None:
        kinds = ("mirror", "rotation", "scale", "noise", "blur", "brightness", "contrast", "gamma")
        bounded(self, **{f"{kind}_probability": (0, 1) for kind in kinds})
        bounded(
            self, rotation_deg=(0, 180), scale=(1, 4), shift=(0, 0.5), noise_std=(0, 10), blur_sigma_voxels=(0.1, 10)
        )
        bounded(self, brightness=(0, 10), contrast=(0, 1), gamma=(1, 10))


@dataclass(frozen=True)
class Augmentation:
    """What happens to one patch. `matrix` maps output to input places in mm about the centre; None: nothing."""

    matrix: tuple[tuple[float, ...], ...] | None
    shift: tuple[float, float, float]
    noise_std: float
    noise_seed: int
    blur_sigma_voxels: float
    brightness: float
    contrast: float
    gamma: float
    mirror: tuple[int, ...] = ()


def draw_augmentation(
    draw: np.random.Generator, settings: AugmentationSettings, spacing_mm: Sequence[float],
    mirror_axes: Sequence[int] = (),
) -> Augmentation:  # fmt: skip
    """Draw one patch's augmentation. Every draw is made, whatever comes of it, so keys stay aligned."""
    angles = np.deg2rad(draw.uniform(-settings.rotation_deg, settings.rotation_deg, 3))
    rotate, scaled = draw.random(2) < (settings.rotation_probability, settings.scale_probability)
    factor = float(np.exp(draw.uniform(-1, 1) * np.log(settings.scale)))
    shift = draw.uniform(-settings.shift, settings.shift, 3)
    chances = draw.random(5)
    noise, blur, brightness, contrast, gamma = draw.uniform(0, 1, 5)
    seed = int(draw.integers(2**62))
    mirrored = draw.random(3) < settings.mirror_probability
    coarse = np.asarray(spacing_mm) / min(spacing_mm) > _IN_PLANE_RATIO
    if coarse.any():
        angles[~coarse] = 0.0
    matrix = np.eye(3)
    if rotate:
        matrix = matrix @ _rotation(angles)
    if scaled:
        matrix = matrix * factor
    return Augmentation(
        mirror=tuple(axis for axis in mirror_axes if mirrored[axis]),
        matrix=tuple(tuple(float(v) for v in row) for row in matrix) if rotate or scaled or settings.shift else None,
        shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        noise_std=settings.noise_std * noise if chances[0] < settings.noise_probability else 0.0,
        noise_seed=seed,
        blur_sigma_voxels=(
            settings.blur_sigma_voxels * (0.5 + 0.5 * blur) if chances[1] < settings.blur_probability else 0.0
        ),
        brightness=(
            settings.brightness * (2 * brightness - 1) if chances[2] < settings.brightness_probability else 0.0
        ),
        contrast=1 + settings.contrast * (2 * contrast - 1) if chances[3] < settings.contrast_probability else 1.0,
        gamma=float(settings.gamma ** (2 * gamma - 1)) if chances[4] < settings.gamma_probability else 1.0,
    )


def apply_augmentation(
    image: torch.Tensor, label: torch.Tensor, how: Augmentation, spacing_mm: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment an image (channels, x, y, z) and its label (x, y, z), whole numbers. Pure: same in, same out.

    `how.mirror` is not done here: it is done on the patch as it is cut, where partners swap (`mirrored_patch`).
    """
    if how.matrix is not None:
        grid = _sampling_grid(how, image.shape[1:], spacing_mm)
        image = functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
        label = _moved_label(label, grid)
    if how.noise_std:
        noise = torch.Generator().manual_seed(how.noise_seed)
        image = image + how.noise_std * torch.randn(image.shape, generator=noise)
    if how.blur_sigma_voxels:
        image = _blurred(image, how.blur_sigma_voxels)
    if how.contrast != 1 or how.brightness:
        image = image * how.contrast + how.brightness
    if how.gamma != 1:
        low, high = image.min(), image.max()
        image = ((image - low) / (high - low).clamp(min=1e-6)).pow(how.gamma) * (high - low) + low
    return image, label


def mirrored_patch(
    image: np.ndarray, label: np.ndarray, axes: tuple[int, ...], safe: Mirroring
) -> tuple[np.ndarray, np.ndarray]:
    """A patch (channels, x, y, z) and its label (x, y, z) seen in a mirror, left and right partners swapped."""
    if not axes:
        return image, label
    return mirrored(image, axes), safe.label(mirrored(label, axes), axes)


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Rotation about x, then y, then z (radians)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _sampling_grid(how: Augmentation, shape: Sequence[int], spacing_mm: Sequence[float]) -> torch.Tensor:
    """`grid_sample`'s grid. It counts in half sizes, and names the last axis first."""
    half_mm = np.asarray(shape) * np.asarray(spacing_mm) / 2
    theta = np.asarray(how.matrix) * half_mm[None, :] / half_mm[:, None]
    theta = np.hstack([theta, 2 * np.asarray(how.shift)[:, None]])
    backwards = np.ascontiguousarray(theta[::-1][:, [2, 1, 0, 3]])
    grid: torch.Tensor = functional.affine_grid(
        torch.from_numpy(backwards)[None].float(), [1, 1, *shape], align_corners=False
    )
    return grid


def _moved_label(label: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Each channel present is moved linearly by itself; the largest share wins."""
    present = torch.unique(label)
    if len(present) == 1:
        return label
    masks = (label[None] == present[:, None, None, None]).float()
    shares = functional.grid_sample(masks[None], grid, padding_mode="border", align_corners=False)[0]
    moved: torch.Tensor = present[shares.argmax(0)]
    return moved


def _blurred(image: torch.Tensor, sigma: float) -> torch.Tensor:
    places = torch.arange(-2, 3, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = kernel / kernel.sum()
    out = image[:, None]
    for axis in range(3):
        shape, pad = [1, 1, 1, 1, 1], [0] * 6
        shape[2 + axis] = 5
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = 2
        out = functional.conv3d(functional.pad(out, pad, mode="replicate"), kernel.view(shape))
    return out[:, 0]
