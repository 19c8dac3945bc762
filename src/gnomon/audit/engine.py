"""Checks over tables -> rows of findings, the same bytes for any order of the rows and any number of threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from gnomon.audit.check import Check, Limits
from gnomon.audit.tables import (
    DERIVED,
    KERNEL_INPUTS,
    MAXIMUM,
    PHASE_INPUTS,
    SHOWN_SLICES,
    add_derived_columns,
    volume_table,
)
from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope
from gnomon.settings.policy import Policy

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
"""Columns of a finding: `names` are at most twenty SOPInstanceUIDs (with `#frame`), `slices` is their number."""


@dataclass(frozen=True)
class CheckResults:
    """Results of checks over tables.

    Attributes:
        findings: one row per finding (`FINDINGS`), worst first.
        volumes: one row per volume, with every column that a check looked at.
    """

    findings: pl.DataFrame
    volumes: pl.DataFrame


def run_checks(
    slices: pl.LazyFrame,
    checks: Sequence[Check],
    policy: Policy,
    *,
    volume_tables: Iterable[pl.DataFrame] = (),
    reader_findings: pl.DataFrame | None = None,
    always: Iterable[str] = (),
) -> CheckResults:
    """Run every check whose rule the policy leaves on.

    Args:
        slices: one row per slice (`tables.slice_table`); may be a scan of files.
        checks: which checks.
        policy: severities, decisions and tolerances.
        volume_tables: tables with one row per volume, by volume_id: the stack, measures, labels and splits.
        reader_findings: findings made while the files were read, as rows of `FINDINGS`.
        always: columns of the volumes that are kept whether a check looks at them or not.
    """
    on = [check for check in checks if policy.severity_of(check.rule) is not None]
    by_slice = [check for check in on if check.rule.scope is Scope.INSTANCE and check.when is not None]
    by_volume = [check for check in on if check.rule.scope is not Scope.INSTANCE]
    parts = _check_slices(slices, by_slice, policy)
    wanted = {
        *_slice_columns(by_volume, policy),
        *always,
        *KERNEL_INPUTS,
        *PHASE_INPUTS,
        "patient",
        "study_uid",
        "series_uid",
        "modality",
    }
    volumes = volume_table(slices, wanted).collect(engine="streaming")
    for table in volume_tables:
        volumes = volumes.join(table, on="volume_id", how="left")
    volumes = add_derived_columns(volumes)
    parts += [found for check in by_volume if (found := _check_volumes(volumes, check, policy)) is not None]
    rows = [part for part in (*parts, reader_findings) if part is not None and len(part)]
    findings = pl.concat(rows) if rows else pl.DataFrame(schema=FINDINGS)
    return CheckResults(_sort_findings(findings), volumes)


def columns_of(check: Check, limits: Limits) -> set[str]:
    """Columns that a check looks at."""
    names = set(check.columns)
    if check.when is not None:
        names |= set(check.when(limits).meta.root_names())
        names |= set(check.observed.meta.root_names()) if check.observed is not None else set()
    return names


def _limits(rule: Rule, policy: Policy) -> Limits:
    return Limits(policy, policy.tolerance_of(rule))


def _slice_columns(checks: Iterable[Check], policy: Policy) -> set[str]:
    """Columns of the slices that checks over volumes look at."""
    names = {name for check in checks for name in columns_of(check, _limits(check.rule, policy))}
    return {name.removesuffix(MAXIMUM) for name in names} - set(DERIVED)


def _check_slices(slices: pl.LazyFrame, checks: Sequence[Check], policy: Policy) -> list[pl.DataFrame | None]:
    """Findings about slices, grouped by volume: one pass over the table for all checks."""
    queries = []
    for check in checks:
        assert check.when is not None
        broken = slices.filter(check.when(_limits(check.rule, policy)).fill_null(False))
        queries.append(
            broken.select("volume_id", "name", _evidence(check))
            .group_by("volume_id")
            .agg(
                pl.len().alias("slices"),
                pl.col("observed").min(),
                pl.col("name").unique().sort().head(SHOWN_SLICES).alias("names"),
            )
        )
    tables = pl.collect_all(queries, engine="streaming")
    return [_finding_rows(check.rule, policy, table) for check, table in zip(checks, tables)]


def _check_volumes(volumes: pl.DataFrame, check: Check, policy: Policy) -> pl.DataFrame | None:
    limits = _limits(check.rule, policy)
    if check.search is not None:
        return _finding_rows(check.rule, policy, check.search(volumes, limits))
    assert check.when is not None
    if check.rule.needs is not Needs.HEADER and not columns_of(check, limits) <= set(volumes.columns):
        return None  # what was not measured is not checked
    found = volumes.filter(check.when(limits).fill_null(False)).select("volume_id", _evidence(check))
    return _finding_rows(check.rule, policy, found)


def _evidence(check: Check) -> pl.Expr:
    text = check.observed if check.observed is not None else pl.lit(check.rule.title)
    return text.cast(pl.String).fill_null("").alias("observed")


def _finding_rows(rule: Rule, policy: Policy, found: pl.DataFrame) -> pl.DataFrame | None:
    """Rows of `FINDINGS` from the rows that broke a rule."""
    severity = policy.severity_of(rule)
    if severity is None or not len(found):
        return None
    has = set(found.columns)
    volume = pl.col("volume_id") if "volume_id" in has else pl.lit("")
    tolerance = policy.tolerance_of(rule)
    return found.select(
        rule=pl.lit(rule.id),
        version=pl.lit(rule.version, pl.Int64),
        severity=pl.lit(str(severity)),
        decision=pl.lit(str(policy.decision_of(rule, severity))),
        scope=pl.lit(str(rule.scope)),
        volume_id=volume,
        subject=pl.col("subject") if "subject" in has else pl.format("volume {}", volume),
        observed=pl.col("observed"),
        expected=pl.lit(rule.expectation(tolerance)),
        tolerance=pl.lit(tolerance),
        unit=pl.lit(rule.unit),
        slices=pl.col("slices").cast(pl.Int64) if "slices" in has else pl.lit(0, pl.Int64),
        names=pl.col("names") if "names" in has else pl.lit([], pl.List(pl.String)),
        standard=pl.lit(rule.standard),
        remedy=pl.lit(rule.remedy),
    )


_WEIGHT = {str(Severity.ERROR): 0, str(Severity.WARNING): 1, str(Severity.INFO): 2}


def _sort_findings(findings: pl.DataFrame) -> pl.DataFrame:
    """Worst first, then by rule, subject and text."""
    weight = pl.col("severity").replace_strict(_WEIGHT, return_dtype=pl.Int64)
    return findings.sort(weight, "rule", "subject", "volume_id", "observed")
