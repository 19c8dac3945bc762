"""Separate lesions: which were found, which are false, and how well each was outlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from gnomon.core.components import CONNECTIVITIES, components
from gnomon.core.settings import bounded, chosen

Mask = NDArray[np.bool_]
LESION_MEASURES = ("lesion_sensitivity", "lesion_precision", "lesion_f1", "lesion_dice", "lesion_pq")
LESION_COLUMNS = ("side", "lesion", "mm3", "matched", "hits", "dice", "confidence")


@dataclass(frozen=True)
class LesionSettings:
    """How lesions are told apart and matched.

    Attributes:
        labels: structures that are judged lesion by lesion; empty: none.
        rule: `any`: a shared voxel is a match, on both sides; `iou`: pairs, each lesion at most once, the best in
            sum; `voronoi`: each predicted voxel belongs to the nearest reference lesion, and a lesion is outlined by
            those of its own (CC-Metrics, Jaus et al., 2024).
        iou: the least intersection over union of a pair, with `iou`.
        connectivity: 6, 18 or 26 neighbours.
    """

    labels: list[str] = field(default_factory=list)
    rule: str = "any"
    iou: float = 0.1
    connectivity: int = 26

    def __post_init__(self) -> None:
        chosen(self, rule=("any", "iou", "voronoi"))
        bounded(self, iou=(0, 1))
        if self.connectivity not in CONNECTIVITIES:
            raise ValueError(f"connectivity {self.connectivity}, none of 6, 18 and 26")


@dataclass(frozen=True)
class Lesions:
    """What became of the lesions of one case.

    Attributes:
        reference: a row a lesion there is: `mm3`, `matched`, `dice` with what it is matched to.
        prediction: a row a predicted lesion: `mm3`, `matched`, the numbers of those it `hits`, `confidence`.
        pair_iou: of each matched pair, with rule `iou`.
    """

    reference: tuple[dict[str, Any], ...]
    prediction: tuple[dict[str, Any], ...]
    pair_iou: tuple[float, ...] | None

    def measures(self) -> dict[str, float | None]:
        """Sensitivity, precision, F1, mean Dice of the lesions there are, panoptic quality (Kirillov et al., 2019).

        Of a case with lesions on one side alone all are 0; without any, nothing is measured.
        """
        nothing: dict[str, float | None] = dict.fromkeys(LESION_MEASURES)
        if not self.reference and not self.prediction:
            return nothing
        found = sum(row["matched"] for row in self.reference)
        right = sum(row["matched"] for row in self.prediction)
        sensitivity = found / len(self.reference) if self.reference else 0.0
        precision = right / len(self.prediction) if self.prediction else 0.0
        both = sensitivity + precision
        out = {
            "lesion_sensitivity": sensitivity,
            "lesion_precision": precision,
            "lesion_f1": 2 * sensitivity * precision / both if both else 0.0,
            "lesion_dice": float(np.mean([row["dice"] for row in self.reference])) if self.reference else 0.0,
        }
        if self.pair_iou is not None:  # sum of IoU over pairs and half of what is unmatched
            out["lesion_pq"] = 2 * sum(self.pair_iou) / (len(self.reference) + len(self.prediction))
        return {**nothing, **out}


def lesions(
    reference: Mask,
    prediction: Mask,
    spacing_mm: Sequence[float],
    settings: LesionSettings,
    probability: NDArray[Any] | None = None,
) -> Lesions:
    """Match the lesions of two masks (x, y, z) on one grid.

    Args:
        probability: of the structure; a predicted lesion's confidence is the highest within it.
    """
    one, n_one = components(reference, settings.connectivity)
    other, n_other = components(prediction, settings.connectivity)
    shared = np.zeros((n_one + 1, n_other + 1), np.int64)
    both = reference & prediction
    np.add.at(shared, (one[both], other[both]), 1)
    shared = shared[1:, 1:]
    sizes = np.bincount(one.ravel(), minlength=n_one + 1)[1:]
    others = np.bincount(other.ravel(), minlength=n_other + 1)[1:]
    pairs = shared > 0
    pair_iou = None
    if settings.rule == "iou":
        pairs, pair_iou = _pairs(shared, sizes, others, settings.iou)
    if settings.rule == "voronoi":
        dice = _dice_in_own_region(one, n_one, prediction, spacing_mm, sizes)
    else:
        dice = [_dice(int(shared[i, row].sum()), int(sizes[i]), int(others[row].sum())) for i, row in enumerate(pairs)]
    voxel_mm3 = float(np.prod(spacing_mm))
    confidences: list[float | None] = [None] * n_other
    if probability is not None and n_other:
        confidences = [float(value) for value in ndimage.maximum(probability, other, range(1, n_other + 1))]
    return Lesions(
        tuple(
            {
                "side": "reference",
                "lesion": i + 1,
                "mm3": float(sizes[i]) * voxel_mm3,
                "matched": bool(pairs[i].any()),
                "dice": dice[i],
            }
            for i in range(n_one)
        ),
        tuple(
            {
                "side": "prediction",
                "lesion": j + 1,
                "mm3": float(others[j]) * voxel_mm3,
                "matched": bool(pairs[:, j].any()),
                "hits": tuple(int(i) + 1 for i in np.flatnonzero(pairs[:, j])),
                "confidence": confidences[j],
            }
            for j in range(n_other)
        ),
        pair_iou,
    )


def froc(
    predicted: Sequence[tuple[float, frozenset[tuple[str, int]]]], n_lesions: int, n_scans: int
) -> list[tuple[float, float, float]]:
    """The free-response curve: (confidence, false lesions a scan, sensitivity), from the surest prediction on.

    Args:
        predicted: of every predicted lesion its confidence, and the reference lesions it hits (scan, number).
    """
    points, hit, false = [], set[tuple[str, int]](), 0
    ordered = sorted(predicted, key=lambda one: -one[0])
    for place, (confidence, hits) in enumerate(ordered):
        hit |= hits
        false += not hits
        if place + 1 == len(ordered) or ordered[place + 1][0] < confidence:
            points.append((confidence, false / max(1, n_scans), len(hit) / max(1, n_lesions)))
    return points


def _pairs(
    shared: NDArray[np.int64], sizes: NDArray[np.int64], others: NDArray[np.int64], least: float
) -> tuple[NDArray[np.bool_], tuple[float, ...]]:
    """One-to-one pairs of the largest sum of IoU, each of at least `least`."""
    union = sizes[:, None] + others[None] - shared
    iou = shared / np.maximum(union, 1)
    iou[(iou < least) | (shared == 0)] = 0
    rows, columns = optimize.linear_sum_assignment(iou, maximize=True)
    chosen_pairs = [(i, j) for i, j in zip(rows, columns) if iou[i, j] > 0]
    pairs = np.zeros(shared.shape, bool)
    for i, j in chosen_pairs:
        pairs[i, j] = True
    return pairs, tuple(float(iou[i, j]) for i, j in chosen_pairs)


def _dice_in_own_region(
    numbered: NDArray[np.int32], count: int, prediction: Mask, spacing_mm: Sequence[float], sizes: NDArray[np.int64]
) -> list[float]:
    if not count:
        return []
    nearest = ndimage.distance_transform_edt(
        numbered == 0, sampling=tuple(spacing_mm), return_distances=False, return_indices=True
    )
    owner = numbered[tuple(nearest)]
    own = np.bincount(owner[prediction], minlength=count + 1)[1:]
    hits = np.bincount(numbered[prediction], minlength=count + 1)[1:]
    return [_dice(int(hits[i]), int(sizes[i]), int(own[i])) for i in range(count)]


def _dice(common: int, one: int, other: int) -> float:
    return 2 * common / (one + other) if one + other else 0.0
