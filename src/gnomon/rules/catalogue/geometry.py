"""Spacing, direction and position of slices and pixels."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Rule, Scope

UNEVEN_SLICES = Rule(
    id="DCM212",
    slug="geometry.uneven-slices",
    title="Unevenly spaced slices",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="evenly spaced slices",
    remedy=(
        "Ask for an evenly spaced reconstruction. Rounded positions need nothing; a stack that is straight "
        "and has no wide gap is resampled to even positions unless conversion.uneven=refuse."
    ),
    harm="A single spacing for all slices is wrong for some of them.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P05",
    decision=Decision.REPAIR,
)
SHEARED_STACK = Rule(
    id="DCM213",
    slug="geometry.sheared-stack",
    title="Sheared stack (gantry tilt)",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="slices stacked along their normal",
    remedy=(
        "Nothing to do: the volume is kept exactly, as a sheared grid. For a grid with right angles, set "
        "conversion.tilt=straighten."
    ),
    harm="Readers that ignore the shear distort the organs.",
    standard="PS3.3 C.7.6.2.1.1",
    decision=Decision.REPAIR,
)
COSINES_NOT_ORTHONORMAL = Rule(
    id="DCM214",
    slug="geometry.cosines-not-orthonormal",
    title="Direction cosines that are not orthonormal",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="orthonormal direction cosines",
    remedy=(
        "Export the original series. Small deviations are rounding by the writer: they are made orthonormal, "
        "and need nothing."
    ),
    harm="Angles and lengths in the image are wrong.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P05",
)
COINCIDENT_SLICES = Rule(
    id="DCM215",
    slug="geometry.coincident-slices",
    title="Several slices at one position along the normal",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one slice per position along the normal",
    remedy="Decide which slices belong to the volume and remove the others, or split the series into its stacks.",
    harm="All of them enter the volume.",
    standard="PS3.3 C.7.6.2",
    pitfall="P05",
)
NO_GEOMETRY = Rule(
    id="DCM216",
    slug="geometry.missing",
    title="Orientation, position or pixel spacing missing or not finite",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="finite orientation, position and pixel spacing in every slice",
    remedy="Export the original series: a position cannot be guessed.",
    harm="Nothing states where a slice lies.",
    standard="PS3.3 C.7.6.2",
    pitfall="P12",
)
VARYING_PIXEL_SPACING = Rule(
    id="DCM217",
    slug="geometry.varying-pixel-spacing",
    title="PixelSpacing that varies within a stack",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one PixelSpacing per stack",
    remedy="Export the original series: one of the spacings is wrong, and nothing states which.",
    harm="Part of the volume has a size other than stated.",
    standard="PS3.3 C.7.6.2",
    pitfall="P12",
)
FRAME_OF_REFERENCE = Rule(
    id="DCM219",
    slug="geometry.frame-of-reference",
    title="No FrameOfReferenceUID, or several in a series",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one FrameOfReferenceUID per series",
    remedy=(
        "Compare positions with other series of the patient with care: nothing states that they share a "
        "coordinate system."
    ),
    harm="A label of another frame of reference may be laid over the image.",
    standard="PS3.3 C.7.4.1",
)
THICKNESS_MISMATCH = Rule(
    id="DCM330",
    slug="geometry.thickness-mismatch",
    title="Overlapping slices or gaps between slices",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a SliceThickness within a share of {tolerance} of the distance between slices",
    remedy="Be aware of it, and compare like with like.",
    harm="Overlap blurs along the axis, and gaps hide lesions: volumes from such slices differ.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P13",
    tolerance=0.1,
    unit="share",
)
ANISOTROPIC_VOXELS = Rule(
    id="DCM331",
    slug="geometry.anisotropic-voxels",
    title="Anisotropic voxels",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a slice distance of at most {tolerance} times the pixel spacing",
    remedy="Nothing to do where the plan is made from the spacing.",
    harm="Isotropic kernels see far along z and little in plane.",
    pitfall="P13",
    tolerance=3.0,
    unit="ratio",
)
VARYING_THICKNESS = Rule(
    id="DCM333",
    slug="geometry.varying-thickness",
    title="SliceThickness that varies within a volume",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one SliceThickness, within {tolerance} mm",
    remedy="Split the volume, or ask for the original series.",
    harm="The resolution changes within the volume: two scans were joined.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P13",
    tolerance=0.01,
    unit="mm",
)
SPACING_TAG_CONFLICT = Rule(
    id="DCM334",
    slug="geometry.spacing-tag-conflict",
    title="SpacingBetweenSlices contradicts the slice positions",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a SpacingBetweenSlices within 1 % of the distance between slice positions",
    remedy="Nothing to do: the positions are used.",
    harm="A reader that uses the attribute scales the patient.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P13",
)
NONPOSITIVE_SPACING = Rule(
    id="DCM405",
    slug="geometry.nonpositive-spacing",
    title="Pixel spacing that is not positive",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="positive millimetres",
    remedy="Export the original series.",
    harm="Sizes cannot be measured.",
    standard="PS3.3 10.7",
    pitfall="P11",
)
NON_SQUARE_PIXELS = Rule(
    id="DCM406",
    slug="geometry.non-square-pixels",
    title="Non-square pixels",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="row and column spacing equal within a share of {tolerance}",
    remedy="Use both numbers: rows first, then columns.",
    harm="Code that uses one number stretches the image.",
    standard="PS3.3 10.7.1.3",
    pitfall="P11",
    tolerance=0.01,
    unit="share",
)
IMPLAUSIBLE_PIXEL_SIZE = Rule(
    id="DCM407",
    slug="geometry.implausible-pixel-size",
    title="Implausible pixel size",
    severity=Severity.ERROR,
    scope=Scope.INSTANCE,
    expected="0.02 to 2 mm in a projection, 0.02 to 12 mm in CT, MR and PET",
    remedy="Ask the site.",
    harm="Centimetres and millimetres differ by a factor of ten.",
    pitfall="P11",
)
