"""The one definition of "the same grid": how one grid lies relative to another."""

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
    """How a prediction's grid lies to its reference's.

    Attributes:
        state: `identical`; `reordered`, the same voxels in another order; `moved`, the same shape and spacing
            elsewhere or turned, as a lost header makes it; `different`.
        apart_mm: largest distance between like corners; infinite where the shapes differ.
        change: what puts a reordered prediction in order.
    """

    state: str
    distance_mm: float
    reorientation: Reorientation | None = None


def tolerance_mm(reference: Grid) -> float:
    """How far corners may lie apart on what is called the same grid: a hundredth of a voxel, or a micrometre."""
    return max(_TOLERANCE_MM, _TOLERANCE * min(reference.spacing_mm))


def compare_grids(reference: Grid, prediction: Grid) -> GridRelation:
    """How the prediction's grid lies to the reference's, by the corners of the blocks."""
    apart_mm, allowed_mm = reference.corner_displacement_mm(prediction), tolerance_mm(reference)
    if apart_mm <= allowed_mm:
        return GridRelation("identical", apart_mm)
    for order, flips in product(permutations(range(3)), product((False, True), repeat=3)):
        change = Reorientation((order[0], order[1], order[2]), (flips[0], flips[1], flips[2]))
        if reference.corner_displacement_mm(prediction.reorient(change)) <= allowed_mm:
            return GridRelation("reordered", apart_mm, change)
    alike = np.allclose(reference.spacing_mm, prediction.spacing_mm, rtol=_SPACING_TOLERANCE)
    same = reference.shape == prediction.shape and alike
    return GridRelation("moved" if same else "different", apart_mm)
