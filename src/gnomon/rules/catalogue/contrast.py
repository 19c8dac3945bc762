"""Contrast medium and contrast phase."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

UNKNOWN_CONTRAST_PHASE = Rule(
    id="DCM310",
    slug="contrast.unknown-phase",
    title="Unknown contrast phase",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a phase supported by two sources",
    remedy="Nothing to do if the task accepts any phase.",
    harm="Organs look different in every phase.",
    standard="PS3.3 C.7.6.4b",
    pitfall="P16",
)
CONTRAST_PHASE_CONFLICT = Rule(
    id="DCM311",
    slug="contrast.phase-conflict",
    title="Conflicting sources of the contrast phase",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="sources that agree",
    remedy="Look at the aorta and the kidneys.",
    harm="A phase taken from one of them is wrong half of the time.",
    standard="PS3.3 C.7.6.4",
    pitfall="P16",
)
CONTRAST_PHASE_NOT_ACCEPTED = Rule(
    id="DCM316",
    slug="contrast.phase-not-accepted",
    title="Contrast phase that the policy does not accept",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one of the policy's phases",
    remedy="Choose the right series of the study.",
    harm="The task is defined on another phase.",
    standard="audit policy",
    pitfall="P16",
)
CONTRAST_NOT_ACCEPTED = Rule(
    id="DCM344",
    slug="contrast.not-accepted",
    title="Contrast medium against the policy",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="contrast medium, or none, as the policy requires",
    remedy="Choose the right series of the study.",
    harm="Blood and contrast medium look alike in a head.",
    standard="audit policy",
    pitfall="P27",
)
IMPLAUSIBLE_CONTRAST_TIME = Rule(
    id="DCM737",
    slug="contrast.implausible-time",
    title="Implausible time between contrast medium and scan",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="contrast medium given at most {tolerance} minutes before the scan",
    remedy="Do not use timing for this series.",
    harm="Shifted dates or an unsynchronised clock: timing says nothing about the phase.",
    standard="PS3.3 C.7.6.4",
    tolerance=30.0,
    unit="minute",
)
