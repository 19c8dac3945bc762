"""Paired comparison of two evaluations of the same cases."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnomon.core.statistics import holm_adjusted_p_values, non_inferior, paired_comparison
from gnomon.evaluation.measure import best_value
from gnomon.evaluation.measures import measure_entries
from gnomon.io.artifacts import read_json
from gnomon.io.folders import EvaluationFolder
from gnomon.rules.catalogue.artifacts import MISSING_ARTIFACT
from gnomon.rules.catalogue.usage import COMPARISON_MISMATCH

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
    """Compare two evaluations measure by measure; p values are corrected over all rows (Holm).

    A structure that is absent from both reference and one prediction, and spurious in the other, scores perfectly in
    the one. A measure that both evaluations do not have for every case of a label is left out.

    Args:
        margins: non-inferiority margin by measure, declared beforehand and above 0.

    Returns:
        One row per label and measure, over the cases that count in either evaluation; differences are second minus
        first.

    Raises:
        Refusal: USE123, evaluations of different cases or labels, or a margin of an unknown measure.
    """
    better = _measures_of(first, second)
    if unknown := sorted(margins.keys() - better.keys()):
        raise COMPARISON_MISMATCH.refusal(
            "margins",
            found=f"margins for {', '.join(unknown)}",
            expected=f"measures among {', '.join(better)}",
            remedy="Correct margins=, for example margins='{dice: 0.01}'.",
        )
    one, other = _rows(first), _rows(second)
    if one.keys() != other.keys():
        differing = sorted(one.keys() ^ other.keys())[:3]
        raise COMPARISON_MISMATCH.refusal(f"{first}, {second}", found=f"cases or labels that only one has: {differing}")
    rows = []
    for label in dict.fromkeys(label for _, label in one):
        for measure, direction in better.items():
            pairs = _pairs(one, other, label, measure, best_value(direction))
            if pairs:
                rows.append(_row(label, measure, direction, pairs, margins.get(measure), seed))
    for name in ("p_mean", "p_signed_rank"):
        for row, corrected in zip(rows, holm_adjusted_p_values([row[name] for row in rows])):
            row[f"{name}_holm"] = corrected
    return rows


def _measures_of(first: Path, second: Path) -> dict[str, str]:
    """Which way is better, by name, of the measures that both evaluations list."""
    listed = []
    for folder in (first, second):
        path = EvaluationFolder(folder).summary
        summary = read_json(path, "the evaluation") if path.is_file() else {}
        listed.append({entry["name"]: entry["better"] for entry in measure_entries(summary)})
    return {name: better for name, better in listed[0].items() if name in listed[1]}


def _pairs(
    one: Mapping[tuple[str, str], Mapping[str, str]],
    other: Mapping[tuple[str, str], Mapping[str, str]],
    label: str,
    measure: str,
    best: float,
) -> list[tuple[float, float, str]]:
    """Both values and the patient of every case in which either structure counts; none where a value is unknown."""
    pairs = []
    for key in (key for key in one if key[1] == label):
        rows = one[key], other[key]
        statuses = {row["status"] for row in rows}
        if statuses == {"absent"} or "unreadable" in statuses:
            continue
        if any(not row.get(measure) and row["status"] != "absent" for row in rows):
            return []
        first, second = (float(row[measure]) if row.get(measure) else best for row in rows)
        pairs.append((first, second, rows[0]["patient"]))
    return pairs


def _row(
    label: str, measure: str, better: str, pairs: list[tuple[float, float, str]], margin: float | None, seed: int
) -> dict[str, Any]:
    before, after, patients = zip(*pairs)
    sign = 1 if better == "higher" else -1  # negated where lower is better, for the margin
    found = paired_comparison([sign * v for v in before], [sign * v for v in after], patients, seed=seed)
    mean, shift = found.mean, found.shift

    def apply_sign(lower: float | None, upper: float | None) -> tuple[float | None, float | None]:
        if lower is None or upper is None:
            return None, None
        return (lower, upper) if sign > 0 else (-upper, -lower)

    low, high = apply_sign(mean.lower, mean.upper)
    shift_low, shift_high = apply_sign(shift.lower, shift.upper)
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


def _rows(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    path = EvaluationFolder(folder).cases
    if not path.is_file():
        raise MISSING_ARTIFACT.refusal(str(path), found="no such file", expected="the cases.csv of an evaluation")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {(row["case"], row["label"]): row for row in rows}
