"""Display windows of the header."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

NO_WINDOW = Rule(
    id="DCM501",
    slug="window.missing",
    title="No display window",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="WindowCenter and WindowWidth",
    remedy="Nothing to do: training uses the task's own window.",
    harm="None: training uses the task's own window.",
    standard="PS3.3 C.11.2",
    pitfall="P10",
)
SEVERAL_WINDOWS = Rule(
    id="DCM502",
    slug="window.several",
    title="Several display windows",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="one window",
    remedy="Nothing to do: real-world values are stored.",
    harm="Code that expects one number fails on two.",
    standard="PS3.3 C.11.2.1.2",
    pitfall="P10",
)
INVALID_WINDOW = Rule(
    id="DCM503",
    slug="window.invalid",
    title="Invalid window",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="a WindowWidth of at least 1 (LINEAR), or above 0 (other functions)",
    remedy="Do not use the header's window.",
    harm="A division by zero, or an image of a single grey.",
    standard="PS3.3 C.11.2.1.2.1",
    pitfall="P10",
)
NONLINEAR_WINDOW = Rule(
    id="DCM504",
    slug="window.nonlinear",
    title="Non-linear window function",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a LINEAR window",
    remedy="Nothing to do: real-world values are stored.",
    harm="The usual formula displays it wrongly.",
    standard="PS3.3 C.11.2.1.3",
    pitfall="P10",
)
VARYING_WINDOW = Rule(
    id="DCM505",
    slug="window.varying",
    title="Window that varies between slices",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="one window per volume",
    remedy="Do not use the header's window.",
    harm="Windowing slice by slice makes bands through the volume.",
    standard="PS3.3 C.11.2",
    pitfall="P10",
)
