"""The geometry gate: a prediction is brought to the grid of its reference, as far as the policy allows.

Only the prediction is ever changed. The same voxels in another axis order are reordered without loss; any other
grid is resampled only on request, and the predicted volume outside the reference's grid is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.alignment import GridRelation, compare_grids, tolerance_mm
from gnomon.core.geometry import Grid, resample_voxels
from gnomon.rules.catalogue.evaluation import PREDICTION_GRID_MISMATCH, PREDICTION_REORIENTED, PREDICTION_RESAMPLED
from gnomon.rules.finding import Finding

POLICIES = ("error", "reorient", "resample")


@dataclass(frozen=True)
class AlignedPrediction:
    """A prediction on the reference's grid.

    Attributes:
        voxels: (x, y, z) label values; None where it cannot be compared.
        outside_mm3: predicted volume outside the reference's grid, by label value.
        finding: what was found and done, if anything.
    """

    voxels: NDArray[Any] | None
    outside_mm3: dict[int, float]
    finding: Finding | None


def align_prediction(
    case: str, voxels: NDArray[Any], prediction: Grid, reference: Grid, policy: str
) -> AlignedPrediction:
    """Bring a prediction's voxels (x, y, z) to the reference's grid.

    Args:
        case: its name, for the finding.
        prediction, reference: grids, RAS+ mm.
        policy: `error`, `reorient` or `resample`.
    """
    how = compare_grids(reference, prediction)
    if how.state == "identical":
        return AlignedPrediction(voxels, {}, None)
    if how.reorientation is not None and policy != "error":
        finding = PREDICTION_REORIENTED.at(
            f"case {case}", found=f"axes {prediction.orientation}", expected=reference.orientation
        )
        return AlignedPrediction(how.reorientation.apply(voxels), {}, finding)
    if policy == "resample":
        finding = PREDICTION_RESAMPLED.at(
            f"case {case}",
            found=f"a prediction on another grid ({prediction})",
            expected=f"the reference's ({reference})",
        )
        return AlignedPrediction(
            _resample_labels(voxels, prediction, reference), _outside_mm3(voxels, prediction, reference), finding
        )
    return AlignedPrediction(None, {}, _refusal(case, prediction, reference, how))


def _refusal(case: str, prediction: Grid, reference: Grid, how: GridRelation) -> Finding:
    distance = "" if np.isinf(how.distance_mm) else f", corners {how.distance_mm:.3g} mm apart"
    ways = {
        "reordered": "Write it with the reference's axes, or set evaluation.on_mismatch=reorient, which loses nothing.",
        "moved": "The header was lost or changed: same voxels at another position. Write it with the image's header.",
        "different": "Write the prediction on the reference's grid, or set evaluation.on_mismatch=resample.",
    }
    return PREDICTION_GRID_MISMATCH.at(
        f"case {case}",
        found=f"a prediction on another grid ({prediction}{distance})",
        expected=f"the reference's grid ({reference}) within {tolerance_mm(reference):.3g} mm",
        remedy=ways[how.state],
    )


def _resample_labels(voxels: NDArray[Any], prediction: Grid, reference: Grid) -> NDArray[Any]:
    """Linear interpolation of each label's mask; the label with the largest share wins, background included."""
    values = [value for value in np.unique(voxels) if value != 0]
    best, share = np.zeros(reference.shape, voxels.dtype), np.ones(reference.shape, np.float32)
    shares = [resample_voxels(voxels == value, prediction, reference, 0.0) for value in values]
    for one in shares:
        share -= one
    for value, one in zip(values, shares):
        wins = one > share
        best[wins], share[wins] = value, one[wins]
    return best


def _outside_mm3(voxels: NDArray[Any], prediction: Grid, reference: Grid) -> dict[int, float]:
    """Volume by label value of the voxels whose centres lie outside the reference's grid."""
    where = np.argwhere(voxels != 0)
    across = reference.indices_of(prediction)
    places = np.einsum("ij,nj->ni", across[:3, :3], where) + across[:3, 3]
    beyond = ((places < -0.5) | (places > np.asarray(reference.shape) - 0.5)).any(axis=1)
    x, y, z = (where[beyond, axis] for axis in range(3))
    values, counts = np.unique(voxels[x, y, z], return_counts=True)
    return {int(value): float(count) * prediction.voxel_volume_mm3 for value, count in zip(values, counts)}
