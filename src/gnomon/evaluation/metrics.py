"""One structure of one case in numbers: overlap, distances in mm, volumes in mm3. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from gnomon.core.geometry import Grid
from gnomon.evaluation.lesions import LESION_MEASURES, LesionSettings
from gnomon.evaluation.surface import surface_distances

Mask = NDArray[np.bool_]

HD95 = "hd95_directed_max_area_mm"
BEST = {
    "dice": 1.0,
    "iou": 1.0,
    "sensitivity": 1.0,
    "precision": 1.0,
    "hd_mm": 0.0,
    HD95: 0.0,
    "assd_mm": 0.0,
    "masd_mm": 0.0,
    "nsd": 1.0,
    "centroid_mm": 0.0,
    "boundary_iou": 1.0,
    "cldice": 1.0,
    **dict.fromkeys(LESION_MEASURES, 1.0),
}
"""What a perfect prediction has."""

MEASURES = tuple(BEST)
"""Columns that are averaged. HD95's convention is in its name: there are three, and they differ."""


@dataclass(frozen=True)
class How:
    """How a structure is measured.

    Attributes:
        tolerance_mm: of NSD.
        engine: of the surfaces, `fast` or `mesh`.
        boundary_mm: width of the band that boundary IoU looks at; None: not measured.
        tubular: whether clDice is measured, as for vessels.
        lesions: how lesions are matched; None: the structure is not judged lesion by lesion.
    """

    tolerance_mm: float = 1.0
    engine: str = "fast"
    boundary_mm: float | None = None
    tubular: bool = False
    lesions: LesionSettings | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """Those that are measured."""
        left_out = {"boundary_iou": self.boundary_mm is None, "cldice": not self.tubular}
        left_out |= dict.fromkeys(LESION_MEASURES, self.lesions is None)
        left_out["lesion_pq"] |= self.lesions is not None and self.lesions.rule != "iou"
        return tuple(name for name in MEASURES if not left_out.get(name, False))


def measure(
    reference: Mask, prediction: Mask, grid: Grid, how: How = How(), outside_mm3: float = 0.0
) -> dict[str, Any]:
    """Measures of a predicted mask against its reference, both (x, y, z) with the spacing of `grid`.

    The masks may be a block cut from the grid, as long as it holds all of both. What was predicted beyond the
    grid, `outside_mm3`, is false, and counts so in overlap and volume.

    Empty masks follow a stated table: both empty is 'absent', which no mean counts; one empty is 'missed'
    or 'spurious', which scores the worst value: 0, or the grid's diagonal for a distance.
    """
    outside = outside_mm3 / grid.voxel_volume_mm3
    in_reference, in_prediction = int(reference.sum()), int(prediction.sum()) + outside
    volumes = {
        "reference_mm3": in_reference * grid.voxel_volume_mm3,
        "prediction_mm3": in_prediction * grid.voxel_volume_mm3,
        "volume_error_mm3": (in_prediction - in_reference) * grid.voxel_volume_mm3,
        "tolerance_mm": how.tolerance_mm,
        "outside_mm3": outside_mm3,
    }
    nothing: dict[str, float | None] = dict.fromkeys(MEASURES)
    if not in_reference and not in_prediction:
        return {"status": "absent", **nothing, **volumes}
    if not in_reference or not prediction.any():  # all of it outside is a miss, too
        return {"status": "missed" if in_reference else "spurious", **nothing, **worst(grid, how), **volumes}
    common = int((reference & prediction).sum())
    distances = surface_distances(reference, prediction, grid.spacing_mm, how.engine)
    found: dict[str, float] = {
        "dice": 2 * common / (in_reference + in_prediction),
        "iou": common / (in_reference + in_prediction - common),
        "sensitivity": common / in_reference,
        "precision": common / in_prediction,
        "hd_mm": distances.hausdorff_mm(),
        HD95: distances.hausdorff_mm(0.95),
        "assd_mm": distances.average_mm(),
        "masd_mm": distances.mean_of_means_mm(),
        "nsd": distances.within(how.tolerance_mm),
        "centroid_mm": float(np.linalg.norm(_centre_mm(reference, grid) - _centre_mm(prediction, grid))),
    }
    if how.boundary_mm is not None:
        found["boundary_iou"] = boundary_iou(reference, prediction, grid.spacing_mm, how.boundary_mm)
    if how.tubular:
        found["cldice"] = cl_dice(reference, prediction)
    return {"status": "found", **nothing, **found, **volumes}


def worst(grid: Grid, how: How = How()) -> dict[str, float]:
    """The worst score on a grid: no overlap, and distances as long as its diagonal."""
    corners = grid.corners_mm()
    diagonal_mm = float(np.linalg.norm(corners[:, None] - corners[None], axis=-1).max())
    return {name: 0.0 if BEST[name] else diagonal_mm for name in how.measures}


def boundary_iou(reference: Mask, prediction: Mask, spacing_mm: Sequence[float], width_mm: float) -> float:
    """IoU of the voxels of each mask with an outer voxel beside them or within a width (Cheng et al., CVPR 2021)."""
    one, other = (_rim(mask, spacing_mm, width_mm) for mask in (reference, prediction))
    return float((one & other).sum() / (one | other).sum())


def cl_dice(reference: Mask, prediction: Mask) -> float:
    """How far each mask holds the other's centre line (clDice, Shit et al., CVPR 2021); for tubes."""
    of_reference, of_prediction = skeletonize(reference).astype(bool), skeletonize(prediction).astype(bool)
    precise = float((of_prediction & reference).sum() / max(1, of_prediction.sum()))
    sensitive = float((of_reference & prediction).sum() / max(1, of_reference.sum()))
    return 2 * precise * sensitive / (precise + sensitive) if precise + sensitive else 0.0


def _rim(mask: Mask, spacing_mm: Sequence[float], width_mm: float) -> Mask:
    inward_mm = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=tuple(spacing_mm))[1:-1, 1:-1, 1:-1]
    return np.asarray(mask & ((inward_mm <= width_mm) | ~ndimage.binary_erosion(mask)))


def _centre_mm(mask: Mask, grid: Grid) -> NDArray[np.float64]:
    """The centre of mass, RAS+ mm but for where the block lies in the grid."""
    counts = (mask.sum(axis=(1, 2)), mask.sum(axis=(0, 2)), mask.sum(axis=(0, 1)))
    centre = np.array([np.arange(len(count)) @ count / count.sum() for count in counts])
    return np.asarray(grid.affine[:3, :3] @ centre)
