"""Whether what was set at the scanner tells the label: cross-validated AUC, permutation, Holm; Cramer's V.

A categorical feature scores each case by the share of positive cases among others of its value, out of fold, so
that a value seen once scores nothing. Folds and permutations keep patients together.
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
from gnomon.rules.catalogue.leakage import PREDICTIVE_FEATURE

_FOLDS = 5
_PERMUTATIONS = 2000
_LEVEL = 0.05
_LEAST_CASES = 20
_BINS = 8


@dataclass(frozen=True)
class Predictive:
    """A feature that tells the label: cross-validated AUC, and the permutation p after Holm's correction."""

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
) -> list[Predictive]:
    """Features whose AUC is above `limit` with p below 0.05 over all features together, the strongest first.

    A label of several classes is taken one class against the rest; the best class counts, and is paid for in the
    permutations, which take the best too. Rows without a label are left out.
    """
    known = label.is_not_null().to_numpy()
    if known.sum() < _LEAST_CASES:
        return []
    codes = label.filter(label.is_not_null()).cast(pl.String).rank("dense").to_numpy().astype(int) - 1
    groups = _coded([patient for patient, keep in zip(patients, known) if keep])
    wanted = np.eye(codes.max() + 1)[codes]
    wanted = wanted[:, 1:] if wanted.shape[1] == 2 else wanted
    if not wanted.shape[1]:
        return []
    fold = _folds(groups, seed)
    shuffles = _shuffles(groups, wanted, seed)
    measured = []
    for name in features.columns:
        values = _levels(features[name].filter(label.is_not_null()))
        if len(np.unique(values)) < 2:
            continue
        auc = _best_auc(values, wanted, fold)
        chance = np.array([_best_auc(values, shuffled, fold) for shuffled in shuffles]) if auc > limit else np.zeros(0)
        p = (1 + np.count_nonzero(chance >= auc)) / (1 + len(chance)) if auc > limit else 1.0
        measured.append((name, auc, p))
    return _holm(measured, limit)


def _holm(measured: list[tuple[str, float, float]], limit: float) -> list[Predictive]:
    kept, worst = [], 0.0
    for rank, (name, auc, p) in enumerate(sorted(measured, key=lambda one: (one[2], -one[1], one[0]))):
        worst = max(worst, min(1.0, p * (len(measured) - rank)))
        if worst < _LEVEL and auc > limit:
            kept.append(Predictive(name, auc, worst))
    return sorted(kept, key=lambda one: (-one.auc, one.name))


def _coded(values: Sequence[str]) -> NDArray[np.int64]:
    """Numbers for names; a case without patient is its own."""
    names = [value or f"\0{i}" for i, value in enumerate(values)]
    return np.unique(names, return_inverse=True)[1]


def _levels(values: pl.Series) -> NDArray[np.int64]:
    """Levels of a feature: its values, or eight bins of equal share where numbers have more; absence is a level."""
    if values.dtype.is_numeric() and values.n_unique() > _BINS:
        numbers = values.cast(pl.Float64).to_numpy()
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
        return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right"))
    return values.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)


def _folds(groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    order = generator(seed, "audit folds").permutation(groups.max() + 1)
    return (order % _FOLDS)[groups]


def _shuffles(groups: NDArray[np.int64], wanted: NDArray[np.float64], seed: int) -> list[NDArray[np.float64]]:
    """Labels handed out anew: among cases, or among patients where some have several."""
    draw = generator(seed, "audit permutations")
    if groups.max() + 1 == len(groups):
        return [wanted[draw.permutation(len(wanted))] for _ in range(_PERMUTATIONS)]
    first = np.unique(groups, return_index=True)[1]
    return [wanted[first][draw.permutation(len(first))][groups] for _ in range(_PERMUTATIONS)]


def _best_auc(levels: NDArray[np.int64], wanted: NDArray[np.float64], fold: NDArray[np.int64]) -> float:
    """The best class's AUC when each level's share of positives is learned on the other folds.

    Pairs of a positive and a negative case are compared within a fold only: shares of different folds differ by what
    was left out, which would count against every feature.
    """
    size = int(levels.max()) + 1
    count = np.bincount(fold * size + levels, minlength=_FOLDS * size).reshape(_FOLDS, size)
    best = 0.0
    for column in (wanted[:, k] for k in range(wanted.shape[1])):
        positive = np.bincount(fold * size + levels, column, _FOLDS * size).reshape(_FOLDS, size)
        hits, seen = positive.sum(0) - positive, count.sum(0) - count
        prior = (hits.sum(1) / np.maximum(1, seen.sum(1)))[:, None]
        share = (hits + prior) / (seen + 1)  # one case's worth of the prior: an unseen level says nothing
        best = max(best, _auc(share, positive, count - positive))
    return best


def _auc(share: NDArray[np.float64], positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """The chance that a positive case scores above a negative one of its fold; ties count half (Mann-Whitney).

    Args:
        share: (folds, levels), the score of a level.
        positive, negative: (folds, levels), cases.
    """
    won = pairs = 0.0
    for scores, ill, well in zip(share, positive, negative):
        values, place = np.unique(scores, return_inverse=True)
        above, below = np.bincount(place, ill, len(values)), np.bincount(place, well, len(values))
        won += float(above @ (np.cumsum(below) - below / 2))
        pairs += float(ill.sum() * well.sum())
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
