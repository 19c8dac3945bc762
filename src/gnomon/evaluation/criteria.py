"""Acceptance criteria, declared in a file before the evaluation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gnomon.evaluation.measures import all_measures
from gnomon.rules.catalogue.evaluation import INVALID_CRITERIA

_COUNTS = ("missed", "spurious", "missing", "refused", "n", "n_patients")
_BOUNDS = ("mean", "lower", "upper")
_KEYS = {"label", "measure", "of", "at_least", "at_most"}


@dataclass(frozen=True)
class Criterion:
    """One acceptance criterion.

    Attributes:
        label: the structure; None: every structure.
        measure: name of a measure, or a count of cases such as `missed`.
        of: the `mean`, or the `lower` or `upper` end of its 95 % CI.
        at_least, at_most: bounds; one of them or both.
    """

    label: str | None
    measure: str
    of: str = "mean"
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        """Wording for reports."""
        of = "" if self.measure in _COUNTS or self.of == "mean" else f" ({self.of} end of the 95 % CI)"
        limits = [
            f"at least {self.at_least:g}" if self.at_least is not None else "",
            f"at most {self.at_most:g}" if self.at_most is not None else "",
        ]
        return f"{self.label or 'every label'}: {self.measure}{of} {' and '.join(limit for limit in limits if limit)}"


def read_criteria(file: str | None, measures: Collection[str] | None = None) -> tuple[Criterion, ...]:
    """Read a YAML list of {label, measure, of, at_least, at_most}; no criteria without a file.

    Args:
        measures: names of the measures; None: all there are.

    Raises:
        Refusal: EVL110, the file cannot be read, or a criterion names no measure or bound.
    """
    if file is None:
        return ()
    names = [one.name for one in all_measures()] if measures is None else [*measures]
    path = Path(file).expanduser()
    try:
        listed = yaml.safe_load(path.read_text())
        if not isinstance(listed, list) or not listed:
            raise ValueError("no list of criteria")
        return tuple(_criterion(one, (*names, *_COUNTS)) for one in listed)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise INVALID_CRITERIA.refusal(str(path), found=reason) from None


def check_labels(criteria: Sequence[Criterion], names: Collection[str]) -> None:
    """Refuse (EVL110) criteria for structures that are not evaluated."""
    for criterion in criteria:
        if criterion.label is not None and criterion.label not in names:
            raise INVALID_CRITERIA.refusal(
                str(criterion), found=f"unknown label {criterion.label!r}", expected=f"one of {', '.join(names)}"
            )


def judge_criteria(criteria: Sequence[Criterion], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per criterion and structure: the criterion, the value found, whether it is met.

    What could not be measured is not met.
    """
    rows = []
    for criterion in criteria:
        for label in summary["labels"] if criterion.label is None else [criterion.label]:
            value = _value(criterion, summary["labels"][label])
            passed = (
                value is not None
                and (criterion.at_least is None or value >= criterion.at_least)
                and (criterion.at_most is None or value <= criterion.at_most)
            )
            rows.append({"label": label, "criterion": str(criterion), "found": value, "passed": passed})
    return rows


def _criterion(values: Any, measures: Collection[str]) -> Criterion:
    if not isinstance(values, dict) or (unknown := values.keys() - _KEYS):
        raise ValueError(f"unknown keys {sorted(unknown)}" if isinstance(values, dict) else f"{values!r}, no mapping")
    criterion = Criterion(
        label=None if values.get("label") is None else str(values["label"]),
        measure=str(values.get("measure")),
        of=str(values.get("of", "mean")),
        at_least=None if values.get("at_least") is None else float(values["at_least"]),
        at_most=None if values.get("at_most") is None else float(values["at_most"]),
    )
    if criterion.measure not in measures:
        raise ValueError(f"measure {criterion.measure!r}, none of {', '.join(measures)}")
    if criterion.of not in _BOUNDS:
        raise ValueError(f"of {criterion.of!r}, none of {', '.join(_BOUNDS)}")
    if criterion.at_least is None and criterion.at_most is None:
        raise ValueError(f"{criterion.measure} without at_least or at_most")
    return criterion


def _value(criterion: Criterion, found: Mapping[str, Any]) -> float | None:
    if criterion.measure in _COUNTS:
        return int(found[criterion.measure])
    if criterion.of == "mean":
        return None if found[criterion.measure] is None else float(found[criterion.measure])
    interval = found["intervals"][criterion.measure]
    return None if interval is None else float(interval[0 if criterion.of == "lower" else 1])
