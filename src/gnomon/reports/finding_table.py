"""Findings as a table of a report."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gnomon.reports.page import Table
from gnomon.rules.finding import Finding

_TITLES = {"where": "where", "found": "found", "expected": "expected", "remedy": "what to do"}


def finding_table(
    findings: Iterable[Finding],
    columns: Sequence[str] = ("where", "found", "expected", "remedy"),
    known: Collection[str] = (),
) -> Table:
    """One row per finding.

    Args:
        columns: which of `where`, `found`, `expected` and `remedy` follow the rule.
        known: rules that the user declared as known; they are marked.
    """
    rows = [
        [finding.rule + (" (known)" if finding.rule in known else ""), *(getattr(finding, name) for name in columns)]
        for finding in findings
    ]
    return Table(["rule", *(_TITLES[name] for name in columns)], rows)
