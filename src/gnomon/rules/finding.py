"""What the program has to say: found, expected, where, what to do.

One value for both ways of saying it. A `Finding` is a row in a table; a `Refusal` is the exception that
carries findings up to the edge, where the command prints them without a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error stops its case, a warning is decided upon, an info is told."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, or that a reader must know.

    Attributes:
        rule: stable id, never reused (`DCM211`, `PRP101`, ...).
        where: the volume, case, file or config key it is about; never a patient's name or number.
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
    """Raised where something is refused; carries the findings that say why."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))


def unwaived_errors(findings: Iterable[Finding], waived_rules: Iterable[str]) -> list[Finding]:
    """The errors among `findings` whose rule the user has not declared as known."""
    waived = set(waived_rules)
    return [f for f in findings if f.severity is Severity.ERROR and f.rule not in waived]
