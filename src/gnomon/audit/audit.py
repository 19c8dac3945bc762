"""studies/ -> audit/: whether DICOM data are safe to train on, and if not, exactly why."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.audit.cohort import Cohort, cohort_table, label_of
from gnomon.audit.conditions import AuditRules, audit_rules
from gnomon.audit.engine import FINDINGS, run_checks
from gnomon.audit.sarif import to_sarif
from gnomon.audit.tables import slice_table, stack_table
from gnomon.core.extensions import extension_record
from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_values
from gnomon.dicom import (
    IndexSettings,
    LabelMap,
    PseudonymMap,
    Reading,
    Staging,
    Volume,
    apply_repair_policy,
    group_volumes,
    index_studies,
    leaves_unrepaired,
    read_volumes,
)
from gnomon.io.artifacts import write_json, write_rows, write_table, write_text
from gnomon.io.folders import AuditFolder
from gnomon.io.images import ImageSpool
from gnomon.rules.catalogue.usage import NO_DICOM_FILES, UNKNOWN_SETTING
from gnomon.rules.finding import Finding, Refusal, Severity
from gnomon.rules.rule import Decision
from gnomon.settings import AuditSettings, ConvertSettings
from gnomon.settings.policy import Policy

SCHEMA = "gnomon/audit/1"
_SHOWN_COLUMNS = (
    "volume_id",
    "decision",
    "reasons",
    "patient",
    "modality",
    "vendor",
    "slices",
    "step_mm",
    "row_mm",
    "kernel",
    "kernel_class",
    "phase",
    "split",
    "label",
)
_ALWAYS = (
    "manufacturer",
    "kernel",
    "row_mm",
    "column_mm",
    "slice_thickness_mm",
    "patient_position",
    "series_description",
    "kind",
)


@dataclass(frozen=True)
class AuditResult:
    """Result of an audit.

    Attributes:
        findings: one row per finding, worst first.
        volumes: one row per volume, with decision and reasons.
    """

    findings: pl.DataFrame
    volumes: pl.DataFrame

    def count(self, severity: Severity) -> int:
        """Number of findings of a severity."""
        return int((self.findings["severity"] == str(severity)).sum())


def audit_studies(
    studies: Path,
    output: Path,
    settings: AuditSettings,
    policy: Policy,
    repairs: ConvertSettings,
    cohort: Cohort,
    rules: AuditRules | None = None,
    *,
    staging: Staging | None = None,
    label_spool: ImageSpool | None = None,
    verify: bool = False,
) -> AuditResult:
    """Audit every DICOM file in `studies` and write an audit folder.

    Args:
        studies: a folder, an archive or a DICOMDIR.
        output: the audit folder; unchanged files that it knows are not read again.
        settings: workers and thumbnails, which change no finding.
        policy: what the task requires.
        repairs: the repairs that a conversion would make.
        cohort: labels, splits and label maps, where there are any.
        rules: which rules; None: all of the audit.
        staging: the conversion that will follow, so that no volume is decoded twice; None where none does.
        label_spool: where parsed label maps are kept for a preparation that will follow; None where none does.
        verify: whether headers and pixels of unchanged files are read again.

    Raises:
        Refusal: `studies` does not exist or contains no DICOM file; the table of cases cannot be read; the policy names
            an unknown rule.
    """
    rule_set = audit_rules() if rules is None else rules
    _check_policy(policy, rule_set)
    maps = cohort.maps()
    folder, fresh = AuditFolder(output), not output.exists()
    names = PseudonymMap.open(folder.pseudonyms, settings.pseudonym_key)
    index = index_studies(studies, folder.instances, names, IndexSettings(settings.workers, verify), folder.spool)
    volumes = group_volumes(index, folder.digests, folder.spool, verify=verify)
    if not volumes:
        if fresh:
            shutil.rmtree(output, ignore_errors=True)
        raise NO_DICOM_FILES.refusal(
            str(studies), found=f"{len(index.sources)} file(s), none of them a readable DICOM object"
        )
    names.save()
    slices = slice_table(volumes)
    write_table(folder.slices, slices)
    tables, decoding = [stack_table(volumes)], tuple[Finding, ...]()
    if policy.pixels:
        labels = _label_maps(volumes, maps, cohort.structures, label_spool)
        reading = Reading(folder, settings.workers, settings.thumbnails, labels, staging, verify)
        measures, decoding = read_volumes(volumes, index, reading)
        tables.append(measures)
    cases, unmatched = cohort_table(cohort.cases, maps, volumes, slices, names)
    tables.append(cases)
    found_by_reader = [
        *index.findings,
        *_volume_findings(volumes, repairs),
        *apply_repair_policy(decoding, repairs, repairable=False),
    ]
    found = run_checks(
        slices.lazy(),
        rule_set.checks,
        policy,
        volume_tables=tables,
        reader_findings=_reader_rows([*rule_set.problems, *found_by_reader, *unmatched], rule_set, policy, repairs),
        always=_ALWAYS,
    )
    result = AuditResult(found.findings, _decide(found.volumes, found.findings))
    _write(folder, result, policy, repairs, rule_set)
    shutil.rmtree(folder.spool, ignore_errors=True)
    return result


def _check_policy(policy: Policy, rules: AuditRules) -> None:
    """Refuse (USE108) a policy that names unknown rules."""
    unknown = policy.unknown_rules(list(rules.rules.values()))
    if unknown:
        raise Refusal(
            *(
                UNKNOWN_SETTING.at(
                    f"audit.{name}",
                    found="an unknown rule",
                    expected="the slug or the id of a rule",
                    remedy=f"Did you mean {' or '.join(similar)}?" if similar else "See docs/findings.md.",
                )
                for name, similar in unknown.items()
            )
        )


def _volume_findings(volumes: Iterable[Volume], repairs: ConvertSettings) -> Iterator[Finding]:
    """Findings of the reader, with the severity that remains after the repairs."""
    for volume in volumes:
        repairable = volume.stack is not None and volume.stack.interpolable
        yield from apply_repair_policy(volume.findings, repairs, repairable=repairable)


def _reader_rows(
    findings: Iterable[Finding], rules: AuditRules, policy: Policy, repairs: ConvertSettings
) -> pl.DataFrame:
    """Findings of the reader as rows, without those of rules that have a check."""
    rows: list[dict[str, Any]] = []
    for finding in findings:
        if finding.rule not in rules.found_by_reading:
            continue
        rule = rules.rules[finding.rule]
        severity = policy.severity_of(rule, finding.severity)
        if severity is None:
            continue
        decision = policy.decision_of(rule, severity)
        if decision is Decision.REPAIR and leaves_unrepaired(rule.id, repairs):
            decision = Decision.ACCEPT
        volume_id = finding.where.removeprefix("volume ") if finding.where.startswith("volume ") else ""
        rows.append(
            {
                "rule": rule.id,
                "version": rule.version,
                "severity": str(severity),
                "decision": str(decision),
                "scope": str(rule.scope),
                "volume_id": volume_id,
                "subject": finding.where,
                "observed": finding.found,
                "expected": finding.expected,
                "tolerance": rule.tolerance,
                "unit": rule.unit,
                "slices": 0,
                "names": [],
                "standard": rule.standard,
                "remedy": finding.remedy,
            }
        )
    return pl.DataFrame(rows, schema=FINDINGS).unique(maintain_order=True)


def _label_maps(
    volumes: Iterable[Volume], maps: Mapping[str, Path], scheme: LabelScheme | None, spool: ImageSpool | None
) -> dict[str, LabelMap]:
    """The label map of each volume that has one, if the meaning of its values is known."""
    if scheme is None:
        return {}
    found = ((volume.volume_id, label_of(volume, maps)) for volume in volumes)
    return {volume_id: LabelMap(path, scheme, spool) for volume_id, path in found if path is not None}


_WEIGHT = {str(Decision.ACCEPT): 0, str(Decision.REPAIR): 1, str(Decision.REJECT): 2}


def _decide(volumes: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Volumes with the most severe decision of their findings, and the rules that led to it."""
    weighed = findings.filter(pl.col("volume_id") != "").with_columns(
        weight=pl.col("decision").replace_strict(_WEIGHT, return_dtype=pl.Int64)
    )
    severe = pl.col("severity") != "info"
    worst = weighed.group_by("volume_id").agg(
        pl.col("weight").max(),
        reasons=pl.col("rule").filter(severe).unique().sort().str.join(" "),
        errors=(pl.col("severity") == "error").sum().cast(pl.Int64),
        warnings=(pl.col("severity") == "warning").sum().cast(pl.Int64),
    )
    back = {weight: decision for decision, weight in _WEIGHT.items()}
    return (
        volumes.join(worst, on="volume_id", how="left")
        .with_columns(pl.col("weight", "errors", "warnings").fill_null(0), pl.col("reasons").fill_null(""))
        .with_columns(decision=pl.col("weight").replace_strict(back, return_dtype=pl.String))
        .drop("weight")
        .sort("volume_id")
    )


def content_sha256(volumes: pl.DataFrame) -> str:
    """Hash of the audited volumes: their ids, which derive from their slices, and the decisions."""
    rows = volumes.select("volume_id", "decision").sort("volume_id").rows()
    return sha256_of_values([SCHEMA, [list(row) for row in rows]])


def _write(
    folder: AuditFolder, result: AuditResult, policy: Policy, repairs: ConvertSettings, rules: AuditRules
) -> None:
    write_table(folder.findings, result.findings)
    lines = (json.dumps(row, sort_keys=False) + "\n" for row in result.findings.iter_rows(named=True))
    write_text(folder.lines, "".join(lines))
    write_table(folder.volumes, result.volumes)
    write_rows(
        folder.table,
        result.volumes.select(name for name in _SHOWN_COLUMNS if name in result.volumes.columns).to_dicts(),
    )
    write_json(folder.sarif, to_sarif(result.findings, rules.rules))
    counts = {str(severity): result.count(severity) for severity in Severity}
    decisions = dict(sorted(result.volumes.group_by("decision").len().rows()))
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "policy": {key: list(value) if isinstance(value, tuple) else value for key, value in vars(policy).items()},
            "repairs": {key: value for key, value in vars(repairs).items() if key not in ("workers", "pseudonym_key")},
            "rules": {rule.id: rule.version for rule in rules.rules.values()},
            "extensions": extension_record(),
            "findings": counts,
            "decisions": decisions,
            "content_sha256": content_sha256(result.volumes),
            "findings_sha256": hashlib.sha256(folder.lines.read_bytes()).hexdigest(),
        },
    )
