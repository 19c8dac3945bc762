"""How a model does in each group of cases: by vendor, slice thickness, sex, age, site, whatever a table tells."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from gnomon.evaluation.summary import Rows, counted, mean_of
from gnomon.rules.finding import Finding, Severity, refuse

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
"""Patients below which a group is marked: its interval says little."""

_KEYS = {"case": "case", "volume_id": "case", "patient": "patient"}
_BANDS = 4  # of a column of many numbers
_MOST = 8  # different values that are groups of their own
_MEASURES = ("dice", "nsd")


def read_table(path: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """A CSV table: its key, `case`, `volume_id` or `patient`, and each row's other columns by that key.

    `volume_id` is the case of what was converted, so volumes.csv is such a table.

    Raises:
        Refusal: EVL120, unreadable, without such a column, or with a key twice.
    """
    expected = "a CSV table with a column case, volume_id or patient, each value once, and columns to group by"
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refuse(
            rule="EVL120",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected=expected,
            remedy="Correct the file.",
        ) from None
    key = next((name for name in _KEYS if rows and name in rows[0]), None)
    if key is None or len(rows[0]) < 2 or None in rows[0]:
        raise refuse(
            rule="EVL120",
            where=str(path),
            found=f"columns {list(rows[0]) if rows else []}",
            expected=expected,
            remedy="Correct the file.",
        )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name = row.pop(key)
        if name in found:
            raise refuse(
                rule="EVL120",
                where=str(path),
                found=f"{key} {name!r} twice",
                expected=expected,
                remedy="Remove one of them.",
            )
        found[name] = {column: (value or "").strip() for column, value in row.items()}
    return _KEYS[key], found


def by_group(
    rows: Rows, table: tuple[str, Mapping[str, Mapping[str, str]]], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """A row a column, group, label and measure: the mean with its interval, and its difference to all other cases.

    A column of many numbers is cut at its quartiles; one of many other values groups nothing (`ungrouped`). Cases
    that the table does not name are the group `unknown`.
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
                found += [_row(column, group, label, measure, inside, rest) for measure in _MEASURES if counted(inside)]
    return found


def ungrouped(table: tuple[str, Mapping[str, Mapping[str, str]]]) -> list[Finding]:
    """The columns that hold too many different values to group by."""
    return [
        Finding(
            rule="EVL121",
            where=f"subgroups, column {column}",
            found=f"{len(set(values.values()))} different values",
            expected=f"numbers, or at most {_MOST} values",
            remedy="Nothing, or put them in groups in the table.",
            severity=Severity.INFO,
        )
        for column, values in _columns(table[1]).items()
        if _groups(values) is None
    ]


def _columns(values: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Each column's values by key."""
    names = dict.fromkeys(name for row in values.values() for name in row)
    return {column: {name: row.get(column, "") for name, row in values.items()} for column in names}


def _row(column: str, group: str, label: str, measure: str, inside: Rows, rest: Rows) -> dict[str, Any]:
    mean = mean_of(inside, measure)
    assert mean is not None
    gap = _gap(_patients(inside, measure), _patients(rest, measure))
    return {
        "column": column,
        "group": group,
        "label": label,
        "measure": measure,
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


def _patients(rows: Rows, measure: str) -> list[float]:
    """Each patient's mean."""
    by_patient: dict[str, list[float]] = {}
    for row in counted(rows):
        by_patient.setdefault(row["patient"], []).append(row[measure])
    return [float(np.mean(values)) for values in by_patient.values()]


def _gap(inside: Sequence[float], rest: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Difference of two groups' means over patients, with Welch's 95 % interval."""
    if not inside or not rest:
        return None, None, None
    gap = float(np.mean(inside) - np.mean(rest))
    if len(inside) < 2 or len(rest) < 2 or (np.ptp(inside) == 0 and np.ptp(rest) == 0):
        return gap, None, None
    bounds = stats.ttest_ind(inside, rest, equal_var=False).confidence_interval(0.95)
    return gap, float(bounds.low), float(bounds.high)


def _groups(values: Mapping[str, str]) -> dict[str, str] | None:
    """Each key's group: its value, or the band that a number lies in; None for many values that are no numbers."""
    there = {name: value for name, value in values.items() if value}
    different = sorted(set(there.values()))
    numbers = {name: _number(value) for name, value in there.items()}
    if len(different) <= _MOST:
        return {name: value or "unknown" for name, value in values.items()}
    if None in numbers.values():
        return None
    known = {name: number for name, number in numbers.items() if number is not None}
    edges = np.quantile(list(known.values()), np.linspace(0, 1, _BANDS + 1))
    bands = {}
    for name, number in known.items():
        place = min(int(np.searchsorted(edges[1:-1], number, "right")), _BANDS - 1)
        bands[name] = f"{edges[place]:.4g} to {edges[place + 1]:.4g}"
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
