"""Confidence intervals, paired comparisons and agreement, with the patient as the unit of analysis.

Several scans of one patient are not independent, so patients are resampled, permuted and averaged with all their
scans. Every draw comes from a keyed stream, so the same data give the same report.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gnomon.core.randomness import generator

DRAWS = 10_000
FEW_PATIENTS = 50
"""Below this, read the interval of a mean with care (André et al., BRIDGE at MICCAI 2025)."""

_MIN_PATIENTS = 10  # patients for a bootstrap; with fewer, Student's t
_BLOCK = 1_000  # draws at a time, to bound memory
_MAX_CACHED = 20_000_000  # counts that are cached, one byte each
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval.

    Attributes:
        n: number of values.
        n_patients: number of patients they come from.
        lower, upper: None where the sample is too small for an interval.
    """

    estimate: float
    lower: float | None
    upper: float | None
    n: int
    n_patients: int
    level: float = 0.95

    @property
    def few_patients(self) -> bool:
        """Whether there are too few patients to rely on the interval."""
        return self.n_patients < FEW_PATIENTS


@dataclass(frozen=True)
class PairedComparison:
    """Two models on the same cases: the second minus the first.

    Attributes:
        mean: mean difference, with its interval.
        p_mean: p-value of the mean difference (sign-flip permutation test over patients).
        shift: Hodges-Lehmann estimate, the median of all pairwise means of patients' differences.
        p_signed_rank: p-value of the Wilcoxon signed-rank test, zeros by Pratt's method.
    """

    mean: Interval
    p_mean: float
    shift: Interval
    p_signed_rank: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of two measurements (Bland and Altman, 1986; 1999).

    Attributes:
        bias: mean difference, second minus first, with its interval.
        lower_limit, upper_limit: 95 % limits of agreement, each with its interval.
        slope: slope of the difference against the mean of both; a small `p_slope` indicates proportional bias.
        concordance: Lin's concordance correlation coefficient (1989).
    """

    bias: Interval
    lower_limit: Interval
    upper_limit: Interval
    slope: float | None
    p_slope: float | None
    concordance: float | None


def mean_interval(
    values: Values,
    patients: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """The mean and its studentised bootstrap interval over patients (Davison and Hinkley, 1997, 5.2).

    Studentised, because Dice is skewed: the coverage of percentile intervals of 50 patients is too low. With fewer
    than 10 patients, or nearly identical ones, the interval is Student's t, which is wide.

    Raises:
        ValueError: no values, or a value that is not finite.
    """
    sums, sizes, found = _by_patient(values, patients)
    mean, error = _mean_and_error(sums, sizes, np.ones(len(sums)))
    if len(sums) < 2 or error == 0:
        bound = None if len(sums) < 2 else float(mean)
        return Interval(float(mean), bound, bound, found.size, len(sums), level)
    tail = (1 - level) / 2
    half = float(stats.t.ppf(1 - tail, len(sums) - 1) * error)
    students = Interval(float(mean), float(mean) - half, float(mean) + half, found.size, len(sums), level)
    if len(sums) < _MIN_PATIENTS:
        return students
    deviates = []
    for counts in _patient_counts(len(sums), seed, draws):
        means, errors = _mean_and_error(sums, sizes, counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            deviates.append((means - mean) / errors)
    deviate = np.concatenate(deviates)
    deviate = deviate[~np.isnan(deviate)]
    high, low = np.quantile(deviate, [1 - tail, tail], method="inverted_cdf")
    if not np.isfinite([high, low]).all():  # nearly all patients have the same value
        return students
    return Interval(float(mean), float(mean - high * error), float(mean - low * error), found.size, len(sums), level)


def median_interval(values: Values, patients: Sequence[Hashable] | None = None, *, level: float = 0.95) -> Interval:
    """The median of the patients' means and its interval from order statistics, exact for any distribution.

    None as bounds where there are too few patients for the level: 95 % needs at least 6.
    """
    sums, sizes, found = _by_patient(values, patients)
    ordered = np.sort(sums / sizes)
    n = len(ordered)
    rank = int(stats.binom.ppf((1 - level) / 2, n, 0.5))
    while rank > 0 and stats.binom.cdf(rank - 1, n, 0.5) > (1 - level) / 2:
        rank -= 1
    middle = float(np.median(ordered))
    if rank == 0:
        return Interval(middle, None, None, found.size, n, level)
    return Interval(middle, float(ordered[rank - 1]), float(ordered[n - rank]), found.size, n, level)


def paired_comparison(
    first: Values,
    second: Values,
    patients: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> PairedComparison:
    """Compare the values of two models on the same cases.

    Raises:
        ValueError: different numbers of values, or values that are not finite.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f"{one.size} values against {other.size}")
    difference = other - one
    sums, sizes, found = _by_patient(difference, patients)
    return PairedComparison(
        mean=mean_interval(difference, patients, level=level, seed=seed, draws=draws),
        p_mean=_sign_flip_p(sums, seed, draws),
        shift=_hodges_lehmann(sums / sizes, found.size, level),
        p_signed_rank=_signed_rank_p(sums / sizes),
    )


def holm_adjusted_p_values(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for multiple testing (Holm, 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * float(p_values[i])))
        corrected[int(i)] = largest
    return corrected


def mann_whitney_pairs(
    scores: Values, positive: NDArray[np.number[Any]], negative: NDArray[np.number[Any]]
) -> tuple[float, float]:
    """Pairs of a positive and a negative case in which the positive one scores higher, ties counting half; all pairs.

    Their ratio is the area under the ROC curve.

    Args:
        scores: (n,).
        positive, negative: (n,), number of cases with each score.
    """
    values, index = np.unique(scores, return_inverse=True)
    above, below = np.bincount(index, positive, len(values)), np.bincount(index, negative, len(values))
    return float(above @ (np.cumsum(below) - below / 2)), float(positive.sum() * negative.sum())


def non_inferior(comparison: PairedComparison, margin: float) -> bool | None:
    """Whether the second model is non-inferior by a margin fixed beforehand; None where there is no interval.

    Raises:
        ValueError: the margin is not positive.
    """
    if margin <= 0:
        raise ValueError(f"margin {margin:g}, not above 0")
    return None if comparison.mean.lower is None else comparison.mean.lower > -margin


def agreement(
    first: Values, second: Values, patients: Sequence[Hashable] | None = None, *, level: float = 0.95
) -> Agreement:
    """Bland-Altman analysis of two measurements of the same cases, with their intervals of the limits (1999).

    Raises:
        ValueError: fewer than two values, or different numbers of values.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape or one.size < 2:
        raise ValueError(f"{one.size} values against {other.size}; two or more of each are needed")
    sums, _, found = _by_patient(other - one, patients)
    n = len(sums)  # repeated scans of a patient do not narrow the intervals
    bias, deviation = float(found.mean()), float(found.std(ddof=1))
    reach = stats.t.ppf((1 + level) / 2, max(n - 1, 1))
    of_bias, of_limit = reach * deviation / np.sqrt(n), reach * deviation * np.sqrt(3 / n)

    def about(value: float, half: float) -> Interval:
        if n < 2:
            return Interval(value, None, None, found.size, n, level)
        return Interval(value, value - float(half), value + float(half), found.size, n, level)

    middle = (one + other) / 2
    varies = float(np.ptp(middle)) > 0 and one.size > 2
    line = stats.linregress(middle, other - one) if varies else None
    spread = one.var() + other.var() + (one.mean() - other.mean()) ** 2
    return Agreement(
        bias=about(bias, of_bias),
        lower_limit=about(bias - 1.96 * deviation, of_limit),
        upper_limit=about(bias + 1.96 * deviation, of_limit),
        slope=None if line is None else float(line.slope),
        p_slope=None if line is None or not np.isfinite(line.pvalue) else float(line.pvalue),
        concordance=float(2 * np.mean((one - one.mean()) * (other - other.mean())) / spread) if spread > 0 else None,
    )


def _by_patient(
    values: Values, patients: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of each patient's values, in order of appearance, and all values."""
    found = np.asarray(values, dtype=float)
    if not found.size or not np.isfinite(found).all():
        raise ValueError("no values, or some that are not finite")
    if patients is None:
        return found, np.ones(found.size), found
    if len(patients) != found.size:
        raise ValueError(f"{found.size} values of {len(patients)} patients")
    place: dict[Hashable, int] = {}
    index = np.array([place.setdefault(patient, len(place)) for patient in patients])
    return np.bincount(index, found).astype(float), np.bincount(index).astype(float), found


def _patient_counts(n: int, seed: int, draws: int) -> Iterator[NDArray[np.float64]]:
    """How often each of `n` patients is drawn, (draws of a block, n); the draws of small samples are cached."""
    blocks = _cached_draws(n, seed, draws) if n * draws <= _MAX_CACHED else _draw_patients(n, seed, draws)
    return (block.astype(float) for block in blocks)


@functools.lru_cache(maxsize=4)
def _cached_draws(n: int, seed: int, draws: int) -> tuple[NDArray[np.uint8], ...]:
    return tuple(_draw_patients(n, seed, draws))


def _draw_patients(n: int, seed: int, draws: int) -> Iterator[NDArray[np.uint8]]:
    draw = generator(seed, "bootstrap", n)
    for first in range(0, draws, _BLOCK):  # no patient is drawn 256 times
        yield draw.multinomial(n, np.full(n, 1 / n), min(_BLOCK, draws - first)).astype(np.uint8)


def _mean_and_error(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of patients drawn `counts` times (..., patients), and its standard error over patients."""
    n = len(sums)
    total = counts @ sizes
    mean = (counts @ sums) / total
    squares = counts @ sums**2 - 2 * mean * (counts @ (sums * sizes)) + mean**2 * (counts @ sizes**2)
    error = np.sqrt(np.maximum(squares, 0) * n / max(n - 1, 1)) / total
    return mean, error


def _sign_flip_p(sums: NDArray[np.float64], seed: int, draws: int) -> float:
    """Two-sided p-value of the mean under random signs of the patients; exact up to 12 patients."""
    n, seen = len(sums), abs(float(sums.sum()))
    tolerance = 1e-12 * float(np.abs(sums).sum())
    if n <= 12:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ sums) >= seen - tolerance))
    draw, as_extreme = generator(seed, "permutation", n), 0
    for first in range(0, draws, _BLOCK):
        signs = draw.integers(0, 2, (min(_BLOCK, draws - first), n)) * 2 - 1
        as_extreme += int(np.sum(np.abs(signs @ sums) >= seen - tolerance))
    return (as_extreme + 1) / (draws + 1)


def _signed_rank_p(differences: NDArray[np.float64]) -> float:
    if not np.any(differences):
        return 1.0
    method = "exact" if len(differences) <= 50 and len(set(np.abs(differences))) == len(differences) else "approx"
    if method == "exact" and np.any(differences == 0):
        method = "approx"
    return float(stats.wilcoxon(differences, zero_method="pratt", method=method).pvalue)


def _hodges_lehmann(differences: NDArray[np.float64], n_values: int, level: float) -> Interval:
    """The median of all pairwise means, and the interval that the signed-rank test does not reject."""
    n = len(differences)
    first, second = np.triu_indices(n)
    means = np.sort((differences[first] + differences[second]) / 2)
    centre = float(np.median(means))
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    rank = int(np.floor(n * (n + 1) / 4 - stats.norm.ppf((1 + level) / 2) * deviation))
    if rank < 1:
        return Interval(centre, None, None, n_values, n, level)
    return Interval(centre, float(means[rank - 1]), float(means[len(means) - rank]), n_values, n, level)
