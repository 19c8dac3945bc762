"""Every threshold at once: Dice and lesions found, as functions of a limit below which parts are removed.

A part's score is what a rule judges it by; a rule keeps the parts whose score is at least its limit. With the
scores sorted once, what is left at any limit is a cumulative sum, and a lesion is lost where the limit passes
the largest score among the parts that hit it. Nothing is labelled, removed or measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gnomon.postprocess.parts import CaseParts, Counts, Numbers

Score = Callable[[CaseParts], Numbers]


def _of_rank(case: CaseParts) -> Numbers:
    return -case.rank.astype(np.float64)


SCORES: dict[str, Score] = {
    "min_volume_mm3": lambda case: case.mm3,
    "min_mean_probability": lambda case: case.mean,
    "min_peak_probability": lambda case: case.peak,
    "keep_k": _of_rank,
}
"""What each kind of rule judges a part by; keep_k by minus the number of larger parts."""


@dataclass(frozen=True, eq=False)
class Swept:
    """Measures of every case (rows) at every limit (columns).

    Attributes:
        dice: 1 where reference and prediction are both empty: to say nothing is then right.
        found: lesions that some part that is left hits.
        removed: parts that are gone; `false` of them hit nothing.
    """

    dice: Numbers
    found: Counts
    removed: Counts
    false: Counts


def sweep(cases: Sequence[CaseParts], score: Score, limits: Numbers) -> Swept:
    """Measure cases at limits, in any order."""
    shape = (len(cases), len(limits))
    dice, found = np.empty(shape), np.empty(shape, np.int64)
    removed, false = np.empty(shape, np.int64), np.empty(shape, np.int64)
    for row, case in enumerate(cases):
        scores = score(case)
        order = np.argsort(scores, kind="stable")
        gone = np.searchsorted(scores[order], limits, "left")
        idle = ~np.isin(np.arange(len(scores)), case.hits[:, 0])
        kept = case.voxels.sum() - _summed(case.voxels[order])[gone]
        right = case.right.sum() - _summed(case.right[order])[gone]
        total = kept + case.reference_voxels
        dice[row] = np.divide(2.0 * right, total, out=np.ones(len(limits)), where=total > 0)
        best = np.sort(lesion_scores(case, scores))
        found[row] = len(best) - np.searchsorted(best, limits, "left")
        removed[row], false[row] = gone, _summed(idle[order].astype(np.int64))[gone]
    return Swept(dice, found, removed, false)


def lesion_scores(case: CaseParts, scores: Numbers) -> Numbers:
    """Of each lesion that was found the largest score among the parts that hit it; a higher limit loses it."""
    best = np.full(len(case.lesions), -np.inf)
    np.maximum.at(best, case.hits[:, 1], scores[case.hits[:, 0]])
    there = np.zeros(len(case.lesions), bool)
    there[case.hits[:, 1]] = True
    return best[there]


def _summed(values: Counts) -> Counts:
    """Sums of the first 0, 1, 2, ... values."""
    return np.concatenate([[0], np.cumsum(values)])
