"""An analytical model of a small abdomen: the structure at each point, and its density.

Points are in RAS+ mm relative to the centre of the phantom. The liver lies on the right, the spleen on the left; both
have the same density, so that only side and shape distinguish them. Some patients have a lesion in the liver, and all
have a cyst of the same density outside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator

LABELS = LabelScheme(names=("liver", "spleen", "lesion"), values=(1, 2, 3))

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and half axes, mm."""

    centre_mm: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]

    def contains(self, points_mm: Points) -> NDArray[np.bool_]:
        """Whether each of the points (..., 3) lies inside."""
        scaled = (points_mm - np.asarray(self.centre_mm)) / np.asarray(self.half_axes_mm)
        return np.asarray(np.einsum("...i,...i->...", scaled, scaled) <= 1.0)

    @property
    def volume_mm3(self) -> float:
        """4/3 pi a b c."""
        return float(4 / 3 * np.pi * np.prod(self.half_axes_mm))


@dataclass(frozen=True)
class Anatomy:
    """Structures of one patient."""

    liver: Ellipsoid
    spleen: Ellipsoid
    lesion: Ellipsoid | None
    cyst: Ellipsoid
    organ_hu: float

    def labels_at(self, points_mm: Points) -> NDArray[np.uint8]:
        """Label value at each point (..., 3)."""
        found = np.zeros(points_mm.shape[:-1], dtype=np.uint8)
        found[self.spleen.contains(points_mm)] = 2
        found[self.liver.contains(points_mm)] = 1
        if self.lesion is not None:
            found[self.lesion.contains(points_mm)] = 3
        return found

    def hounsfield_at(self, points_mm: Points) -> NDArray[np.float32]:
        """Density at each point: air, a rim of fat, soft tissue, spine, cyst, organs, lesion."""
        density = np.full(points_mm.shape[:-1], -1000.0, dtype=np.float32)
        radius = np.hypot(points_mm[..., 0] / 37.0, points_mm[..., 1] / 31.0)
        density[radius <= 1.0] = -95.0
        density[radius <= 0.9] = 45.0
        spine = np.hypot(points_mm[..., 0], points_mm[..., 1] + 20.0)
        density[spine <= 6.0] = 320.0
        density[self.cyst.contains(points_mm)] = 15.0
        labels = self.labels_at(points_mm)
        density[(labels == 1) | (labels == 2)] = self.organ_hu
        density[labels == 3] = 15.0
        return density


def draw_anatomy(seed: int, patient: int) -> Anatomy:
    """The anatomy of a patient, drawn by key; every second patient has a lesion."""
    draw = generator(seed, "anatomy", patient)

    def ellipsoid(centre: list[float], half: list[float], move_mm: float = 2.0) -> Ellipsoid:
        x, y, z = np.asarray(centre) + draw.uniform(-move_mm, move_mm, 3)
        a, b, c = np.asarray(half) * draw.uniform(0.88, 1.12, 3)
        return Ellipsoid((float(x), float(y), float(z)), (float(a), float(b), float(c)))

    liver = ellipsoid([15, 3, 4], [14, 17, 26])
    spleen = ellipsoid([-18, -7, 8], [8, 11, 18])
    cyst = ellipsoid([-9, 12, -16], [7, 6, 8])
    radius_mm = float(draw.uniform(5.5, 8.5))
    offset = draw.uniform(-1, 1, 3) * (np.asarray(liver.half_axes_mm) - radius_mm) * 0.5
    x, y, z = np.asarray(liver.centre_mm) + offset
    lesion = Ellipsoid((float(x), float(y), float(z)), (radius_mm,) * 3) if patient % 2 == 0 else None
    return Anatomy(liver, spleen, lesion, cyst, organ_hu=float(draw.uniform(95, 125)))
