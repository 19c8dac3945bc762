"""The one Rule type: a rule is a value that says what it looks at, when it fires, and what that means.

A rule is data over columns. `when` and `observed` are polars expressions on a table with one row a slice
(`Scope.INSTANCE`), a volume (`VOLUME`, and `STUDY` or `COHORT` where the expression looks over several rows), so ten
million slices are judged as fast as ten, and in no order. A rule without `when` is one that reading the files
already told (`gnomon.dicom`); it is here for its meaning. A rule that no expression can say has `search`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from gnomon.rules.finding import Severity

if TYPE_CHECKING:
    from gnomon.audit.policy import Policy


class Scope(StrEnum):
    """What a finding of the rule is about."""

    INSTANCE = "instance"
    VOLUME = "volume"
    STUDY = "study"
    COHORT = "cohort"


class Needs(StrEnum):
    """What must be read for the rule to be judged."""

    HEADER = "header"
    PIXELS = "pixels"
    LABELS = "labels"


class Decision(StrEnum):
    """What becomes of a volume."""

    ACCEPT = "accept"
    REPAIR = "repair"
    REJECT = "reject"


@dataclass(frozen=True)
class Asked:
    """What the policy asks of one rule: its tolerance, and the rest of the policy."""

    policy: Policy
    tolerance: float


Condition = Callable[[Asked], pl.Expr]
Search = Callable[[pl.DataFrame, Asked], pl.DataFrame]
"""Volumes (with labels and splits where given) -> rows of `subject`, `observed` and, where known, `volume_id`."""


@dataclass(frozen=True)
class Rule:
    """One way in which data can be wrong.

    Attributes:
        id: never reused.
        title: what was found, in a few words.
        scope: what a finding is about.
        pitfall: P01 to P28; 1.2 for what is not among them.
        standard: section of DICOM (PS3.x) or the source of the rule.
        why: how it harms a model.
        remedy: what to do.
        expected: what should be there.
        when: whether a row breaks the rule; a missing value counts as no.
        observed: what to show of it, as text.
        search: in place of `when`, for what no expression can say.
        columns: of the slices, which a search looks at.
        tolerance: of the comparison, in `unit`; the policy may set another.
        needs: header, pixels or labels.
        severity: error, warning or info, unless the policy says otherwise.
        decision: of the volume; by severity where None.
        version: rises when what the rule finds changes.
    """

    id: str
    title: str
    scope: Scope
    pitfall: str
    standard: str
    why: str
    remedy: str
    expected: str
    when: Condition | None = None
    observed: pl.Expr | None = None
    search: Search | None = None
    columns: tuple[str, ...] = ()
    tolerance: float = 0.0
    unit: str = ""
    needs: Needs = Needs.HEADER
    severity: Severity = Severity.WARNING
    decision: Decision | None = None
    version: int = 1

    @property
    def told_by_reading(self) -> bool:
        """Whether reading the files finds it."""
        return self.when is None and self.search is None

    def decides(self, severity: Severity) -> Decision:
        """What becomes of a volume with a finding of this severity."""
        if severity is Severity.ERROR:
            return Decision.REJECT
        return self.decision if self.decision is Decision.REPAIR else Decision.ACCEPT


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of every family, by id: whatever is a `Rule` in a module of `rules/`."""
    package = importlib.import_module("gnomon.audit.rules")
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Rule) and found.setdefault(value.id, value) is not value:
                raise ValueError(f"{value.id} stands for two rules; the second is {module.name}.{name}")
    return tuple(found[key] for key in sorted(found))
