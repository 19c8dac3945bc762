"""Sharpness of a CT reconstruction, as the mean frequency of its noise power spectrum.

Patches of homogeneous tissue are found by their low standard deviation and detrended; their power spectra are averaged.
A soft kernel leaves coarse noise (below 0.3 per mm), a sharp one fine noise (IEC 61223-3-5; Solomon and
Samei, Med Phys 2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import permute_axes

_PATCH_PIXELS = 16
_TISSUE_HU = (-120.0, 200.0)
_MIN_NOISE_HU = 2.0
_MIN_PATCHES = 20
_MAX_PATCHES = 400


def noise_frequency_per_mm(voxels: NDArray[np.float32], pixel_mm: Sequence[float]) -> float | None:
    """Mean frequency of the noise in homogeneous tissue, 1/mm; None where there is too little of it.

    Args:
        voxels: (slices, rows, columns), HU.
        pixel_mm: distance between rows, then between columns.
    """
    patches = _homogeneous_patches(voxels)
    if len(patches) < _MIN_PATCHES:
        return None
    window = np.outer(np.hanning(_PATCH_PIXELS), np.hanning(_PATCH_PIXELS))
    power = (np.abs(np.fft.fft2(_remove_trend(patches) * window)) ** 2).mean(0)
    rows, columns = (np.fft.fftfreq(_PATCH_PIXELS, float(mm)) for mm in pixel_mm)
    frequency = np.hypot(rows[:, None], columns[None, :])
    band = (frequency > 1.5 / (_PATCH_PIXELS * float(max(pixel_mm)))) & (frequency <= 0.5 / float(max(pixel_mm)))
    return float((power * frequency)[band].sum() / power[band].sum())


def _homogeneous_patches(voxels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Patches of tissue with a standard deviation near the lowest fifth: noise, not structure."""
    slices, rows, columns = (size // edge for size, edge in zip(voxels.shape, (1, _PATCH_PIXELS, _PATCH_PIXELS)))
    if not rows or not columns:
        return np.zeros((0, _PATCH_PIXELS, _PATCH_PIXELS))
    cut = voxels[:, : rows * _PATCH_PIXELS, : columns * _PATCH_PIXELS].reshape(
        slices, rows, _PATCH_PIXELS, columns, _PATCH_PIXELS
    )
    patches: NDArray[np.float64] = permute_axes(cut, (1, 0, 2)).reshape(-1, _PATCH_PIXELS, _PATCH_PIXELS)
    lowest, highest = patches.min((1, 2)), patches.max((1, 2))
    mean, deviation = patches.mean((1, 2)), patches.std((1, 2))
    tissue = (mean > _TISSUE_HU[0]) & (mean < _TISSUE_HU[1]) & (highest - lowest < 12 * np.maximum(deviation, 1e-6))
    tissue &= deviation > _MIN_NOISE_HU
    if not tissue.any():
        return np.zeros((0, _PATCH_PIXELS, _PATCH_PIXELS))
    limit = 1.5 * float(np.percentile(deviation[tissue], 20))
    chosen = np.flatnonzero(tissue & (deviation <= limit))
    return patches[chosen[:: max(1, len(chosen) // _MAX_PATCHES)]].astype(np.float64)


def _remove_trend(patches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Patches minus the best-fitting plane of each."""
    i, j = np.mgrid[:_PATCH_PIXELS, :_PATCH_PIXELS].reshape(2, -1) - (_PATCH_PIXELS - 1) / 2
    basis = np.stack([np.ones_like(i), i, j], 1)
    basis /= np.linalg.norm(basis, axis=0)
    flat = patches.reshape(len(patches), -1)
    residuals: NDArray[np.float64] = (flat - np.einsum("nk,vk->nv", flat @ basis, basis)).reshape(patches.shape)
    return residuals
