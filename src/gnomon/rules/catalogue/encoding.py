"""How pixel values are encoded: polarity, bits, rescale."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Needs, Rule, Scope

INVALID_PIXEL_FORMAT = Rule(
    id="DCM012",
    slug="encoding.invalid-pixel-format",
    title="Invalid pixel format",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="positive Rows and Columns; 8, 16 or 32 bits allocated, and no more than that stored",
    remedy="Export the series again.",
    harm="Readers decode such data to arbitrary values.",
    standard="PS3.3 C.7.6.3",
    pitfall="P03",
)
MONOCHROME1 = Rule(
    id="DCM101",
    slug="encoding.monochrome1",
    title="MONOCHROME1 image",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="MONOCHROME2",
    remedy=(
        "Nothing to do: quantitative values are kept as they are; images made for display are converted to MONOCHROME2."
    ),
    harm="MONOCHROME1 inverts the display only: inverting the stored values of a CT turns air into bone.",
    standard="PS3.3 C.7.6.3.1.2",
    pitfall="P01",
)
POLARITY_CONFLICT = Rule(
    id="DCM102",
    slug="encoding.polarity-conflict",
    title="PhotometricInterpretation contradicts PresentationLUTShape",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2",
    remedy="Look at the image: black and white may be inverted.",
    harm="Part of a cohort may reach the network as negatives.",
    standard="PS3.3 C.8.11.1",
    pitfall="P01",
)
MIXED_POLARITY = Rule(
    id="DCM103",
    slug="encoding.mixed-polarity",
    title="MONOCHROME1 and MONOCHROME2 in one series",
    severity=Severity.ERROR,
    scope=Scope.STUDY,
    expected="one photometric interpretation per series",
    remedy="Export the series again from its source.",
    harm="Some slices are negatives of the others.",
    standard="PS3.3 C.7.6.3.1.2",
    pitfall="P01",
)
NO_RESCALE = Rule(
    id="DCM110",
    slug="encoding.no-rescale",
    title="Missing RescaleSlope or RescaleIntercept",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected=(
        "RescaleSlope and RescaleIntercept in every slice of a CT or PET; in other images, in every slice or in none"
    ),
    remedy="Export the original series: slope and intercept cannot be guessed.",
    harm="Stored values are not Hounsfield units, and a window selects the wrong tissue.",
    standard="PS3.3 C.8.2.1 (Type 1)",
    pitfall="P02",
)
VARYING_RESCALE = Rule(
    id="DCM113",
    slug="encoding.varying-rescale",
    title="Rescale that varies between slices",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="one slope and intercept for all slices of a CT",
    remedy="Nothing to do: every slice is rescaled with its own slope and intercept.",
    harm=(
        "A reader that applies the first slice's slope to all scales the others wrongly. PET varies by "
        "design, CT does not."
    ),
    standard="PS3.3 C.11.1",
    pitfall="P02",
)
INVALID_RESCALE = Rule(
    id="DCM116",
    slug="encoding.invalid-rescale",
    title="RescaleSlope of 0, or a slope or intercept that is not a number",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="numeric RescaleSlope and RescaleIntercept, and a slope other than 0",
    remedy="Export the series again.",
    harm="A decimal comma or a zero makes the values meaningless.",
    standard="PS3.3 C.11.1",
    pitfall="P02",
)
LUT_AND_RESCALE = Rule(
    id="DCM117",
    slug="encoding.lut-and-rescale",
    title="Modality LUT beside a rescale, or in some slices only",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="either a Modality LUT Sequence or a rescale, the same in every slice",
    remedy="Export the series again: the two contradict each other.",
    harm="One volume holds values in two units.",
    standard="PS3.3 C.11.1",
    pitfall="P02",
)
AMBIGUOUS_VALUE_MAPPING = Rule(
    id="DCM118",
    slug="encoding.ambiguous-value-mapping",
    title="Several Real World Value Mappings, or one with a lookup table",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one linear Real World Value Mapping",
    remedy="Ask for the object with a single mapping: which of them is meant cannot be guessed.",
    harm="The unit of the values is ambiguous.",
    standard="PS3.3 C.7.6.16.2.11",
    pitfall="P02",
)
HIGH_BIT = Rule(
    id="DCM120",
    slug="encoding.high-bit",
    title="HighBit other than BitsStored - 1",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="HighBit = BitsStored - 1",
    remedy=(
        "Nothing to do: the pixels are decoded by the stated bits. To refuse such volumes, set "
        "conversion.high_bit=refuse."
    ),
    harm="Every common reader decodes such values sixteen times too large, without notice.",
    standard="PS3.3 C.7.6.3",
    pitfall="P03",
    decision=Decision.REPAIR,
)
UNUSED_BITS = Rule(
    id="DCM121",
    slug="encoding.unused-bits",
    title="Bits set above those stored",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="zeros, or the sign bit, above the stored bits",
    remedy="Nothing to do: they are masked out.",
    harm=(
        "A reader that takes the whole word returns values that are thousands too large: old files keep overlays there."
    ),
    standard="PS3.5 8.1.1",
    pitfall="P03",
    needs=Needs.PIXELS,
)
MIXED_PIXEL_FORMATS = Rule(
    id="DCM122",
    slug="encoding.mixed-pixel-formats",
    title="Different pixel formats in one volume",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one BitsAllocated, BitsStored and PixelRepresentation per volume",
    remedy="Nothing to do: every slice is decoded with its own format.",
    harm="A reader that decodes all slices like the first returns wrong values for the others.",
    standard="PS3.3 C.7.6.3",
    pitfall="P03",
)
CODESTREAM_CONFLICT = Rule(
    id="DCM123",
    slug="encoding.codestream-conflict",
    title="Codestream and header differ in precision or sign",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="the same precision and sign in the codestream and in the header",
    remedy="Nothing to do: the pixels are decoded as the codestream says.",
    harm="Negative HU are read as values near 65,000.",
    standard="PS3.5 8.2",
    pitfall="P03",
)
WRAPPED_VALUES = Rule(
    id="DCM124",
    slug="encoding.wrapped-values",
    title="Signed pixels declared unsigned (wrapped values)",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a share of at most {tolerance} of the voxels in the top 1024 values of 16 bits",
    remedy="Ask for the original series; PixelRepresentation should be 1.",
    harm="Negative values wrap around: air becomes denser than metal.",
    standard="PS3.3 C.7.6.3",
    pitfall="P03",
    needs=Needs.PIXELS,
    tolerance=0.005,
    unit="share",
)
LOST_INTERCEPT = Rule(
    id="DCM125",
    slug="encoding.lost-intercept",
    title="CT that has lost its rescale intercept",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="air near -1000 HU and soft tissue near 40 HU",
    remedy=(
        "Nothing to do: the one usual intercept that brings both air and soft tissue to their values is "
        "restored; ask the source why it was lost. To refuse such volumes, set conversion.intercept=refuse."
    ),
    harm="All values are 1024 HU too high: lung becomes fat, and fat becomes bone.",
    standard="HU definition: air -1000, water 0",
    pitfall="P02",
    needs=Needs.PIXELS,
    decision=Decision.REPAIR,
)
SURPLUS_PIXEL_DATA = Rule(
    id="DCM220",
    slug="encoding.surplus-pixel-data",
    title="More pixel data than the frames need",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="as many bytes as the frames need",
    remedy="Nothing to do if the surplus is padding at the end.",
    harm="A wrong number of frames looks the same.",
    standard="PS3.5 8",
    pitfall="P06",
)
