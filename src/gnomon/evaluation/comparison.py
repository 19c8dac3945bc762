"""Two evaluations of the same cases: by how much the second is better, and whether that could be chance."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnomon.core.statistics import holm, non_inferior, paired_comparison
from gnomon.evaluation.metrics import BEST, MEASURES
from gnomon.io.folders import EvaluationFolder
from gnomon.rules.finding import refuse

COLUMNS = (
    "label",
    "measure",
    "n",
    "n_patients",
    "first",
    "second",
    "difference",
    "lower",
    "upper",
    "p_mean",
    "p_mean_holm",
    "shift",
    "shift_lower",
    "shift_upper",
    "p_signed_rank",
    "p_signed_rank_holm",
    "non_inferior",
)


def compare_evaluations(first: Path, second: Path, margins: Mapping[str, float], seed: int = 0) -> list[dict[str, Any]]:
    """A row a label and measure, over the cases that count in either; p values corrected over all of them (Holm).

    A structure that is rightly absent from one prediction and spurious in the other counts as perfect in the one.

    Args:
        margins: of non-inferiority by measure, declared beforehand; more is better or worse as the measure says.

    Raises:
        Refusal: USE123, evaluations of different cases or labels, or a margin of a measure there is not.
    """
    if unknown := sorted(margins.keys() - set(MEASURES)):
        raise refuse(
            rule="USE123",
            where="margins",
            found=str(unknown),
            expected=f"measures among {', '.join(MEASURES)}",
            remedy="Correct the names.",
        )
    one, other = _rows(first), _rows(second)
    if one.keys() != other.keys():
        differing = sorted(one.keys() ^ other.keys())[:3]
        raise refuse(
            rule="USE123",
            where=f"{first}, {second}",
            found=f"cases or labels in one alone: {differing}",
            expected="the same cases and labels",
            remedy="Evaluate both against the same references.",
        )
    rows = []
    for label in dict.fromkeys(label for _, label in one):
        for measure in MEASURES:
            pairs = [
                (_value(one[key], measure), _value(other[key], measure), one[key]["patient"])
                for key in one
                if key[1] == label and (one[key][measure] or other[key][measure])
            ]
            if pairs:
                rows.append(_row(label, measure, pairs, margins.get(measure), seed))
    for name in ("p_mean", "p_signed_rank"):
        for row, corrected in zip(rows, holm([row[name] for row in rows])):
            row[f"{name}_holm"] = corrected
    return rows


def _row(
    label: str, measure: str, pairs: list[tuple[float, float, str]], margin: float | None, seed: int
) -> dict[str, Any]:
    before, after, patients = zip(*pairs)
    if BEST[measure] == 0:  # a distance: turned, so that more is better, for the margin
        found = paired_comparison([-v for v in before], [-v for v in after], patients, seed=seed)
        sign = -1
    else:
        found, sign = paired_comparison(before, after, patients, seed=seed), 1
    mean, shift = found.mean, found.shift

    def turned(lower: float | None, upper: float | None) -> tuple[float | None, float | None]:
        if lower is None or upper is None:
            return None, None
        return (lower, upper) if sign > 0 else (-upper, -lower)

    low, high = turned(mean.lower, mean.upper)
    shift_low, shift_high = turned(shift.lower, shift.upper)
    return {
        "label": label,
        "measure": measure,
        "n": mean.n,
        "n_patients": mean.n_patients,
        "first": sum(before) / len(before),
        "second": sum(after) / len(after),
        "difference": sign * mean.estimate,
        "lower": low,
        "upper": high,
        "p_mean": found.p_mean,
        "shift": sign * shift.estimate,
        "shift_lower": shift_low,
        "shift_upper": shift_high,
        "p_signed_rank": found.p_signed_rank,
        "non_inferior": None if margin is None else non_inferior(found, margin),
    }


def _value(row: Mapping[str, str], measure: str) -> float:
    """A case's measure; the best there is where nothing was to be found and nothing was."""
    return float(row[measure]) if row[measure] else BEST[measure]


def _rows(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    path = EvaluationFolder(folder).cases
    if not path.is_file():
        raise refuse(
            rule="ART101",
            where=str(path),
            found="no such file",
            expected="the cases.csv of an evaluation",
            remedy="Check the path, or run the stage that writes it.",
        )
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {(row["case"], row["label"]): row for row in rows}
