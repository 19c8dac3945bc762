"""A rule: one thing that can be wrong, worded once; a finding is a rule plus the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gnomon.rules.finding import Finding, Refusal, Severity


class Scope(StrEnum):
    """What a finding of the rule is about."""

    SETTING = "setting"
    FILE = "file"
    CASE = "case"
    INSTANCE = "instance"
    VOLUME = "volume"
    STUDY = "study"
    COHORT = "cohort"
    RUN = "run"


class Needs(StrEnum):
    """What must be read before the rule can be checked."""

    HEADER = "header"
    PIXELS = "pixels"
    LABELS = "labels"


class Decision(StrEnum):
    """What happens to a volume."""

    ACCEPT = "accept"
    REPAIR = "repair"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way in which data, a file or a setting can be wrong.

    Attributes:
        id: stable identifier, never reused (`DCM211`).
        slug: readable name, as `series.missing-slices`; policies accept it in place of the id.
        title: what is wrong, as a noun phrase.
        severity: severity of a finding, unless a policy or the evidence says otherwise.
        scope: what a finding is about.
        expected: what should be there instead; `{tolerance}` stands for the tolerance.
        remedy: what the user can do about it.
        harm: how it damages a model, a metric or a run.
        standard: section of DICOM (PS3.x) or another source of the rule.
        pitfall: P01 to P28 in docs/pitfalls; empty where it is none of them.
        needs: header, pixels or labels.
        decision: what happens to the volume; None follows the severity.
        tolerance: tolerance of the comparison, in `unit`; a policy may set another.
        unit: unit of `tolerance`.
        version: rises when what the rule finds changes.
    """

    id: str
    slug: str
    title: str
    severity: Severity
    scope: Scope
    expected: str
    remedy: str
    harm: str = ""
    standard: str = ""
    pitfall: str = ""
    needs: Needs = Needs.HEADER
    decision: Decision | None = None
    tolerance: float = 0.0
    unit: str = ""
    version: int = 1

    def expectation(self, tolerance: float | None = None) -> str:
        """What should be there, with the tolerance in place of `{tolerance}`; the rule's own where None."""
        return self.expected.replace("{tolerance}", f"{self.tolerance if tolerance is None else tolerance:g}")

    def at(
        self,
        where: str,
        *,
        found: str,
        expected: str | None = None,
        remedy: str | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """The finding that this rule is broken.

        Args:
            where: volume, case, file or setting; never a patient's name or number.
            found: the evidence, with its value and unit.
            expected: in place of the rule's own, where it holds a number that the place decides.
            remedy: in place of the rule's own, where what to do depends on the place.
            severity: in place of the rule's own.
        """
        return Finding(
            rule=self.id,
            where=where,
            found=found,
            expected=expected or self.expectation(),
            remedy=remedy or self.remedy,
            severity=severity or self.severity,
        )

    def refusal(self, where: str, *, found: str, expected: str | None = None, remedy: str | None = None) -> Refusal:
        """The exception for a rule whose breach ends the work; arguments as in `at`."""
        return Refusal(self.at(where, found=found, expected=expected, remedy=remedy, severity=Severity.ERROR))

    def decide(self, severity: Severity) -> Decision:
        """What happens to a volume with a finding of this severity."""
        if severity is Severity.ERROR:
            return Decision.REJECT
        return self.decision if self.decision is Decision.REPAIR else Decision.ACCEPT
