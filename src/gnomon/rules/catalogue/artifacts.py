"""ART: files that one stage writes and another reads."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

MISSING_ARTIFACT = Rule(
    id="ART101",
    slug="artifact.missing",
    title="Missing artifact",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the file that an earlier stage writes",
    remedy="Check the path, or run the stage that writes it.",
)
BROKEN_ARTIFACT = Rule(
    id="ART102",
    slug="artifact.broken",
    title="Artifact that cannot be read",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="valid JSON",
    remedy="Restore the file, or run the stage that writes it again.",
)
