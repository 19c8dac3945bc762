"""The one definition of "the same grid": how two grids relate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from gnomon.core.geometry import Grid, Reorientation

_TOLERANCE = 0.01  # of the smallest spacing
_TOLERANCE_MM = 1e-3
_SPACING_TOLERANCE = 1e-4


@dataclass(frozen=True)
class GridRelation:
    """How the grid of a prediction relates to that of its reference.

    Attributes:
        state: `identical`; `reordered`, the same voxels in another order; `moved`, the same shape and spacing but
            shifted or rotated, as after a lost header; `different`.
        distance_mm: largest distance between corresponding corners; infinite where the shapes differ.
        reorientation: reorders the prediction like the reference; None unless it is `reordered`.
    """

    state: str
    distance_mm: float
    reorientation: Reorientation | None = None


def tolerance_mm(reference: Grid) -> float:
    """Largest distance of corners on the same grid: a hundredth of the smallest voxel edge, or a micrometre."""
    return max(_TOLERANCE_MM, _TOLERANCE * min(reference.spacing_mm))


def compare_grids(reference: Grid, prediction: Grid) -> GridRelation:
    """How the grid of the prediction relates to that of the reference, by the corners of both."""
    distance_mm, allowed_mm = reference.corner_displacement_mm(prediction), tolerance_mm(reference)
    if distance_mm <= allowed_mm:
        return GridRelation("identical", distance_mm)
    for order, flips in product(permutations(range(3)), product((False, True), repeat=3)):
        change = Reorientation((order[0], order[1], order[2]), (flips[0], flips[1], flips[2]))
        if reference.corner_displacement_mm(prediction.reorient(change)) <= allowed_mm:
            return GridRelation("reordered", distance_mm, change)
    alike = np.allclose(reference.spacing_mm, prediction.spacing_mm, rtol=_SPACING_TOLERANCE)
    same = reference.shape == prediction.shape and alike
    return GridRelation("moved" if same else "different", distance_mm)
