"""All limits at once: Dice and lesions found as functions of the limit below which parts are removed.

A rule keeps the parts whose score is at least its limit. With the scores sorted once, what remains at any limit is a
cumulative sum, and a lesion is lost where the limit exceeds the largest score among the parts that hit it. Nothing
is labelled, removed or measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gnomon.postprocess.parts import CaseParts, Counts, Numbers

Score = Callable[[CaseParts], Numbers]


def _negative_rank(case: CaseParts) -> Numbers:
    return -case.rank.astype(np.float64)


SCORES: dict[str, Score] = {
    "min_volume_mm3": lambda case: case.mm3,
    "min_mean_probability": lambda case: case.mean,
    "min_peak_probability": lambda case: case.peak,
    "keep_k": _negative_rank,
}
"""The score of a part for each kind of rule; for keep_k, minus the number of larger parts."""


@dataclass(frozen=True, eq=False)
class LimitSweep:
    """Scores of every case (rows) at every limit (columns).

    Attributes:
        dice: 1 where reference and prediction are both empty.
        found: lesions that a remaining part hits.
        removed: parts removed; `false` of them hit no lesion.
    """

    dice: Numbers
    found: Counts
    removed: Counts
    false: Counts


def sweep_limits(cases: Sequence[CaseParts], score: Score, limits: Numbers) -> LimitSweep:
    """Score cases at limits, in any order."""
    shape = (len(cases), len(limits))
    dice, found = np.empty(shape), np.empty(shape, np.int64)
    removed, false = np.empty(shape, np.int64), np.empty(shape, np.int64)
    for row, case in enumerate(cases):
        scores = score(case)
        order = np.argsort(scores, kind="stable")
        n_removed = np.searchsorted(scores[order], limits, "left")
        idle = ~np.isin(np.arange(len(scores)), case.hits[:, 0])
        kept = case.voxels.sum() - _cumulative(case.voxels[order])[n_removed]
        right = case.right.sum() - _cumulative(case.right[order])[n_removed]
        total = kept + case.reference_voxels
        dice[row] = np.divide(2.0 * right, total, out=np.ones(len(limits)), where=total > 0)
        best = np.sort(lesion_scores(case, scores))
        found[row] = len(best) - np.searchsorted(best, limits, "left")
        removed[row], false[row] = n_removed, _cumulative(idle[order].astype(np.int64))[n_removed]
    return LimitSweep(dice, found, removed, false)


def lesion_scores(case: CaseParts, scores: Numbers) -> Numbers:
    """The largest score among the parts that hit each found lesion; a higher limit loses the lesion."""
    best = np.full(len(case.lesions), -np.inf)
    np.maximum.at(best, case.hits[:, 1], scores[case.hits[:, 0]])
    found = np.zeros(len(case.lesions), bool)
    found[case.hits[:, 1]] = True
    return best[found]


def _cumulative(values: Counts) -> Counts:
    """Sums of the first 0, 1, 2, ... values."""
    return np.concatenate([[0], np.cumsum(values)])
