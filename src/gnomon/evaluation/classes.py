"""How well classes are told apart: accuracy, recall, precision and AUC of each, who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gnomon.core.statistics import mean_interval

CLASSES_SCHEMA = "gnomon/classes/1"


def judge_classes(
    rows: Sequence[Mapping[str, Any]], truth: Mapping[str, str], patients: Mapping[str, str], classes: Sequence[str]
) -> dict[str, Any]:
    """Judge predicted classes.

    Args:
        rows: `case`, `class`, and `p/<class>` of each class.
        truth, patients: by case; patients are the unit of intervals.

    Returns:
        Plain values: `accuracy` with its 95 % interval, `balanced_accuracy` (the mean of the classes' recall),
        `confusion` (rows the truth, columns what was found), and by class recall, precision and AUC, the chance that
        an image of the class has a higher probability of it than one of another (Mann and Whitney; ties are halves).
    """
    true = np.array([classes.index(truth[str(row["case"])]) for row in rows])
    found = np.array([classes.index(str(row["class"])) for row in rows])
    owners = [patients[str(row["case"])] for row in rows]
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (true, found), 1)
    per_class = {}
    for i, name in enumerate(classes):
        share = np.array([float(row[f"p/{name}"]) for row in rows])
        n, named = int(confusion[i].sum()), int(confusion[:, i].sum())
        per_class[name] = {
            "n": n,
            "recall": confusion[i, i] / n if n else None,
            "precision": confusion[i, i] / named if named else None,
            "auc": _auc(share, true == i),
        }
    accuracy = _accuracy(true == found, owners)
    recalls = [one["recall"] for one in per_class.values() if one["recall"] is not None]
    return {
        "schema": CLASSES_SCHEMA,
        "n_cases": len(rows),
        "n_patients": len(set(owners)),
        "accuracy": accuracy,
        "balanced_accuracy": float(np.mean(recalls)),
        "classes": per_class,
        "confusion": {"classes": list(classes), "counts": confusion.tolist()},
        "wrong": [str(row["case"]) for row, a, b in zip(rows, true, found) if a != b],
    }


def _accuracy(right: np.ndarray, owners: Sequence[str]) -> dict[str, Any]:
    """The share that is right and its 95 % interval: over patients, or exact (Clopper and Pearson) where it can be.

    Where every image is right, or none, patients cannot be drawn from, and a patient counts as one image.
    """
    patients, alike = len(set(owners)), bool(right.all() or not right.any())
    if patients < len(right) and not alike:
        return vars(mean_interval(right.astype(float).tolist(), owners))
    done = stats.binomtest(
        int(patients * right.mean()) if alike else int(right.sum()), patients if alike else len(right)
    )
    interval = done.proportion_ci(0.95, "exact")
    return {
        "estimate": float(right.mean()),
        "lower": float(interval.low),
        "upper": float(interval.high),
        "n": len(right),
        "n_patients": patients,
        "level": 0.95,
    }


def _auc(share: np.ndarray, mine: np.ndarray) -> float | None:
    n, others = int(mine.sum()), int((~mine).sum())
    if not n or not others:
        return None
    ranks = stats.rankdata(share)
    return float((ranks[mine].sum() - n * (n + 1) / 2) / (n * others))
