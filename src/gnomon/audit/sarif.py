"""Findings in the Static Analysis Results Interchange Format (OASIS SARIF 2.1.0), for code-scanning services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.rules.rule import Rule

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def to_sarif(findings: pl.DataFrame, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """One run with every rule that fired, and one result per finding; the location is the volume."""
    fired = set(findings["rule"])
    described = [
        {
            "id": rule.id,
            "name": rule.slug,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": " ".join(filter(None, (rule.harm, rule.standard, rule.pitfall)))},
            "help": {"text": rule.remedy},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in rules.values()
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
