"""Evaluation of a classification: accuracy, recall, precision and AUC by class, confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gnomon.core.statistics import mann_whitney_pairs, mean_interval

CLASSES_SCHEMA = "gnomon/classes/1"


def judge_classes(
    rows: Sequence[Mapping[str, Any]], truth: Mapping[str, str], patients: Mapping[str, str], classes: Sequence[str]
) -> dict[str, Any]:
    """Evaluate predicted classes.

    Args:
        rows: `case`, `class`, and the probability `p/<class>` of each class.
        truth, patients: by case; intervals treat patients as independent.
        classes: their names, in order.

    Returns:
        Plain values: `accuracy` with its 95 % CI, `balanced_accuracy` (mean recall of the classes), `confusion` (rows:
        reference, columns: prediction), and by class recall, precision and AUC, the probability that an image of the
        class scores higher for it than one of another (Mann-Whitney; ties count half).
    """
    true = np.array([classes.index(truth[str(row["case"])]) for row in rows])
    found = np.array([classes.index(str(row["class"])) for row in rows])
    owners = [patients[str(row["case"])] for row in rows]
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (true, found), 1)
    per_class = {}
    for i, name in enumerate(classes):
        scores = np.array([float(row[f"p/{name}"]) for row in rows])
        n, n_predicted = int(confusion[i].sum()), int(confusion[:, i].sum())
        per_class[name] = {
            "n": n,
            "recall": confusion[i, i] / n if n else None,
            "precision": confusion[i, i] / n_predicted if n_predicted else None,
            "auc": _auc(scores, true == i),
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
    """Accuracy with its 95 % CI: over patients, or exact (Clopper and Pearson) where each patient has one image.

    Where all images are right, or all wrong, patients cannot be resampled, and each patient counts as one image.
    """
    patients, constant = len(set(owners)), bool(right.all() or not right.any())
    if patients < len(right) and not constant:
        return vars(mean_interval(right.astype(float).tolist(), owners))
    test = stats.binomtest(
        int(patients * right.mean()) if constant else int(right.sum()), patients if constant else len(right)
    )
    interval = test.proportion_ci(0.95, "exact")
    return {
        "estimate": float(right.mean()),
        "lower": float(interval.low),
        "upper": float(interval.high),
        "n": len(right),
        "n_patients": patients,
        "level": 0.95,
    }


def _auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    won, pairs = mann_whitney_pairs(scores, positive.astype(float), (~positive).astype(float))
    return won / pairs if pairs else None
