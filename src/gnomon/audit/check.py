"""How the audit finds that a rule is broken.

A check is data over columns. `when` and `observed` are polars expressions on a table with one row per slice
(`Scope.INSTANCE`) or per volume (`VOLUME`, and `STUDY` or `COHORT` where the expression spans several rows), so
ten million slices are checked as fast as ten, in any order. A check that no expression can state has `search`. A rule
without a check is one that reading the files finds (`gnomon.dicom`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from gnomon.rules.rule import Rule
from gnomon.settings.policy import Policy


@dataclass(frozen=True)
class Limits:
    """What a policy requires of one rule.

    Attributes:
        policy: the whole policy, for its lists of accepted kernels, phases and modalities.
        tolerance: tolerance of this rule, in the rule's unit.
    """

    policy: Policy
    tolerance: float


Condition = Callable[[Limits], pl.Expr]
"""Whether a row breaks the rule; a missing value counts as no."""
Search = Callable[[pl.DataFrame, Limits], pl.DataFrame]
"""Volumes (with labels and splits where given) -> rows of `subject`, `observed` and, where known, `volume_id`."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule and the condition on the tables of an export that breaks it; either `when` or `search`.

    Attributes:
        rule: the rule.
        when: whether a row breaks the rule.
        observed: the evidence of a row, as text; the title of the rule where None.
        search: in place of `when`, for what no expression can state.
        columns: columns of the slices that `search` needs.
    """

    rule: Rule
    when: Condition | None = None
    observed: pl.Expr | None = None
    search: Search | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.when is None) == (self.search is None):
            raise ValueError(f"{self.rule.id}: a check has either `when` or `search`")
