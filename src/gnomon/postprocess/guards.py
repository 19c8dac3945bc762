"""How far a limit may go before it could cost lesions: what the lesions that were seen prove of those that were not.

With n lesions of which k lie below a limit, the share that lies below it in general has the upper bound of
Clopper and Pearson (1934); for k = 0 that is the rule of three, 3 / n. Where n is too small for it, the score of
lesions is taken to be normal (volumes after a logarithm, probabilities after a logit) and the limit is kept below
the one-sided tolerance limit (Owen, 1968), and below half of the smallest score seen. Lesions of one patient are
alike, so n is divided by the design effect (Kish, 1965).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from gnomon.postprocess.parts import CaseParts, Numbers
from gnomon.postprocess.sweep import SCORES, lesion_scores

CONFIDENCE = 0.95
_SCALES: dict[str, tuple[Callable[[Numbers], Numbers], Callable[[float], float]]] = {
    "min_volume_mm3": (np.log, lambda value: float(np.exp(value))),
    "min_mean_probability": (lambda p: special.logit(np.clip(p, 1e-6, 1 - 1e-6)), lambda v: float(special.expit(v))),
    "min_peak_probability": (lambda p: special.logit(np.clip(p, 1e-6, 1 - 1e-6)), lambda v: float(special.expit(v))),
}


@dataclass(frozen=True)
class SafeLimit:
    """The highest limit that the lesions seen allow, and why it is no higher."""

    limit: float
    why: str


def safe_limit(cases: Sequence[CaseParts], kind: str, margin: float, fewest: int) -> SafeLimit:
    """The highest limit of a kind of rule that loses at most `margin` of lesions, with 95 % confidence.

    Args:
        fewest: independent lesions below which nothing is removed at all.
    """
    scores = [lesion_scores(case, SCORES[kind](case)) for case in cases]
    found = np.sort(np.concatenate(scores)) if scores else np.zeros(0)
    patients = [case.patient for case, there in zip(cases, scores) for _ in there]
    effective = independent(np.concatenate(scores), patients) if len(found) else 0.0
    told = f"{len(found)} lesions found, worth {effective:.0f} independent ones"
    if (lost := allowed_losses(len(found), effective, margin)) is not None:
        return SafeLimit(float(found[lost]), f"{told}: {lost} of them may lie below a limit that loses {margin:.3g}")
    needed = int(np.ceil(np.log(1 - CONFIDENCE) / np.log(1 - margin)))
    if effective < fewest or kind not in _SCALES:
        return SafeLimit(-np.inf, f"{told}; to show that at most {margin:.3g} is lost takes {needed}")
    to, back = _SCALES[kind]
    spread = to(found)
    tolerance = back(float(spread.mean() - tolerance_factor(effective, margin) * spread.std(ddof=1)))
    half = float(found[0]) / 2
    which = "half of the smallest" if half < tolerance else f"the tolerance limit of {1 - margin:.3g} of them"
    return SafeLimit(
        min(half, tolerance), f"{told}, {needed} without assumptions; {which} is {min(half, tolerance):.4g}"
    )


def allowed_losses(n: int, effective: float, margin: float) -> int | None:
    """How many of n lesions may lie below a limit so that at most `margin` of all do; None: not even none."""
    lost = None
    for k in range(n):
        if upper_bound(k, n, effective) > margin:
            break
        lost = k
    return lost


def upper_bound(lost: int, n: int, effective: float | None = None) -> float:
    """Upper 95 % bound of the share lost, `lost` of n having been (Clopper and Pearson)."""
    if lost >= n:
        return 1.0
    shrink = 1.0 if effective is None else effective / n
    return float(stats.beta.ppf(CONFIDENCE, lost * shrink + 1, (n - lost) * shrink))


def tolerance_factor(n: float, margin: float) -> float:
    """How many deviations below the mean at most `margin` of a normal population lies, with 95 % confidence."""
    z = float(stats.norm.ppf(1 - margin))
    return float(stats.nct.ppf(CONFIDENCE, n - 1, z * np.sqrt(n)) / np.sqrt(n))


def independent(scores: Numbers, patients: Sequence[str]) -> float:
    """What scores of patients with several lesions each are worth in independent ones."""
    names, group = np.unique(np.asarray(patients), return_inverse=True)
    sizes = np.bincount(group)
    n, count = len(scores), len(names)
    if count == n or count < 2:
        return float(count)
    ranks = stats.rankdata(scores)
    means = np.bincount(group, ranks) / sizes
    within = float(((ranks - means[group]) ** 2).sum() / (n - count))
    between = float((sizes * (means - ranks.mean()) ** 2).sum() / (count - 1))
    typical = (n - (sizes**2).sum() / n) / (count - 1)
    spread = between + (typical - 1) * within
    alike = float(np.clip((between - within) / spread, 0, 1)) if spread > 0 else 1.0
    return float(n / (1 + ((sizes**2).sum() / n - 1) * alike))
