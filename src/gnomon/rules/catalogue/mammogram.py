"""Side, view and magnification of mammograms."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

NO_MAGNIFICATION = Rule(
    id="DCM404",
    slug="mammogram.no-magnification",
    title="Mammogram without magnification factor",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="EstimatedRadiographicMagnificationFactor, or both distances",
    remedy="Use the distances, or ask the site.",
    harm="The size in the breast cannot be computed from the size on the detector.",
    standard="PS3.3 C.8.11.7",
    pitfall="P11",
)
NO_BREAST_SIDE = Rule(
    id="DCM410",
    slug="mammogram.no-side",
    title="Mammogram without laterality",
    severity=Severity.ERROR,
    scope=Scope.INSTANCE,
    expected="ImageLaterality L or R",
    remedy="Ask the site, and exclude the image.",
    harm="Left and right breasts are confused.",
    standard="PS3.3 C.8.11.7 (ImageLaterality, Type 1)",
    pitfall="P09",
)
NO_VIEW = Rule(
    id="DCM411",
    slug="mammogram.no-view",
    title="Mammogram without view",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="ViewCodeSequence",
    remedy="Ask the site; a description is only a hint.",
    harm="A network for CC views is given MLO views.",
    standard="PS3.3 C.8.11.7 (ViewCodeSequence, Type 1)",
    pitfall="P09",
)
MAMMOGRAM_CONFLICT = Rule(
    id="DCM412",
    slug="mammogram.side-or-view-conflict",
    title="Conflicting sides or views of a mammogram",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="one side and one view in all attributes",
    remedy="Look at the image, and ask the site.",
    harm="One of the attributes is wrong.",
    standard="PS3.3 C.8.11.7, C.7.6.1.1.1",
    pitfall="P09",
)
INCOMPLETE_SCREENING = Rule(
    id="DCM413",
    slug="mammogram.incomplete-screening",
    title="Screening examination without its four views",
    severity=Severity.WARNING,
    scope=Scope.STUDY,
    expected="CC and MLO views of both breasts",
    remedy="Fetch the missing views.",
    harm="The case is read from less than the others.",
    standard="CID 4014",
    pitfall="P09",
)
MAMMOGRAM_IMAGE_CONFLICT = Rule(
    id="DCM414",
    slug="mammogram.image-conflict",
    title="Mammogram contradicts the side or view of its header",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="the chest wall where PatientOrientation has it, and muscle in a corner of an MLO view only",
    remedy="Look at the image.",
    harm="The image is mirrored, or the header belongs to another image.",
    standard="PS3.3 C.7.6.1.1.1, C.8.11.7",
    pitfall="P09",
    needs=Needs.PIXELS,
    version=2,
)
