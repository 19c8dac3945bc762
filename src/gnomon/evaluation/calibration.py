"""Calibration of probabilities near the surface: does a probability of 0.8 hold in 8 of 10 voxels?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Voxels binned by probability, in `BINS` bins of equal width; those of several cases can be added.

    Attributes:
        count: (BINS,) number of voxels.
        probability: (BINS,) sum of their probabilities.
        true: (BINS,) number of them in the structure.
        squared: sum of squared errors over all voxels.
    """

    count: NDArray[np.int64]
    probability: NDArray[np.float64]
    true: NDArray[np.int64]
    squared: float

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(
            self.count + other.count,
            self.probability + other.probability,
            self.true + other.true,
            self.squared + other.squared,
        )

    @property
    def brier(self) -> float | None:
        """Mean squared error of the probabilities (Brier, 1950)."""
        return self.squared / float(self.count.sum()) if self.count.any() else None

    @property
    def expected_error(self) -> float | None:
        """Expected calibration error: mean gap between probability and frequency over voxels (Naeini et al., 2015)."""
        total = float(self.count.sum())
        return float(np.abs(self.probability - self.true).sum() / total) if total else None

    def rows(self) -> list[dict[str, float]]:
        """One row per non-empty bin: mean probability, observed frequency, number of voxels."""
        return [
            {"probability": float(self.probability[i] / n), "frequency": float(self.true[i] / n), "voxels": int(n)}
            for i, n in enumerate(self.count)
            if n
        ]


def reliability(
    reference: NDArray[np.bool_], probability: NDArray[Any], spacing_mm: Sequence[float], band_mm: float
) -> Reliability:
    """Reliability of the voxels near the reference surface; far from it, every model is right and confident.

    Args:
        reference: mask of the structure (x, y, z); where it is empty, no voxel counts.
        probability: of the structure (x, y, z), on the same grid, 0 to 1.
        spacing_mm: of the three axes.
        band_mm: width of the band on either side of the surface.
    """
    near = np.zeros(reference.shape, bool)
    if reference.any():
        sampling = tuple(spacing_mm)
        outward = ndimage.distance_transform_edt(~reference, sampling=sampling)
        inward = ndimage.distance_transform_edt(np.pad(reference, 1), sampling=sampling)[1:-1, 1:-1, 1:-1]
        near = np.where(reference, inward, outward) <= band_mm
    p, inside = np.asarray(probability[near], np.float64).clip(0, 1), reference[near]
    place = np.minimum((p * BINS).astype(np.intp), BINS - 1)
    return Reliability(
        np.bincount(place, minlength=BINS),
        np.bincount(place, p, minlength=BINS).astype(float),
        np.bincount(place[inside], minlength=BINS),
        float(((p - inside) ** 2).sum()),
    )
