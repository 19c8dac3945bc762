"""Pixel padding."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Needs, Rule, Scope

PADDING = Rule(
    id="DCM130",
    slug="padding.declared",
    title="Pixel padding",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="no padding, or padding that is masked",
    remedy="Nothing to do: the mask is written beside the image.",
    harm="Padding is not tissue: it dominates statistics and windows.",
    standard="PS3.3 C.7.5.1.1.2",
    pitfall="P19",
)
UNDECLARED_PADDING = Rule(
    id="DCM131",
    slug="padding.undeclared",
    title="Undeclared padding in a CT",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="PixelPaddingValue wherever there is padding",
    remedy=(
        "Nothing to do: it is masked, because no tissue has this value. To refuse such volumes, set "
        "conversion.undeclared_padding=refuse."
    ),
    harm="The frame dominates a normalisation over all voxels, and the network learns the circle.",
    standard="PS3.3 C.7.5.1.1.2",
    pitfall="P19",
    needs=Needs.PIXELS,
    decision=Decision.REPAIR,
    version=2,
)
PADDING_SIGN = Rule(
    id="DCM132",
    slug="padding.sign-mismatch",
    title="Padding value encoded with the wrong sign",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a padding value with the sign of the pixels",
    remedy="Nothing to do: the padding value is read with the sign of the pixels.",
    harm="63536 never equals -2000, so nothing is masked.",
    standard="PS3.5 6.2, US or SS",
    pitfall="P19",
)
PADDING_INSIDE = Rule(
    id="DCM133",
    slug="padding.inside-anatomy",
    title="Padding value inside the anatomy",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="at most a share of {tolerance} of the padding not connected to the image border",
    remedy="Look at the mask: the declared padding value also occurs in tissue.",
    harm="Voxels of the patient have the padding value and are masked out.",
    standard="PS3.3 C.7.5.1.1.2",
    pitfall="P19",
    needs=Needs.PIXELS,
    tolerance=0.01,
    unit="share",
)
PADDING_RANGE = Rule(
    id="DCM134",
    slug="padding.reversed-range",
    title="Padding range on the wrong side",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="PixelPaddingRangeLimit above PixelPaddingValue in MONOCHROME2, below it in MONOCHROME1",
    remedy="Check the mask.",
    harm="The range then covers anatomy in place of padding.",
    standard="PS3.3 C.7.5.1.1.2",
    pitfall="P19",
)
CONSTANT_FRAME = Rule(
    id="DCM135",
    slug="padding.constant-frame",
    title="Constant frame that may be padding",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected=(
        "PixelPaddingValue wherever there is padding; otherwise a share of at most {tolerance} of the voxels "
        "at one value"
    ),
    remedy="Decide what the frame is; a normalisation over the foreground excludes it.",
    harm=(
        "Padding, a defaced head and an empty background look alike: either dominates a normalisation over all voxels."
    ),
    standard="PS3.3 C.7.5.1.1.2",
    pitfall="P19",
    needs=Needs.PIXELS,
    tolerance=0.05,
    unit="share",
)
