"""Rules over tables -> rows of findings, the same bytes for any order of the rows and any number of threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from gnomon.audit.policy import Policy
from gnomon.audit.rule import Asked, Needs, Rule, Scope
from gnomon.audit.tables import (
    DERIVED,
    GREATEST,
    KERNEL_INPUTS,
    PHASE_INPUTS,
    SHOWN_SLICES,
    volume_table,
    with_derived,
)
from gnomon.rules.finding import Severity

FINDINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "rule": pl.String,
    "version": pl.Int64,
    "severity": pl.String,
    "decision": pl.String,
    "scope": pl.String,
    "volume_id": pl.String,
    "subject": pl.String,
    "observed": pl.String,
    "expected": pl.String,
    "tolerance": pl.Float64,
    "unit": pl.String,
    "slices": pl.Int64,
    "names": pl.List(pl.String),
    "standard": pl.String,
    "remedy": pl.String,
}
"""Columns of a finding: `names` are at most twenty SOPInstanceUIDs (with `#frame`), `slices` how many there are."""


@dataclass(frozen=True)
class Judged:
    """What rules made of tables.

    Attributes:
        findings: one row a finding (`FINDINGS`), worst first.
        volumes: one row a volume, with every column that a rule looked at.
    """

    findings: pl.DataFrame
    volumes: pl.DataFrame


def judged(
    slices: pl.LazyFrame,
    rules: Sequence[Rule],
    policy: Policy,
    *,
    beside: Iterable[pl.DataFrame] = (),
    told: pl.DataFrame | None = None,
    always: Iterable[str] = (),
) -> Judged:
    """Judge every rule that the policy leaves on.

    Args:
        slices: one row a slice (`tables.slice_table`); may be a scan of files.
        rules: which rules.
        policy: severities, decisions and tolerances.
        beside: tables with a row a volume, by volume_id: the stack, what was measured, labels and splits.
        told: findings that reading the files made, as rows of `FINDINGS`.
        always: columns that the volumes shall have, whether a rule looks at them or not.
    """
    on = [rule for rule in rules if policy.severity_of(rule) is not None and not rule.told_by_reading]
    parts = _by_slice(slices, [rule for rule in on if rule.scope is Scope.INSTANCE and rule.when], policy)
    wide = [rule for rule in on if rule.scope is not Scope.INSTANCE]
    wanted = {
        *_columns_of(wide, policy),
        *always,
        *KERNEL_INPUTS,
        *PHASE_INPUTS,
        "patient",
        "study_uid",
        "series_uid",
        "modality",
    }
    volumes = volume_table(slices, wanted).collect(engine="streaming")
    for table in beside:
        volumes = volumes.join(table, on="volume_id", how="left")
    volumes = with_derived(volumes)
    parts += [one for rule in wide if (one := _by_volume(volumes, rule, policy)) is not None]
    rows = [part for part in (*parts, told) if part is not None and len(part)]
    findings = pl.concat(rows) if rows else pl.DataFrame(schema=FINDINGS)
    return Judged(_in_order(findings), volumes)


def _columns_of(rules: Iterable[Rule], policy: Policy) -> set[str]:
    """Columns of the slices that rules over volumes look at."""
    names: set[str] = set()
    for rule in rules:
        if rule.when is not None:
            asked = Asked(policy, policy.tolerance_of(rule))
            names |= set(rule.when(asked).meta.root_names())
            names |= set(rule.observed.meta.root_names()) if rule.observed is not None else set()
        names |= set(rule.columns)
    return {name.removesuffix(GREATEST) for name in names} - set(DERIVED)


def _by_slice(slices: pl.LazyFrame, rules: Sequence[Rule], policy: Policy) -> list[pl.DataFrame | None]:
    """Findings about slices, gathered by volume: one pass over the table for all rules."""
    queries = []
    for rule in rules:
        assert rule.when is not None
        broken = slices.filter(rule.when(Asked(policy, policy.tolerance_of(rule))).fill_null(False))
        queries.append(
            broken.select("volume_id", "name", _text(rule))
            .group_by("volume_id")
            .agg(
                pl.len().alias("slices"),
                pl.col("observed").min(),
                pl.col("name").unique().sort().head(SHOWN_SLICES).alias("names"),
            )
        )
    tables = pl.collect_all(queries, engine="streaming")
    return [_said(rule, policy, table) for rule, table in zip(rules, tables)]


def _by_volume(volumes: pl.DataFrame, rule: Rule, policy: Policy) -> pl.DataFrame | None:
    asked = Asked(policy, policy.tolerance_of(rule))
    if rule.search is not None:
        found = rule.search(volumes, asked)
    else:
        assert rule.when is not None
        needed = {
            *rule.when(asked).meta.root_names(),
            *(rule.observed.meta.root_names() if rule.observed is not None else ()),
        }
        if rule.needs is not Needs.HEADER and not needed <= set(volumes.columns):
            return None  # what was not measured is not judged
        found = volumes.filter(rule.when(asked).fill_null(False)).select("volume_id", _text(rule))
    return _said(rule, policy, found) if len(found) else None


def _text(rule: Rule) -> pl.Expr:
    told = rule.observed if rule.observed is not None else pl.lit(rule.title)
    return told.cast(pl.String).fill_null("").alias("observed")


def _said(rule: Rule, policy: Policy, found: pl.DataFrame) -> pl.DataFrame | None:
    """Rows of `FINDINGS` from the rows that broke a rule."""
    severity = policy.severity_of(rule)
    if severity is None or not len(found):
        return None
    has = set(found.columns)
    volume = pl.col("volume_id") if "volume_id" in has else pl.lit("")
    return found.select(
        rule=pl.lit(rule.id),
        version=pl.lit(rule.version, pl.Int64),
        severity=pl.lit(str(severity)),
        decision=pl.lit(str(policy.decision_of(rule, severity))),
        scope=pl.lit(str(rule.scope)),
        volume_id=volume,
        subject=pl.col("subject") if "subject" in has else pl.format("volume {}", volume),
        observed=pl.col("observed"),
        expected=pl.lit(rule.expected),
        tolerance=pl.lit(policy.tolerance_of(rule)),
        unit=pl.lit(rule.unit),
        slices=pl.col("slices").cast(pl.Int64) if "slices" in has else pl.lit(0, pl.Int64),
        names=pl.col("names") if "names" in has else pl.lit([], pl.List(pl.String)),
        standard=pl.lit(rule.standard),
        remedy=pl.lit(rule.remedy),
    )


_WEIGHT = {str(Severity.ERROR): 0, str(Severity.WARNING): 1, str(Severity.INFO): 2}


def _in_order(findings: pl.DataFrame) -> pl.DataFrame:
    """Worst first, then by rule, subject and text."""
    weight = pl.col("severity").replace_strict(_WEIGHT, return_dtype=pl.Int64)
    return findings.sort(weight, "rule", "subject", "volume_id", "observed")
