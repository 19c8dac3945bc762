"""The highest limit that keeps true lesions, inferred from the lesions seen.

If k of n lesions lie below a limit, the share below it in the population has the upper bound of Clopper and Pearson
(1934); for k = 0 this is the rule of three, 3 / n. Where n is too small, the scores of lesions are assumed to be
normal (log volumes, logit probabilities), and the limit stays below the one-sided tolerance limit (Owen, 1968) and
below half of the smallest score seen. Lesions of one patient are correlated, so n is divided by the design effect
(Kish, 1965).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from gnomon.postprocess.limits import SCORES, lesion_scores
from gnomon.postprocess.parts import CaseParts, Numbers

CONFIDENCE = 0.95
_SCALES: dict[str, tuple[Callable[[Numbers], Numbers], Callable[[float], float]]] = {
    "min_volume_mm3": (np.log, lambda value: float(np.exp(value))),
    "min_mean_probability": (lambda p: special.logit(np.clip(p, 1e-6, 1 - 1e-6)), lambda v: float(special.expit(v))),
    "min_peak_probability": (lambda p: special.logit(np.clip(p, 1e-6, 1 - 1e-6)), lambda v: float(special.expit(v))),
}


@dataclass(frozen=True)
class SafeLimit:
    """The highest limit that the lesions seen allow, and the reason."""

    limit: float
    why: str


def safe_limit(cases: Sequence[CaseParts], kind: str, margin: float, fewest: int) -> SafeLimit:
    """The highest limit of a kind of rule that loses at most a share `margin` of lesions, with 95 % confidence.

    Args:
        kind: key of `SCORES`.
        fewest: number of independent lesions below which nothing may be removed.
    """
    scores = [lesion_scores(case, SCORES[kind](case)) for case in cases]
    found = np.sort(np.concatenate(scores)) if scores else np.zeros(0)
    patients = [case.patient for case, own in zip(cases, scores) for _ in own]
    effective = effective_sample_size(np.concatenate(scores), patients) if len(found) else 0.0
    seen = f"{len(found)} lesions found, equivalent to {effective:.0f} independent ones"
    if (lost := allowed_losses(len(found), effective, margin)) is not None:
        return SafeLimit(float(found[lost]), f"{seen}: {lost} of them may lie below a limit that loses {margin:.3g}")
    needed = int(np.ceil(np.log(1 - CONFIDENCE) / np.log(1 - margin)))
    if effective < fewest or kind not in _SCALES:
        return SafeLimit(-np.inf, f"{seen}; to show that at most {margin:.3g} is lost takes {needed}")
    to, back = _SCALES[kind]
    spread = to(found)
    tolerance = back(float(spread.mean() - tolerance_factor(effective, margin) * spread.std(ddof=1)))
    half = float(found[0]) / 2
    which = "half of the smallest" if half < tolerance else f"the tolerance limit of {1 - margin:.3g} of them"
    return SafeLimit(
        min(half, tolerance), f"{seen}, {needed} without assumptions; {which} is {min(half, tolerance):.4g}"
    )


def allowed_losses(n: int, effective: float, margin: float) -> int | None:
    """The number of n lesions that may lie below a limit for a lost share of at most `margin`; None: n is too small."""
    lost = None
    for k in range(n):
        if upper_bound(k, n, effective) > margin:
            break
        lost = k
    return lost


def upper_bound(lost: int, n: int, effective: float | None = None) -> float:
    """Upper 95 % bound of the share lost, given `lost` of n (Clopper and Pearson)."""
    if lost >= n:
        return 1.0
    shrink = 1.0 if effective is None else effective / n
    return float(stats.beta.ppf(CONFIDENCE, lost * shrink + 1, (n - lost) * shrink))


def tolerance_factor(n: float, margin: float) -> float:
    """Standard deviations below the mean beyond which at most `margin` of a normal population lies, 95 % confidence."""
    z = float(stats.norm.ppf(1 - margin))
    return float(stats.nct.ppf(CONFIDENCE, n - 1, z * np.sqrt(n)) / np.sqrt(n))


def effective_sample_size(scores: Numbers, patients: Sequence[str]) -> float:
    """Number of independent lesions equivalent to lesions that are correlated within patients."""
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
    correlation = float(np.clip((between - within) / spread, 0, 1)) if spread > 0 else 1.0
    return float(n / (1 + ((sizes**2).sum() / n - 1) * correlation))
