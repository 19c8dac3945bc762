"""Findings: a broken rule with its place, the evidence, the expectation and the remedy.

A `Finding` becomes a row in a table. A `Refusal` is the exception that carries findings to the command, which prints
them without a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severity of a finding: an error stops its case, a warning needs a decision, an info needs none."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place.

    Attributes:
        rule: stable id, never reused (`DCM211`, `PRP101`, ...).
        where: the volume, case, file or setting that it concerns; never a patient's name or number.
        found: what is there, with its value and unit.
        expected: what should be there, with its tolerance.
        remedy: what the user can do about it.
        severity: error, warning or info.
    """

    rule: str
    where: str
    found: str
    expected: str
    remedy: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """One line: rule, place, found, expected, remedy."""
        return f"{self.rule} {self.where}: found {self.found}; expected {self.expected}. {self.remedy}"

    def as_row(self) -> dict[str, str]:
        """The finding as a flat row for JSON lines and tables."""
        return {
            "rule": self.rule,
            "severity": str(self.severity),
            "where": self.where,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }


class Refusal(Exception):  # noqa: N818 - it is a refusal, not an error of ours
    """Raised where input or a setting is refused; carries the findings that state the reasons."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))


def unwaived_errors(findings: Iterable[Finding], waived_rules: Iterable[str]) -> list[Finding]:
    """The errors among `findings` whose rule the user has not declared as known."""
    waived = set(waived_rules)
    return [f for f in findings if f.severity is Severity.ERROR and f.rule not in waived]
