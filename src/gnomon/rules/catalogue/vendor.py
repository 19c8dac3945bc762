"""Private elements and vendors' own conventions."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

UNKNOWN_PRIVATE_CREATOR = Rule(
    id="DCM720",
    slug="vendor.unknown-private-creator",
    title="Private elements of an unknown creator",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="known private creators",
    remedy="Remove them before the data leave the hospital.",
    harm="They may hold what the image needs, or who the patient is.",
    standard="PS3.5 7.8.1",
    pitfall="P18",
)
PRIVATE_WITHOUT_CREATOR = Rule(
    id="DCM721",
    slug="vendor.private-without-creator",
    title="Private elements without a creator",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="a Private Creator for every block",
    remedy="Export with the private creators.",
    harm="Their meaning is lost: the same number means something else in another file.",
    standard="PS3.5 7.8.1",
    pitfall="P18",
)
MISSING_PRIVATE_VALUE = Rule(
    id="DCM722",
    slug="vendor.missing-private-value",
    title="Vendor image without the private elements that it needs",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="the vendor's private block",
    remedy="Export with private elements.",
    harm="Diffusion weighting, scaling or phase cannot be known.",
    standard="vendors' conformance statements",
    pitfall="P18",
)
DISPLAY_VALUES = Rule(
    id="DCM730",
    slug="vendor.philips-display-values",
    title="Philips MR with display values",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="the private scale slope (2005,xx0E)",
    remedy="Normalise each image; do not compare raw intensities.",
    harm="Display values change with every reconstruction: intensities of two scans cannot be compared.",
    standard="vendor: FP = DV / (RS x SS)",
)
