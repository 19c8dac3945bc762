"""Label maps, segmentations and structure sets against their images."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

LABEL_GRID = Rule(
    id="DCM233",
    slug="annotation.grid-mismatch",
    title="Label map unreadable or on another grid than its image",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="the image's shape, and corners within {tolerance} mm of the image's",
    remedy="Resample the label map onto the image, or find the right one.",
    harm="The label lies beside the organ, and the network learns the neighbouring tissue.",
    pitfall="P20",
    needs=Needs.LABELS,
    tolerance=0.001,
    unit="mm",
)
UNMATCHED_LABELS = Rule(
    id="DCM234",
    slug="annotation.unmatched",
    title="Label maps that match no series",
    severity=Severity.WARNING,
    scope=Scope.COHORT,
    expected="names that are SeriesInstanceUIDs or volume_ids of the export",
    remedy="Check the names, and that the export is complete.",
    harm="Annotated cases are missing from the data set.",
    pitfall="P20",
    needs=Needs.LABELS,
)
SIDES_EXCHANGED = Rule(
    id="DCM235",
    slug="annotation.sides-exchanged",
    title="Left and right structures exchanged",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="each left structure on the left of its partner, and the liver on the right",
    remedy=(
        "Compare image and label map with the original: one of them, or both, are mirrored. In situs "
        "inversus this is correct: declare it in known_findings."
    ),
    harm="The network learns that either side may be the left one; a surgeon operates on the wrong side.",
    standard="anatomy: sides are the patient's",
    pitfall="P08",
    needs=Needs.LABELS,
)
UNMATCHED_CASES = Rule(
    id="DCM719",
    slug="annotation.unmatched-cases",
    title="Cases of the table that match no volume",
    severity=Severity.WARNING,
    scope=Scope.COHORT,
    expected="a volume for every row",
    remedy="Check the column, and that the export is complete.",
    harm="A case that is not there cannot be compared: leakage may go unnoticed.",
    pitfall="P28",
    needs=Needs.LABELS,
)
ANNOTATION_WITHOUT_IMAGES = Rule(
    id="DCM732",
    slug="annotation.without-images",
    title="Segmentation or structure set whose images are missing",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="every referenced series",
    remedy="Fetch the series on which it was drawn.",
    harm="Contours of another scan are laid over this one.",
    standard="PS3.3 C.8.20.2, C.8.8.5",
)
ANNOTATION_FRAME = Rule(
    id="DCM733",
    slug="annotation.frame-of-reference",
    title="Segmentation or structure set in another frame of reference",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="the FrameOfReferenceUID of its images",
    remedy="Find the registration, or draw it again.",
    harm="Positions in two frames of reference cannot be compared without a registration.",
    standard="PS3.3 C.7.4.1",
)
