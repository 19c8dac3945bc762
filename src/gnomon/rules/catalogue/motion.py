"""Cardiac and respiratory gating."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

UNGATED_HEART = Rule(
    id="DCM320",
    slug="motion.ungated-heart",
    title="Cardiac scan without gating",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a cardiac phase",
    remedy="Exclude it from data sets for cardiac measurements.",
    harm="Motion blurs the structures to be measured.",
    standard="PS3.3 C.7.6.18.1",
    pitfall="P17",
)
SEVERAL_CARDIAC_PHASES = Rule(
    id="DCM321",
    slug="motion.several-cardiac-phases",
    title="Several cardiac phases in one series",
    severity=Severity.WARNING,
    scope=Scope.STUDY,
    expected="one phase per series",
    remedy="Split the series, and choose the phase that the task needs.",
    harm="The same heart in two shapes: its volumes must not be mixed.",
    standard="PS3.3 C.7.6.16.2.7",
    pitfall="P17",
)
UNKNOWN_CARDIAC_PHASES = Rule(
    id="DCM322",
    slug="motion.unknown-cardiac-phases",
    title="Several volumes of one heart without a cardiac phase",
    severity=Severity.WARNING,
    scope=Scope.STUDY,
    expected="a cardiac phase for each volume",
    remedy="Export with private elements, or as enhanced CT.",
    harm="Systole and diastole cannot be distinguished.",
    standard="PS3.3 C.7.6.16.2.7",
    pitfall="P17",
)
CARDIAC_PHASE_CONFLICT = Rule(
    id="DCM323",
    slug="motion.cardiac-phase-conflict",
    title="Conflicting sources of the cardiac phase",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="sources that differ by at most {tolerance} % of the cycle",
    remedy="Ask the site which is true.",
    harm="The phase may be the wrong one.",
    standard="PS3.3 C.7.6.18.1",
    pitfall="P17",
    tolerance=5.0,
    unit="% of the cycle",
)
FAST_HEART = Rule(
    id="DCM324",
    slug="motion.fast-heart",
    title="High heart rate or rejected beats",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="at most {tolerance} beats per minute, and no rejected beats",
    remedy="Look at the images.",
    harm="Blur, and steps between slabs.",
    standard="PS3.3 C.7.6.18.1",
    pitfall="P17",
    tolerance=90.0,
    unit="1/min",
)
RESPIRATORY_PHASE = Rule(
    id="DCM325",
    slug="motion.respiratory-phase",
    title="Respiratory-gated scan",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a scan without respiratory gating",
    remedy="Keep one respiratory phase per patient.",
    harm="The organs of one patient lie elsewhere in every phase.",
    standard="PS3.3 C.7.6.16.2.17",
    pitfall="P17",
)
