"""One structure of one case in numbers: overlap, distances in mm, volumes in mm3. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.evaluation.surface import surface_distances
from isocenter.geometry import Grid

HD95 = "hd95_directed_max_area_mm"
MEASURES = ("dice", "iou", HD95, "assd_mm", "nsd")
"""Columns that are averaged. HD95's convention is in its name: there are three, and they differ."""

BEST = {"dice": 1.0, "iou": 1.0, HD95: 0.0, "assd_mm": 0.0, "nsd": 1.0}
"""What a perfect prediction has."""


def measure(
    reference: NDArray[np.bool_], prediction: NDArray[np.bool_], grid: Grid, tolerance_mm: float,
    outside_mm3: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    """Measures of a predicted mask against its reference, both (x, y, z) on `grid`.

    What was predicted beyond the grid, `outside_mm3`, is false, and counts so in overlap and volume.

    Empty masks follow a stated table: both empty is 'absent', which no mean counts; one empty is 'missed'
    or 'spurious', which scores the worst value: 0, or the grid's diagonal for a distance.
    """
    outside = outside_mm3 / grid.voxel_volume_mm3
    in_reference, in_prediction = int(reference.sum()), int(prediction.sum()) + outside
    common = int((reference & prediction).sum())
    volumes = {
        "reference_mm3": in_reference * grid.voxel_volume_mm3,
        "prediction_mm3": in_prediction * grid.voxel_volume_mm3,
        "volume_error_mm3": (in_prediction - in_reference) * grid.voxel_volume_mm3,
        "tolerance_mm": tolerance_mm,
        "outside_mm3": outside_mm3,
    }
    if not in_reference and not in_prediction:
        return {"status": "absent", **dict.fromkeys(MEASURES), **volumes}
    if not in_reference or not prediction.any():  # all of it outside is a miss, too
        status = "missed" if in_reference else "spurious"
        return {"status": status, **worst(grid), **volumes}
    distances = surface_distances(reference, prediction, grid.spacing_mm)
    return {
        "status": "found",
        "dice": 2 * common / (in_reference + in_prediction),
        "iou": common / (in_reference + in_prediction - common),
        HD95: distances.hausdorff_mm(0.95),
        "assd_mm": distances.average_mm(),
        "nsd": distances.within(tolerance_mm),
        **volumes,
    }


def worst(grid: Grid) -> dict[str, float]:
    """The worst score on a grid: no overlap, and distances as long as its diagonal."""
    corners = grid.corners_mm()
    diagonal_mm = float(np.linalg.norm(corners[:, None] - corners[None], axis=-1).max())
    return {"dice": 0.0, "iou": 0.0, HD95: diagonal_mm, "assd_mm": diagonal_mm, "nsd": 0.0}
