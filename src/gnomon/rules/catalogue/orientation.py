"""How the patient lies, and which side is which."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

PATIENT_POSITION = Rule(
    id="DCM230",
    slug="orientation.patient-position",
    title="PatientPosition missing, mixed or unknown",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one of HFS, HFP, FFS, FFP, HFDR, ... for the whole volume",
    remedy="Look at the three planes.",
    harm=(
        "The geometry does not need it, but a wrongly entered position, which turns the anatomy, then goes unnoticed."
    ),
    standard="PS3.3 C.7.3.1.1.2",
    pitfall="P08",
)
PRONE_SUPINE_CONFLICT = Rule(
    id="DCM231",
    slug="orientation.prone-supine-conflict",
    title="Prone or supine position contradicts PatientPosition",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="the table posterior to a supine patient, anterior to a prone one",
    remedy="Look at the three planes, and ask the site which is true.",
    harm="A wrongly entered position exchanges front and back, or left and right, in all geometry.",
    standard="PS3.3 C.7.3.1.1.2",
    pitfall="P08",
    needs=Needs.PIXELS,
)
SPINE_ANTERIOR = Rule(
    id="DCM232",
    slug="orientation.spine-anterior",
    title="Spine lies anterior: possible front-back flip",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a share of at most {tolerance} of the bone in the anterior half of the body",
    remedy="Look at the three planes before training on it.",
    harm="The network learns organs in two places, and a surgeon is shown the wrong one.",
    standard="anatomy: the spine is posterior",
    pitfall="P08",
    needs=Needs.PIXELS,
    tolerance=0.8,
    unit="share",
)
POSTURE = Rule(
    id="DCM240",
    slug="orientation.posture",
    title="Patient erect or quadruped",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="a recumbent human",
    remedy="Decide whether the task accepts such images.",
    harm="Organs descend when a patient stands, and animals have other axes.",
    standard="PS3.3 C.7.6.30",
    pitfall="P12",
)
OBLIQUE_STACK = Rule(
    id="DCM241",
    slug="orientation.oblique-stack",
    title="Oblique stack",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="slices within {tolerance} degrees of an axis of the patient",
    remedy="Nothing to do: the affine describes it.",
    harm="Code that reads the three spacings and ignores the axes rotates the anatomy.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P12",
    tolerance=5.0,
    unit="degree",
)
UNKNOWN_SIDE = Rule(
    id="DCM242",
    slug="orientation.unknown-side",
    title="Projection image without laterality or orientation",
    severity=Severity.ERROR,
    scope=Scope.INSTANCE,
    expected="PatientOrientation, or a laterality",
    remedy="Ask the site, and exclude the image from tasks in which the side matters.",
    harm="Left and right cannot be known from the image.",
    standard="PS3.3 C.7.6.1.1.1",
    pitfall="P12",
)
ORIENTATION_CONFLICT = Rule(
    id="DCM243",
    slug="orientation.conflict",
    title="PatientOrientation contradicts the direction cosines",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="the same directions in both",
    remedy="Look at the three planes.",
    harm="One of the two is wrong, and left may be right.",
    standard="PS3.3 C.7.6.1.1.1",
    pitfall="P12",
)
