"""Intensity augmentation: resolution first, then noise, brightness, contrast and gamma."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gnomon.core.geometry import apply_along_axes
from gnomon.core.randomness import normal_noise


@dataclass(frozen=True)
class Appearance:
    """Parameters of an intensity augmentation; the defaults change nothing.

    Attributes:
        blur_sigma_voxels: of a Gaussian, along every axis.
        low_resolution_factor: resampled to voxels this many times larger and back, along `low_resolution_axes`.
        noise_std, brightness: added, in units of the normalised image.
        noise_seed: of the noise.
        contrast: factor on values.
        gamma: power on values between the lowest and the highest.
    """

    blur_sigma_voxels: float = 0.0
    low_resolution_factor: float = 1.0
    low_resolution_axes: tuple[int, ...] = (0, 1, 2)
    noise_std: float = 0.0
    noise_seed: int = 0
    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0


def apply_appearance(image: torch.Tensor, how: Appearance) -> torch.Tensor:
    """Apply an intensity augmentation to an image (channels, x, y, z). Pure."""
    if how.blur_sigma_voxels or how.low_resolution_factor > 1:
        image = _blur_and_downsample(image, how)
    if how.noise_std:
        image = image + how.noise_std * normal_noise(how.noise_seed, image.shape, image.device)
    if how.contrast != 1 or how.brightness:
        image = image * how.contrast + how.brightness
    if how.gamma != 1:
        low, high = image.aminmax()
        extent = (high - low).clamp(min=1e-6)
        image = ((image - low) / extent).clamp_(min=0).pow_(how.gamma).mul_(high - low).add_(low)
    return image


def _blur_and_downsample(image: torch.Tensor, how: Appearance) -> torch.Tensor:
    """Blur and low resolution are linear along each axis: one matrix per axis does both."""
    across = []
    for axis, size in enumerate(image.shape[1:]):
        matrix = torch.eye(size, dtype=torch.float64)
        if how.blur_sigma_voxels:
            matrix = _gaussian_matrix(size, how.blur_sigma_voxels)
        if how.low_resolution_factor > 1 and axis in how.low_resolution_axes:
            matrix = _downsample_matrix(size, how.low_resolution_factor) @ matrix
        across.append(matrix.to(image))
    out: torch.Tensor = apply_along_axes(image, across)
    return out


def _gaussian_matrix(size: int, sigma: float) -> torch.Tensor:
    """A Gaussian about each voxel, normalised over the voxels inside the patch."""
    places = torch.arange(size, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((places[:, None] - places) / sigma) ** 2)
    return weights / weights.sum(1, keepdim=True)


def _downsample_matrix(size: int, factor: float) -> torch.Tensor:
    """Averages over voxels `factor` times as large, then linear interpolation between their centres."""
    count = max(1, round(size / factor))
    edge = size / count
    voxels, coarse = torch.arange(size, dtype=torch.float64), torch.arange(count, dtype=torch.float64)
    starts = coarse[:, None] * edge
    averages = (torch.minimum(voxels + 1, starts + edge) - torch.maximum(voxels, starts)).clamp(min=0) / edge
    places = ((voxels + 0.5) / edge - 0.5).clamp(0, count - 1)
    return (1 - (places[:, None] - coarse).abs()).clamp(min=0) @ averages
