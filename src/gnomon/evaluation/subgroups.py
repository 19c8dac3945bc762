"""Scores by subgroup: vendor, slice thickness, sex, age, site, or any other column of a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from gnomon.core.statistics import Interval
from gnomon.evaluation.measure import Measure
from gnomon.evaluation.summary import Rows, mean_of, rows_that_count
from gnomon.rules.catalogue.evaluation import INVALID_SUBGROUPS, UNGROUPABLE_COLUMN
from gnomon.rules.finding import Finding

COLUMNS = (
    "column",
    "group",
    "label",
    "measure",
    "n",
    "n_patients",
    "mean",
    "lower",
    "upper",
    "to_the_rest",
    "rest_lower",
    "rest_upper",
    "few",
)
FEWEST = 10
"""Number of patients below which a group is marked: its CI says little."""

_KEYS = {"case": "case", "volume_id": "case", "patient": "patient"}
_BANDS = 4  # of a numeric column with many values
_MOST = 8  # distinct values that are groups of their own


def read_table(path: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """Read a CSV table: its key (`case`, `volume_id` or `patient`), and the other columns of each row by that key.

    `volume_id` is the case name of a converted volume, so volumes.csv is such a table.

    Raises:
        Refusal: EVL120, unreadable, without such a column, or with a key twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise INVALID_SUBGROUPS.refusal(str(path), found=f"{type(error).__name__}: {error}") from None
    key = next((name for name in _KEYS if rows and name in rows[0]), None)
    if key is None or len(rows[0]) < 2 or None in rows[0]:
        raise INVALID_SUBGROUPS.refusal(str(path), found=f"columns {list(rows[0]) if rows else []}")
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name = row.pop(key)
        if name in found:
            raise INVALID_SUBGROUPS.refusal(str(path), found=f"{key} {name!r} twice")
        found[name] = {column: (value or "").strip() for column, value in row.items()}
    return _KEYS[key], found


def subgroup_rows(
    rows: Rows,
    table: tuple[str, Mapping[str, Mapping[str, str]]],
    labels: Sequence[str],
    measures: Sequence[Measure],
) -> list[dict[str, Any]]:
    """One row per column, group, label and key measure: mean with 95 % CI, and difference to all other cases.

    A numeric column with many values is cut at its quartiles; any other column with many values is left out
    (`columns_not_grouped`). Cases that the table does not list are the group `unknown`.
    """
    key, values = table
    found = []
    for column, of_column in _columns(values).items():
        group_of = _groups(of_column)
        if group_of is None:
            continue
        names = sorted({group_of.get(row[key], "unknown") for row in rows}, key=_order)
        for group in names if len(names) > 1 else []:
            for label in labels:
                own = [row for row in rows if row["label"] == label]
                inside = [row for row in own if group_of.get(row[key], "unknown") == group]
                rest = [row for row in own if group_of.get(row[key], "unknown") != group]
                found += [
                    _row(column, group, label, measure, mean, inside, rest)
                    for measure in measures
                    if measure.key and (mean := mean_of(inside, measure)) is not None
                ]
    return found


def columns_not_grouped(table: tuple[str, Mapping[str, Mapping[str, str]]]) -> list[Finding]:
    """Findings of the columns that hold too many distinct values to group by."""
    return [
        UNGROUPABLE_COLUMN.at(
            f"subgroups, column {column}",
            found=f"{len(set(values.values()))} different values",
            expected=f"numbers, or at most {_MOST} different values",
        )
        for column, values in _columns(table[1]).items()
        if _groups(values) is None
    ]


def _columns(values: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Each column's values by key."""
    names = dict.fromkeys(name for row in values.values() for name in row)
    return {column: {name: row.get(column, "") for name, row in values.items()} for column in names}


def _row(
    column: str, group: str, label: str, measure: Measure, mean: Interval, inside: Rows, rest: Rows
) -> dict[str, Any]:
    gap = _gap(_patient_means(inside, measure.name), _patient_means(rest, measure.name))
    return {
        "column": column,
        "group": group,
        "label": label,
        "measure": measure.name,
        "n": mean.n,
        "n_patients": mean.n_patients,
        "mean": mean.estimate,
        "lower": mean.lower,
        "upper": mean.upper,
        "to_the_rest": gap[0],
        "rest_lower": gap[1],
        "rest_upper": gap[2],
        "few": mean.n_patients < FEWEST,
    }


def _patient_means(rows: Rows, measure: str) -> list[float]:
    by_patient: dict[str, list[float]] = {}
    for row in rows_that_count(rows):
        if row.get(measure) is None:
            return []
        by_patient.setdefault(row["patient"], []).append(row[measure])
    return [float(np.mean(values)) for values in by_patient.values()]


def _gap(inside: Sequence[float], rest: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Difference of two groups' means over patients, with Welch's 95 % CI."""
    if not inside or not rest:
        return None, None, None
    gap = float(np.mean(inside) - np.mean(rest))
    if len(inside) < 2 or len(rest) < 2 or (np.ptp(inside) == 0 and np.ptp(rest) == 0):
        return gap, None, None
    bounds = stats.ttest_ind(inside, rest, equal_var=False).confidence_interval(0.95)
    return gap, float(bounds.low), float(bounds.high)


def _groups(values: Mapping[str, str]) -> dict[str, str] | None:
    """Each key's group: its value, or the quartile of a number; None for many values that are not numbers."""
    given = {name: value for name, value in values.items() if value}
    numbers = {name: _number(value) for name, value in given.items()}
    if len(set(given.values())) <= _MOST:
        return {name: value or "unknown" for name, value in values.items()}
    if None in numbers.values():
        return None
    known = {name: number for name, number in numbers.items() if number is not None}
    edges = np.quantile(list(known.values()), np.linspace(0, 1, _BANDS + 1))
    bands = {}
    for name, number in known.items():
        band = min(int(np.searchsorted(edges[1:-1], number, "right")), _BANDS - 1)
        bands[name] = f"{edges[band]:.4g} to {edges[band + 1]:.4g}"
    return {name: bands.get(name, "unknown") for name in values}


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _order(group: str) -> tuple[bool, float, str]:
    number = _number(group.split(" to ")[0])
    return group == "unknown", float("inf") if number is None else number, group
