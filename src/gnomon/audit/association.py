"""Whether acquisition parameters predict the label (shortcut features): cross-validated AUC, Cramer's V.

A categorical feature scores each case by the share of positive cases among those with the same value in the other
folds, so a value that occurs once scores nothing. Significance is by permutation, with Holm's correction over all
features. Folds and permutations keep patients together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import chi2

from gnomon.core.randomness import generator
from gnomon.core.statistics import holm_adjusted_p_values, mann_whitney_pairs
from gnomon.rules.catalogue.leakage import PREDICTIVE_FEATURE

_FOLDS = 5
_PERMUTATIONS = 2000
_LEVEL = 0.05
_LEAST_CASES = 20
_BINS = 8


@dataclass(frozen=True)
class PredictiveFeature:
    """A feature that predicts the label: cross-validated AUC, and the permutation p after Holm's correction."""

    name: str
    auc: float
    p: float


def predictive_features(
    features: pl.DataFrame,
    label: pl.Series,
    patients: Sequence[str],
    *,
    limit: float = PREDICTIVE_FEATURE.tolerance,
    seed: int = 0,
) -> list[PredictiveFeature]:
    """Features whose AUC is above `limit` with p below 0.05 over all features together, strongest first.

    A label of several classes is treated as one class against the rest. The best class counts, in the permutations
    as well, so the choice is paid for. Rows without a label are left out.
    """
    known = label.is_not_null().to_numpy()
    if known.sum() < _LEAST_CASES:
        return []
    codes = label.filter(label.is_not_null()).cast(pl.String).rank("dense").to_numpy().astype(int) - 1
    groups = _encode([patient for patient, keep in zip(patients, known) if keep])
    classes = np.eye(codes.max() + 1)[codes]
    classes = classes[:, 1:] if classes.shape[1] == 2 else classes
    if not classes.shape[1]:
        return []
    fold = _folds(groups, seed)
    shuffles = _permute_labels(groups, classes, seed)
    names, aucs, p_values = list[str](), list[float](), list[float]()
    for name in features.columns:
        values = _levels(features[name].filter(label.is_not_null()))
        if len(np.unique(values)) < 2:
            continue
        auc = _best_auc(values, classes, fold)
        chance = np.array([_best_auc(values, shuffled, fold) for shuffled in shuffles]) if auc > limit else np.zeros(0)
        p = (1 + np.count_nonzero(chance >= auc)) / (1 + len(chance)) if auc > limit else 1.0
        names.append(name)
        aucs.append(auc)
        p_values.append(p)
    found = [
        PredictiveFeature(name, auc, p)
        for name, auc, p in zip(names, aucs, holm_adjusted_p_values(p_values))
        if p < _LEVEL and auc > limit
    ]
    return sorted(found, key=lambda feature: (-feature.auc, feature.name))


def _encode(values: Sequence[str]) -> NDArray[np.int64]:
    """Integer codes of names; a case without a patient is a group of its own."""
    names = [value or f"\0{i}" for i, value in enumerate(values)]
    return np.unique(names, return_inverse=True)[1]


def _levels(values: pl.Series) -> NDArray[np.int64]:
    """Levels of a feature: its values, or eight bins of equal size for numbers with more; absence is a level."""
    if values.dtype.is_numeric() and values.n_unique() > _BINS:
        numbers = values.cast(pl.Float64).to_numpy()
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
        return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right"))
    return values.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)


def _folds(groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    order = generator(seed, "audit folds").permutation(groups.max() + 1)
    return (order % _FOLDS)[groups]


def _permute_labels(groups: NDArray[np.int64], classes: NDArray[np.float64], seed: int) -> list[NDArray[np.float64]]:
    """Permuted labels: among cases, or among patients where some have several cases."""
    draw = generator(seed, "audit permutations")
    if groups.max() + 1 == len(groups):
        return [classes[draw.permutation(len(classes))] for _ in range(_PERMUTATIONS)]
    first = np.unique(groups, return_index=True)[1]
    return [classes[first][draw.permutation(len(first))][groups] for _ in range(_PERMUTATIONS)]


def _best_auc(levels: NDArray[np.int64], classes: NDArray[np.float64], fold: NDArray[np.int64]) -> float:
    """AUC of the best class, each level scored by its share of positives in the other folds.

    Positive and negative cases are compared within a fold only: the shares of different folds differ by the cases
    left out, which would count against every feature.
    """
    size = int(levels.max()) + 1
    count = np.bincount(fold * size + levels, minlength=_FOLDS * size).reshape(_FOLDS, size)
    best = 0.0
    for column in (classes[:, k] for k in range(classes.shape[1])):
        positive = np.bincount(fold * size + levels, column, _FOLDS * size).reshape(_FOLDS, size)
        hits, seen = positive.sum(0) - positive, count.sum(0) - count
        prior = (hits.sum(1) / np.maximum(1, seen.sum(1)))[:, None]
        share = (hits + prior) / (seen + 1)  # prior with the weight of one case: an unseen level is neutral
        best = max(best, _auc(share, positive, count - positive))
    return best


def _auc(share: NDArray[np.float64], positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """Probability that a positive case scores above a negative one of its fold; ties count half (Mann-Whitney).

    Args:
        share: (folds, levels), score of a level.
        positive, negative: (folds, levels), number of cases.
    """
    won = pairs = 0.0
    for scores, ill, well in zip(share, positive, negative):
        won_here, pairs_here = mann_whitney_pairs(scores, ill, well)
        won += won_here
        pairs += pairs_here
    return won / pairs if pairs else 0.5


def cramers_v(one: pl.Series, other: pl.Series) -> tuple[float, float]:
    """Bias-corrected Cramer's V of two columns, and the p of Pearson's chi-squared test (Bergsma, 2013)."""
    if len(one) < 2:
        return 0.0, 1.0
    rows, columns = (np.unique(series.cast(pl.String).to_numpy(), return_inverse=True)[1] for series in (one, other))
    r, c, n = rows.max() + 1, columns.max() + 1, len(one)
    if r < 2 or c < 2:
        return 0.0, 1.0
    table = np.bincount(rows * c + columns, minlength=r * c).reshape(r, c)
    expected = np.outer(table.sum(1), table.sum(0)) / n
    statistic = float(((table - expected) ** 2 / expected).sum())
    excess = max(0.0, statistic / n - (r - 1) * (c - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return sqrt(excess / smaller) if smaller > 0 else 0.0, float(chi2.sf(statistic, (r - 1) * (c - 1)))
