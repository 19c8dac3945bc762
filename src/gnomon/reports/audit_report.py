"""Report of an audit: verdict, findings by severity, volumes, cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from gnomon.audit import audit_rules
from gnomon.io.artifacts import read_json, write_text
from gnomon.io.folders import AuditFolder
from gnomon.reports.figures import spacings
from gnomon.reports.page import Folded, Heading, Paragraph, Part, Picture, Table, Thumbnail, Values, html
from gnomon.rules.rule import Rule

_MOST_SUBJECTS = 50
_MOST_THUMBNAILS = 200
_UNINSTALLED = "a rule of a package that is not installed here"
_PLURAL = {"error": "errors", "warning": "warnings", "info": "notes"}


def write_audit_report(output: Path) -> None:
    """Write report.html from the artifacts of an audit."""
    folder = AuditFolder(output)
    facts = read_json(folder.index, "the audit")
    findings, volumes = pl.read_parquet(folder.findings), pl.read_parquet(folder.volumes)
    parts: list[Part] = [
        Heading("Audit", 1),
        Paragraph(_verdict(facts), "lead"),
        Paragraph(_counts(facts), "quiet"),
        Heading("Findings"),
        *_rules(findings),
        Heading("Volumes"),
        _volumes(volumes, folder),
        *_cohort(volumes, findings),
        Heading("Policy and hashes"),
        Values({key: facts[key] for key in ("policy", "repairs", "content_sha256", "findings_sha256")}),
    ]
    write_text(folder.report, html("Gnomon: audit", parts))


def _verdict(facts: dict[str, Any]) -> str:
    decisions, errors = facts["decisions"], facts["findings"]["error"]
    total = sum(decisions.values())
    rejected = decisions.get("reject", 0)
    if not errors:
        return f"Safe to train on, by this policy: none of {total} volume(s) has an error."
    return f"Not safe to train on as it is: {rejected} of {total} volume(s) rejected, {errors} error(s)."


def _counts(facts: dict[str, Any]) -> str:
    decided = ", ".join(f"{count} {decision}" for decision, count in sorted(facts["decisions"].items()))
    found = ", ".join(f"{count} {_PLURAL[severity]}" for severity, count in facts["findings"].items())
    return f"Decisions: {decided}. Findings: {found}. {len(facts['rules'])} rules."


def _rules(findings: pl.DataFrame) -> list[Part]:
    """One row per rule, then the details of each rule."""
    if not len(findings):
        return [Paragraph("None.")]
    meaning = audit_rules().rules
    groups = findings.group_by("severity", "rule", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("decision").first()
    )
    titles = {rule_id: rule.title for rule_id, rule in meaning.items()}
    rows = [
        [row["rule"], row["severity"], titles.get(row["rule"], _UNINSTALLED), row["count"], row["decision"]]
        for row in groups.iter_rows(named=True)
    ]
    parts: list[Part] = [Table(["rule", "severity", "title", "findings", "decision"], rows, filters=("severity",))]
    for rule_id in [name for name in dict.fromkeys(groups["rule"]) if name in meaning]:
        parts.append(_rule(meaning[rule_id], findings.filter(pl.col("rule") == rule_id)))
    return parts


def _rule(rule: Rule, found: pl.DataFrame) -> Folded:
    tolerance = f" (tolerance {rule.tolerance:g} {rule.unit})" if rule.unit else ""
    source = "; ".join(filter(None, (f"pitfall {rule.pitfall}" if rule.pitfall else "", rule.standard)))
    rows = [
        [row["subject"], row["observed"], row["slices"] or None, ", ".join(row["names"][:2])]
        for row in found.head(_MOST_SUBJECTS).iter_rows(named=True)
    ]
    more = (
        [Paragraph(f"and {len(found) - _MOST_SUBJECTS} more, in findings.parquet", "quiet")]
        if len(found) > _MOST_SUBJECTS
        else []
    )
    return Folded(
        f"{rule.id} {rule.slug}: {rule.title} ({len(found)})",
        [
            Paragraph(f"Harm: {rule.harm}"),
            Paragraph(f"What to do: {rule.remedy}"),
            Paragraph(f"Expected: {rule.expectation()}{tolerance}. {source}", "quiet"),
            Table(["where", "found", "slices", "first files"], rows),
            *more,
        ],
    )


def _volumes(volumes: pl.DataFrame, folder: AuditFolder) -> Table:
    """One row per volume, rejected ones first."""
    order = pl.col("decision").replace_strict({"reject": 0, "repair": 1, "accept": 2}, return_dtype=pl.Int64)
    rows = []
    for rank, row in enumerate(volumes.sort(order, "volume_id").iter_rows(named=True)):
        path = folder.thumbnail(row["volume_id"])
        picture = Thumbnail(path.read_bytes(), "three planes") if rank < _MOST_THUMBNAILS and path.is_file() else None
        spacing = [row.get(name) for name in ("row_mm", "column_mm", "step_mm")]
        spacing_text = " x ".join(f"{value:.3g}" for value in spacing if value is not None)
        rows.append(
            [
                picture,
                row["volume_id"],
                row["decision"],
                row["reasons"],
                row.get("modality"),
                row.get("vendor"),
                row.get("kernel_class"),
                row.get("phase"),
                row["slices"],
                spacing_text,
            ]
        )
    columns = [
        "axial, coronal, sagittal",
        "volume",
        "decision",
        "rules",
        "modality",
        "vendor",
        "kernel",
        "phase",
        "slices",
        "spacing (mm)",
    ]
    return Table(columns, rows, filters=("decision", "rules", "modality", "vendor", "kernel"))


def _cohort(volumes: pl.DataFrame, findings: pl.DataFrame) -> list[Part]:
    """Distribution of kernels, vendors, phases and spacings, and features that predict the label."""
    kept = volumes.filter(pl.col("decision") != "reject")
    if len(kept) < 2:
        return []
    parts: list[Part] = [Heading("Cohort (volumes that are not rejected)")]
    grouping = [name for name in ("split", "label") if name in kept.columns]
    for names in (("kernel_class", "vendor"), ("phase",)):
        keys = [*names, *grouping]
        counted = kept.with_columns(pl.col(keys).cast(pl.String).fill_null("–")).group_by(keys).len().sort(keys)  # noqa: RUF001
        parts.append(Table([*keys, "volumes"], [list(row) for row in counted.rows()]))
    spacing = kept.select("step_mm", "row_mm", *([grouping[0]] if grouping else [])).drop_nulls(["step_mm", "row_mm"])
    if len(spacing) > 1:
        groups = ["volumes"] * len(spacing)
        if grouping:
            groups = spacing[grouping[0]].cast(pl.String).fill_null("–").to_list()  # noqa: RUF001
        parts.append(
            Picture(
                spacings(spacing["row_mm"].to_list(), spacing["step_mm"].to_list(), groups),
                "Pixel and slice spacing (mm), one point per volume.",
            )
        )
    leaks = findings.filter(pl.col("rule").is_in(["DCM711", "DCM714", "DCM717", "DCM304", "DCM312", "DCM332"]))
    if len(leaks):
        parts += [
            Heading("Leakage, and features that predict the label or differ between splits", 3),
            Table(["rule", "found"], [list(row) for row in leaks.select("rule", "observed").rows()]),
        ]
    return parts
