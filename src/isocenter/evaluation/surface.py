"""Distances between surfaces, each piece of surface weighted by its area in mm2.

A mask's surface runs through the corners between voxels: the eight voxels about a corner give one of 256
patterns, and each pattern a small piece of surface, whose area is that of its marching-cubes triangles.
Counting border voxels instead is wrong on anisotropic grids, by up to 145 % (`evaluation.md` 1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """From each piece of one surface to the other surface, sorted; areas beside.

    Attributes:
        reference_mm, reference_area_mm2: from the reference's surface to the prediction's.
        prediction_mm, prediction_area_mm2: from the prediction's surface to the reference's.
    """

    reference_mm: NDArray[np.float64]
    reference_area_mm2: NDArray[np.float64]
    prediction_mm: NDArray[np.float64]
    prediction_area_mm2: NDArray[np.float64]

    def hausdorff_mm(self, share: float = 1.0) -> float:
        """The larger of the two directed distances within which `share` of the surface lies."""
        return max(
            _quantile(self.reference_mm, self.reference_area_mm2, share),
            _quantile(self.prediction_mm, self.prediction_area_mm2, share),
        )

    def average_mm(self) -> float:
        """ASSD: mean distance over both surfaces, by area."""
        reference = float(self.reference_mm @ self.reference_area_mm2)
        prediction = float(self.prediction_mm @ self.prediction_area_mm2)
        return (reference + prediction) / float(self.reference_area_mm2.sum() + self.prediction_area_mm2.sum())

    def within(self, tolerance_mm: float) -> float:
        """NSD: share of both surfaces that lies within a tolerance of the other."""
        near = float(self.reference_area_mm2[self.reference_mm <= tolerance_mm].sum())
        near += float(self.prediction_area_mm2[self.prediction_mm <= tolerance_mm].sum())
        return near / float(self.reference_area_mm2.sum() + self.prediction_area_mm2.sum())


def surface_distances(reference: Mask, prediction: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Distances between the surfaces of two masks on one grid.

    Args:
        reference, prediction: (x, y, z), neither empty.
        spacing_mm: of the three axes.
    """
    block = _bounding_block(reference | prediction)
    reference_area = surface_areas(reference[block], spacing_mm)
    prediction_area = surface_areas(prediction[block], spacing_mm)
    to_prediction = ndimage.distance_transform_edt(prediction_area == 0, sampling=spacing_mm)
    reference_mm, reference_mm2 = _sorted(to_prediction, reference_area)
    to_reference = ndimage.distance_transform_edt(reference_area == 0, sampling=spacing_mm)
    prediction_mm, prediction_mm2 = _sorted(to_reference, prediction_area)
    return SurfaceDistances(reference_mm, reference_mm2, prediction_mm, prediction_mm2)


def surface_areas(mask: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Area in mm2 of the surface at each corner between voxels; shape one more than the mask's."""
    codes = np.zeros(np.asarray(mask.shape) + 1, dtype=np.uint8)
    padded = np.pad(mask, 1)
    for bit, offset in enumerate(product((0, 1), repeat=3)):
        corner = tuple(slice(o, o + size + 1) for o, size in zip(offset, mask.shape))
        codes |= padded[corner].astype(np.uint8) << bit
    return _area_table(tuple(float(step) for step in spacing_mm))[codes]


@lru_cache(maxsize=64)
def _area_table(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    table = np.zeros(256)
    for code, triangles in enumerate(_triangles()):
        edges = (triangles[:, 1:] - triangles[:, :1]) * np.asarray(spacing_mm)
        table[code] = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def _triangles() -> tuple[NDArray[np.float64], ...]:
    """Triangles (n, 3 points, 3 axes) of each pattern of eight voxels, in units of the spacing."""
    found = [np.zeros((0, 3, 3))]
    for code in range(1, 255):
        bits = [(code >> bit) & 1 for bit in range(8)]
        cube = np.array(bits, dtype=np.float32).reshape(2, 2, 2)
        points, faces, _, _ = marching_cubes(cube, 0.5)
        found.append(points[faces].astype(np.float64))
    found.append(np.zeros((0, 3, 3)))
    return tuple(found)


def _bounding_block(mask: Mask) -> tuple[slice, ...]:
    block = []
    for axis in range(3):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        block.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(block)


def _sorted(distance_mm: NDArray[np.float64], area_mm2: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    here = area_mm2 > 0
    distances, areas = distance_mm[here], area_mm2[here]
    order = np.argsort(distances, kind="stable")
    return distances[order], areas[order]


def _quantile(distance_mm: NDArray[np.float64], area_mm2: NDArray[np.float64], share: float) -> float:
    reached = np.cumsum(area_mm2) / area_mm2.sum()
    index = int(np.searchsorted(reached, share - 1e-12))
    return float(distance_mm[min(index, len(distance_mm) - 1)])
