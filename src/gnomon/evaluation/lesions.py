"""Lesion-wise evaluation: which lesions were found, which are false positives, and how well each was segmented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from gnomon.core.components import label_components
from gnomon.settings import LesionSettings

Mask = NDArray[np.bool_]
LESION_COLUMNS = ("side", "lesion", "mm3", "matched", "hits", "dice", "confidence")


@dataclass(frozen=True)
class LesionMatches:
    """Which lesions of one case were found, and which predicted ones are true.

    Attributes:
        reference: one row per reference lesion: `mm3`, `matched`, `dice` with what it is matched to.
        prediction: one row per predicted lesion: `mm3`, `matched`, the numbers of those it `hits`, `confidence`.
        pair_iou: IoU of each matched pair, with rule `iou`.
    """

    reference: tuple[dict[str, Any], ...]
    prediction: tuple[dict[str, Any], ...]
    pair_iou: tuple[float, ...] | None

    def sensitivity(self) -> float:
        """Share of reference lesions that were found."""
        return _share_matched(self.reference)

    def precision(self) -> float:
        """Share of predicted lesions that are true."""
        return _share_matched(self.prediction)

    def f1(self) -> float:
        """Harmonic mean of sensitivity and precision."""
        sensitivity, precision = self.sensitivity(), self.precision()
        both = sensitivity + precision
        return 2 * sensitivity * precision / both if both else 0.0

    def mean_dice(self) -> float:
        """Mean Dice of the reference lesions."""
        return float(np.mean([row["dice"] for row in self.reference])) if self.reference else 0.0

    def panoptic_quality(self) -> float:
        """Sum of the pairs' IoU over the pairs and half of the unmatched lesions (Kirillov et al., 2019).

        Raises:
            ValueError: the lesions were not matched in pairs.
        """
        if self.pair_iou is None:
            raise ValueError("panoptic quality of lesions that were not matched in pairs")
        return 2 * sum(self.pair_iou) / (len(self.reference) + len(self.prediction))


def match_lesions(
    reference: Mask,
    prediction: Mask,
    spacing_mm: Sequence[float],
    settings: LesionSettings,
    probability: NDArray[Any] | None = None,
) -> LesionMatches:
    """Match the lesions of two masks (x, y, z) on one grid.

    Args:
        probability: predicted probability of the structure (x, y, z); a lesion's confidence is its highest value.
    """
    numbered, n_reference = label_components(reference, settings.connectivity)
    predicted, n_predicted = label_components(prediction, settings.connectivity)
    overlap = np.zeros((n_reference + 1, n_predicted + 1), np.int64)
    both = reference & prediction
    np.add.at(overlap, (numbered[both], predicted[both]), 1)
    overlap = overlap[1:, 1:]
    sizes = np.bincount(numbered.ravel(), minlength=n_reference + 1)[1:]
    predicted_sizes = np.bincount(predicted.ravel(), minlength=n_predicted + 1)[1:]
    matches = overlap > 0
    pair_iou = None
    if settings.rule == "iou":
        matches, pair_iou = _best_pairs(overlap, sizes, predicted_sizes, settings.iou)
    if settings.rule == "voronoi":
        dice = _dice_in_nearest_region(numbered, n_reference, prediction, spacing_mm, sizes)
    else:
        dice = [
            _dice(int(overlap[i, row].sum()), int(sizes[i]), int(predicted_sizes[row].sum()))
            for i, row in enumerate(matches)
        ]
    voxel_mm3 = float(np.prod(spacing_mm))
    confidences: list[float | None] = [None] * n_predicted
    if probability is not None and n_predicted:
        confidences = [float(value) for value in ndimage.maximum(probability, predicted, range(1, n_predicted + 1))]
    return LesionMatches(
        tuple(
            {
                "side": "reference",
                "lesion": i + 1,
                "mm3": float(sizes[i]) * voxel_mm3,
                "matched": bool(matches[i].any()),
                "dice": dice[i],
            }
            for i in range(n_reference)
        ),
        tuple(
            {
                "side": "prediction",
                "lesion": j + 1,
                "mm3": float(predicted_sizes[j]) * voxel_mm3,
                "matched": bool(matches[:, j].any()),
                "hits": tuple(int(i) + 1 for i in np.flatnonzero(matches[:, j])),
                "confidence": confidences[j],
            }
            for j in range(n_predicted)
        ),
        pair_iou,
    )


def froc(
    predicted: Sequence[tuple[float, frozenset[tuple[str, int]]]], n_lesions: int, n_scans: int
) -> list[tuple[float, float, float]]:
    """Free-response ROC curve: (confidence, false positives per scan, sensitivity), from the highest confidence down.

    Args:
        predicted: for each predicted lesion its confidence and the reference lesions it hits (scan, number).
    """
    points, hit, false = [], set[tuple[str, int]](), 0
    ordered = sorted(predicted, key=lambda one: -one[0])
    for rank, (confidence, hits) in enumerate(ordered):
        hit |= hits
        false += not hits
        if rank + 1 == len(ordered) or ordered[rank + 1][0] < confidence:
            points.append((confidence, false / max(1, n_scans), len(hit) / max(1, n_lesions)))
    return points


def _share_matched(rows: Sequence[dict[str, Any]]) -> float:
    return sum(row["matched"] for row in rows) / len(rows) if rows else 0.0


def _best_pairs(
    overlap: NDArray[np.int64], sizes: NDArray[np.int64], predicted_sizes: NDArray[np.int64], least: float
) -> tuple[NDArray[np.bool_], tuple[float, ...]]:
    """One-to-one pairs with the largest sum of IoU, each of at least `least`."""
    union = sizes[:, None] + predicted_sizes[None] - overlap
    iou = overlap / np.maximum(union, 1)
    iou[(iou < least) | (overlap == 0)] = 0
    rows, columns = optimize.linear_sum_assignment(iou, maximize=True)
    pairs = [(i, j) for i, j in zip(rows, columns) if iou[i, j] > 0]
    matches = np.zeros(overlap.shape, bool)
    for i, j in pairs:
        matches[i, j] = True
    return matches, tuple(float(iou[i, j]) for i, j in pairs)


def _dice_in_nearest_region(
    numbered: NDArray[np.int32], count: int, prediction: Mask, spacing_mm: Sequence[float], sizes: NDArray[np.int64]
) -> list[float]:
    """Dice of each lesion with the predicted voxels that lie nearest to it."""
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
