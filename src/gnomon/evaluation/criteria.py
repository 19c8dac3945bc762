"""What a model must reach to be accepted, declared in a file before it is judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gnomon.evaluation.metrics import MEASURES
from gnomon.rules.finding import refuse

_COUNTS = ("missed", "spurious", "missing", "refused", "n", "n_patients")
_BOUNDS = ("mean", "lower", "upper")
_KEYS = {"label", "measure", "of", "at_least", "at_most"}


@dataclass(frozen=True)
class Criterion:
    """One demand.

    Attributes:
        label: whose; None demands it of every label.
        measure: one that is averaged, or a count of cases, as `missed`.
        of: the `mean`, or the `lower` or `upper` end of its 95 % interval.
        at_least, at_most: what it may be; one of them, or both.
    """

    label: str | None
    measure: str
    of: str = "mean"
    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        """In words."""
        of = "" if self.measure in _COUNTS or self.of == "mean" else f" ({self.of} end of the 95 % interval)"
        limits = [
            f"at least {self.at_least:g}" if self.at_least is not None else "",
            f"at most {self.at_most:g}" if self.at_most is not None else "",
        ]
        return f"{self.label or 'every label'}: {self.measure}{of} {' and '.join(limit for limit in limits if limit)}"


def read_criteria(file: str | None) -> tuple[Criterion, ...]:
    """The criteria of a YAML file: a list of {label, measure, of, at_least, at_most}; without a file none.

    Raises:
        Refusal: EVL110, the file cannot be read, or a criterion demands nothing that is measured.
    """
    if file is None:
        return ()
    path = Path(file).expanduser()
    try:
        listed = yaml.safe_load(path.read_text())
        if not isinstance(listed, list) or not listed:
            raise ValueError("no list of criteria")
        return tuple(_criterion(one) for one in listed)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise refuse(
            rule="EVL110",
            where=str(path),
            found=told,
            expected="a list of {label: liver, measure: dice, of: lower, at_least: 0.9}",
            remedy="Correct the file.",
        ) from None


def check_labels(criteria: Sequence[Criterion], names: Collection[str]) -> None:
    """Refuse (EVL110) criteria of labels that are not scored."""
    for criterion in criteria:
        if criterion.label is not None and criterion.label not in names:
            raise refuse(
                rule="EVL110",
                where=str(criterion),
                found=f"no label {criterion.label!r}",
                expected=f"one of {', '.join(names)}",
                remedy="Correct the criteria.",
            )


def judged_by(criteria: Sequence[Criterion], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a criterion and label: what was demanded, what was found, whether it passes.

    What could not be measured does not pass.
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


def _criterion(values: Any) -> Criterion:
    if not isinstance(values, dict) or (unknown := values.keys() - _KEYS):
        raise ValueError(f"unknown keys {sorted(unknown)}" if isinstance(values, dict) else f"{values!r}, no mapping")
    made = Criterion(
        label=None if values.get("label") is None else str(values["label"]),
        measure=str(values.get("measure")),
        of=str(values.get("of", "mean")),
        at_least=None if values.get("at_least") is None else float(values["at_least"]),
        at_most=None if values.get("at_most") is None else float(values["at_most"]),
    )
    if made.measure not in (*MEASURES, *_COUNTS):
        raise ValueError(f"measure {made.measure!r}, none of {', '.join((*MEASURES, *_COUNTS))}")
    if made.of not in _BOUNDS:
        raise ValueError(f"of {made.of!r}, none of {', '.join(_BOUNDS)}")
    if made.at_least is None and made.at_most is None:
        raise ValueError(f"{made.measure} without at_least or at_most")
    return made


def _value(criterion: Criterion, found: Mapping[str, Any]) -> float | None:
    if criterion.measure in _COUNTS:
        return int(found[criterion.measure])
    if criterion.of == "mean":
        return None if found[criterion.measure] is None else float(found[criterion.measure])
    interval = found["intervals"][criterion.measure]
    return None if interval is None else float(interval[0 if criterion.of == "lower" else 1])
