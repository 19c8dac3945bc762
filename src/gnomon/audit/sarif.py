"""Findings in the Static Analysis Results Interchange Format (OASIS SARIF 2.1.0), for services that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from gnomon.audit.rule import Rule

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(findings: pl.DataFrame, rules: Sequence[Rule]) -> dict[str, Any]:
    """One run with every rule that fired, and a result a finding; the location is the volume."""
    fired = set(findings["rule"])
    described = [
        {
            "id": rule.id,
            "name": rule.title,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": f"{rule.why} ({rule.standard}, {rule.pitfall})"},
            "help": {"text": rule.remedy},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in rules
        if rule.id in fired
    ]
    results = [
        {
            "ruleId": row["rule"],
            "level": _LEVELS[row["severity"]],
            "message": {
                "text": f"{row['subject']}: found {row['observed']}; expected {row['expected']}. {row['remedy']}"
            },
            "locations": [{"logicalLocations": [{"fullyQualifiedName": row["subject"]}]}],
            "properties": {"decision": row["decision"], "slices": row["slices"], "names": row["names"]},
        }
        for row in findings.iter_rows(named=True)
    ]
    driver = {"name": "gnomon audit", "rules": described}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
