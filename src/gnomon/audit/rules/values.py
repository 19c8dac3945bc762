"""What a stored value means: polarity, units, bits, padding, windows (P01, P02, P03, P10, P15, P19)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CT, SECTIONAL, flagged, greatest, said, shown, told, varies
from gnomon.audit.rule import Decision, Needs, Rule, Scope
from gnomon.dicom.pixels.plausible import FRAME_GAP, FRAME_SHARE
from gnomon.rules.finding import Severity

MONOCHROME1 = Rule(
    id="DCM101",
    title="MONOCHROME1",
    scope=Scope.VOLUME,
    pitfall="P01",
    standard="PS3.3 C.7.6.3.1.2",
    why="Black and white are exchanged on screen only: whoever inverts the stored values of a CT turns air into bone.",
    remedy="Nothing to do: a quantity keeps its values; an image made for display is brought to MONOCHROME2.",
    expected="MONOCHROME2",
    severity=Severity.INFO,
)
POLARITY_CONTRADICTS = Rule(
    id="DCM102",
    title="A photometric interpretation that contradicts PresentationLUTShape",
    scope=Scope.VOLUME,
    pitfall="P01",
    standard="PS3.3 C.8.11.1",
    why="Half of a cohort may be shown to the net as negatives.",
    remedy="Look at the picture: black and white may be exchanged.",
    expected="INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2",
    when=lambda asked: (
        ((pl.col("photometric") == "MONOCHROME1") & (pl.col("presentation") == "IDENTITY"))
        | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("presentation") == "INVERSE"))
    ),
    observed=told("{} with {}", "photometric", "presentation"),
)
_GREY = pl.col("photometric").fill_null("").str.starts_with("MONOCHROME")
MIXED_POLARITY = Rule(
    id="DCM103",
    title="MONOCHROME1 and MONOCHROME2 in one series",
    scope=Scope.STUDY,
    pitfall="P01",
    standard="PS3.3 C.7.6.3.1.2",
    why="Some slices are negatives of the others.",
    remedy="Export the series again from its source.",
    expected="one photometric interpretation",
    when=lambda asked: (
        (_GREY & varies("photometric") & greatest("photometric").str.starts_with("MONOCHROME"))
        | (
            _GREY
            & said("series_uid")
            & (pl.when(_GREY).then("photometric").drop_nulls().n_unique().over("study_uid", "series_uid") > 1)
        )
    ),
    observed=pl.lit("MONOCHROME1 and MONOCHROME2"),
    severity=Severity.ERROR,
)
NO_RESCALE = Rule(
    id="DCM110",
    title="A CT or PET without rescale",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="PS3.3 C.8.2.1 (Type 1)",
    why="Stored values are not Hounsfield units; a window cuts the wrong tissue.",
    remedy="Export the original series: slope and intercept cannot be guessed.",
    expected="RescaleSlope and RescaleIntercept",
    severity=Severity.ERROR,
)
NOT_HU = Rule(
    id="DCM111",
    title="A CT whose values are not Hounsfield units",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="PS3.3 C.11.1.1.2",
    why="Electron density or effective atomic number look like a CT and mean something else.",
    remedy="Leave it out of a set of CTs in HU.",
    expected="RescaleType HU or none",
)
MULTIENERGY = Rule(
    id="DCM112",
    title="A multi-energy CT or a map made from one",
    scope=Scope.INSTANCE,
    pitfall="P02",
    standard="PS3.3 C.8.2.2 (Sup 188)",
    why="The same tissue has other HU at other energies: a virtual 40 keV image shows three times the iodine.",
    remedy="Decide which energies the task takes, and keep them apart.",
    expected="a single-energy CT",
    when=lambda asked: (
        CT
        & (
            (pl.col("multienergy") == "YES")
            | flagged(
                "VMI", "VNC", "MONO_ENERGETIC", "MAT_SPECIFIC", "MAT_REMOVED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"
            )
        )
    ),
    observed=shown("image_type", "ImageType"),
)
SLOPE_VARIES = Rule(
    id="DCM113",
    title="A rescale that changes from slice to slice",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="PS3.3 C.11.1",
    why="A reader that takes the first slice's slope scales all others wrong. PET does this by design, CT does not.",
    remedy="Nothing to do: every slice is rescaled by its own.",
    expected="one slope and intercept in a CT",
    severity=Severity.INFO,
)
NO_AIR_OR_TISSUE = Rule(
    id="DCM114",
    title="A CT whose values do not look like Hounsfield units",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="HU definition: air -1000, water 0",
    why="A window then cuts the wrong tissue, and a net sees organs of another density.",
    remedy="Look at the histogram; ask for the original series.",
    expected="air near -1000 HU or lung above it, and soft tissue near 40 HU",
    when=lambda asked: (
        CT
        & ~flagged("LOCALIZER")
        & (
            ~pl.col("air_peak_hu").is_between(
                -1000 - asked.tolerance, -650
            )  # within the chest the lowest crowd is lung
            | ~pl.col("tissue_peak_hu").is_between(-150, 120)
        )
    ),
    observed=told(
        "lowest peak at {} HU, largest of the others at {} HU",
        pl.col("air_peak_hu").round(0),
        pl.col("tissue_peak_hu").round(0),
    ),
    tolerance=50.0,
    unit="HU",
    needs=Needs.PIXELS,
)
LOST_INTERCEPT = Rule(
    id="DCM125",
    title="A CT that has lost its rescale intercept",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="HU definition: air -1000, water 0",
    why="Everything lies 1024 HU too high: lung becomes fat, and fat becomes bone.",
    remedy=(
        "Put back, for one usual intercept brings both air and soft tissue where they belong. To refuse such "
        "volumes: conversion.intercept=refuse."
    ),
    expected="air near -1000 HU and soft tissue near 40 HU",
    needs=Needs.PIXELS,
    decision=Decision.REPAIR,
)
SATURATED = Rule(
    id="DCM115",
    title="Voxels at the end of the range",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="-",
    why="Metal and contrast above the scanner's ceiling all have one value; a dose or density computed there is wrong.",
    remedy="Ask for an extended CT scale, or mask these voxels.",
    expected="no more than a share at the highest value",
    when=lambda asked: (
        CT & pl.col("ceiling").is_in([3071.0, 4095.0, 32767.0]) & (pl.col("ceiling_share") > asked.tolerance)
    ),
    observed=told("{} of the voxels at {}", pl.col("ceiling_share").round(6), "ceiling"),
    tolerance=1e-4,
    unit="share",
    needs=Needs.PIXELS,
)
BAD_RESCALE = Rule(
    id="DCM116",
    title="RescaleSlope 0, or a slope or intercept that is no number",
    scope=Scope.VOLUME,
    pitfall="P02",
    standard="PS3.3 C.11.1",
    why="A decimal comma or a zero makes values meaningless.",
    remedy="Export the series again.",
    expected="numbers, the slope not 0",
    severity=Severity.ERROR,
)
HIGH_BIT = Rule(
    id="DCM120",
    title="HighBit other than BitsStored - 1",
    scope=Scope.VOLUME,
    pitfall="P03",
    standard="PS3.3 C.7.6.3",
    why="Every common reader decodes such values sixteen times too large, silently.",
    remedy="Decoded by the stated bits. To refuse such volumes: conversion.high_bit=refuse.",
    expected="HighBit = BitsStored - 1",
    decision=Decision.REPAIR,
)
UNUSED_BITS = Rule(
    id="DCM121",
    title="Bits set above those that are stored",
    scope=Scope.VOLUME,
    pitfall="P03",
    standard="PS3.5 8.1.1",
    why="A reader that takes the whole word sees thousands more than there is: old files keep overlays in these bits.",
    remedy="Nothing to do: they are masked away.",
    expected="zeros or the sign",
    severity=Severity.INFO,
    needs=Needs.PIXELS,
)
BITS_VARY = Rule(
    id="DCM122",
    title="Several pixel formats in one volume",
    scope=Scope.VOLUME,
    pitfall="P03",
    standard="PS3.3 C.7.6.3",
    why="A reader that decodes all slices like the first gets the others wrong.",
    remedy="Nothing to do: every slice is decoded by its own.",
    expected="one BitsAllocated, BitsStored and sign",
)
STREAM_CONTRADICTS = Rule(
    id="DCM123",
    title="A codestream whose precision or sign is not the header's",
    scope=Scope.VOLUME,
    pitfall="P03",
    standard="PS3.5 8.2",
    why="Negative HU come out as 65,000.",
    remedy="Decoded as the stream says.",
    expected="the same precision and sign in both",
)
SIGN_MISDECLARED = Rule(
    id="DCM124",
    title="Unsigned values with a second crowd at the top of the range",
    scope=Scope.VOLUME,
    pitfall="P03",
    standard="PS3.3 C.7.6.3",
    why="Negative numbers that are declared unsigned: air becomes denser than metal.",
    remedy="Ask for the original; PixelRepresentation should be 1.",
    expected="no values in the top 1024 of 16 bits",
    when=lambda asked: ~pl.col("signed") & (pl.col("wrapped_share") > asked.tolerance),
    observed=told("{} of the voxels in the top 1024 of the range", pl.col("wrapped_share").round(4)),
    tolerance=0.005,
    unit="share",
    needs=Needs.PIXELS,
)
PADDING = Rule(
    id="DCM130",
    title="Pixel padding",
    scope=Scope.VOLUME,
    pitfall="P19",
    standard="PS3.3 C.7.5.1.1.2",
    why="Padding is no tissue: in statistics and windows it drowns the anatomy.",
    remedy="Nothing to do: it is masked.",
    expected="none, or masked",
    severity=Severity.INFO,
)
UNDECLARED_PADDING = Rule(
    id="DCM131",
    title="Padding of a CT that no header declares",
    scope=Scope.VOLUME,
    pitfall="P19",
    standard="PS3.3 C.7.5.1.1.2",
    why="A normalisation over all voxels is led by the frame, and a net learns the circle.",
    remedy="Masked: no tissue has this value. To refuse such volumes: conversion.undeclared_padding=refuse.",
    expected="PixelPaddingValue where there is padding",
    needs=Needs.PIXELS,
    decision=Decision.REPAIR,
    version=2,
)
CONSTANT_FRAME = Rule(
    id="DCM135",
    title="A frame of one value that may be padding",
    scope=Scope.VOLUME,
    pitfall="P19",
    standard="PS3.3 C.7.5.1.1.2",
    why="Padding, a defaced head and an empty background look alike: a normalisation over all voxels is led by either.",
    remedy="Decide what the frame is; a normalisation over the foreground leaves it out.",
    expected="PixelPaddingValue where there is padding",
    when=lambda asked: (
        ~pl.col("padding_declared").fill_null(False)
        & (pl.col("frame_share") > asked.tolerance)
        & (pl.col("frame_gap") > FRAME_GAP)
    ),
    observed=told(
        "value {} in all corners and {} of the voxels, {} from the next value",
        "frame_value",
        pl.col("frame_share").round(3),
        "frame_gap",
    ),
    tolerance=FRAME_SHARE,
    unit="share",
    needs=Needs.PIXELS,
)
PADDING_SIGN = Rule(
    id="DCM132",
    title="A padding value in the other sign's pattern",
    scope=Scope.VOLUME,
    pitfall="P19",
    standard="PS3.5 6.2, US or SS",
    why="63536 is never equal to -2000: nothing is masked.",
    remedy="Nothing to do: it is read by its bits.",
    expected="the sign of the pixels",
    severity=Severity.INFO,
)
PADDING_INSIDE = Rule(
    id="DCM133",
    title="Padding inside the anatomy",
    scope=Scope.VOLUME,
    pitfall="P19",
    standard="PS3.3 C.7.5.1.1.2",
    why="Voxels of the patient have the value of padding: they are masked away.",
    remedy="Look at the mask; the declared value is one that tissue takes.",
    expected="padding that touches the image's border",
    when=lambda asked: pl.col("padding_inside_share") > asked.tolerance,
    observed=told("{} of the padding does not reach the border", pl.col("padding_inside_share").round(3)),
    tolerance=0.01,
    unit="share",
    needs=Needs.PIXELS,
)
PADDING_DIRECTION = Rule(
    id="DCM134",
    title="A padding range on the wrong side",
    scope=Scope.INSTANCE,
    pitfall="P19",
    standard="PS3.3 C.7.5.1.1.2",
    why="The range then covers anatomy instead of padding.",
    remedy="Check the mask.",
    expected="PixelPaddingRangeLimit above the value in MONOCHROME2, below it in MONOCHROME1",
    when=lambda asked: (
        pl.col("padding_limit").is_not_null()
        & ~pl.col("signed")
        & (
            ((pl.col("photometric") == "MONOCHROME1") & (pl.col("padding_limit") > pl.col("padding_value")))
            | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("padding_limit") < pl.col("padding_value")))
        )
    ),
    observed=told("{}: value {}, limit {}", "photometric", "padding_value", "padding_limit"),
)
_DISPLAYED = SECTIONAL | pl.col("modality").is_in(["CR", "DX", "MG"])
NO_WINDOW = Rule(
    id="DCM501",
    title="No window",
    scope=Scope.VOLUME,
    pitfall="P10",
    standard="PS3.3 C.11.2",
    why="Nothing: training takes the task's window.",
    remedy="Nothing to do.",
    expected="-",
    when=lambda asked: _DISPLAYED & pl.col("window_width").is_null() & ~pl.col("has_voi_lut"),
    observed=pl.lit("no WindowCenter and WindowWidth"),
    severity=Severity.INFO,
)
SEVERAL_WINDOWS = Rule(
    id="DCM502",
    title="Several windows",
    scope=Scope.VOLUME,
    pitfall="P10",
    standard="PS3.3 C.11.2.1.2",
    why="Code that takes one number fails on two.",
    remedy="Nothing to do: real-world values are stored.",
    expected="-",
    when=lambda asked: greatest("windows") > 1,
    observed=shown("windows_max", "windows:"),
    severity=Severity.INFO,
)
BAD_WINDOW = Rule(
    id="DCM503",
    title="A window that cannot be",
    scope=Scope.INSTANCE,
    pitfall="P10",
    standard="PS3.3 C.11.2.1.2.1",
    why="A division by zero, or a picture of one grey.",
    remedy="Do not window by the header.",
    expected="WindowWidth of 1 or more (LINEAR), above 0 (others)",
    when=lambda asked: (
        pl.col("window_width")
        < pl.when(pl.col("voi_function").is_in(["LINEAR_EXACT", "SIGMOID"])).then(1e-9).otherwise(1.0)
    ),
    observed=shown("window_width", "WindowWidth"),
)
WINDOW_FUNCTION = Rule(
    id="DCM504",
    title="A window that is not linear",
    scope=Scope.VOLUME,
    pitfall="P10",
    standard="PS3.3 C.11.2.1.3",
    why="The usual formula shows it wrong.",
    remedy="Nothing to do: real-world values are stored.",
    expected="LINEAR",
    when=lambda asked: pl.col("voi_function").is_in(["SIGMOID", "LINEAR_EXACT"]) | pl.col("has_voi_lut"),
    observed=pl.concat_str([pl.lit("VOI LUT function "), pl.col("voi_function").fill_null("of a table")]),
    severity=Severity.INFO,
)
WINDOW_VARIES = Rule(
    id="DCM505",
    title="A window that changes from slice to slice",
    scope=Scope.VOLUME,
    pitfall="P10",
    standard="PS3.3 C.11.2",
    why="Windowing slice by slice makes bands through the volume.",
    remedy="Do not window by the header.",
    expected="one window a volume",
    when=lambda asked: varies("window_width") | varies("window_center"),
    observed=told("WindowWidth {} to {}", "window_width", "window_width_max"),
    severity=Severity.INFO,
)
_WINDOW_LOW = pl.col("window_center") - pl.col("window_width") / 2
_WINDOW_HIGH = pl.col("window_center") + pl.col("window_width") / 2
PRE_WINDOWED = Rule(
    id="DCM506",
    title="A CT that was windowed before it was stored",
    scope=Scope.VOLUME,
    pitfall="P10",
    standard="-",
    why="What lay outside the window is gone: lung and bone are one value each.",
    remedy="Ask for the original series.",
    expected="the whole range of HU",
    when=lambda asked: (
        CT
        & (
            (greatest("bits_stored") <= 8)
            | ((pl.col("lowest") - _WINDOW_LOW).abs() + (pl.col("highest") - _WINDOW_HIGH).abs() <= asked.tolerance)
        )
    ),
    observed=told("{} bits, values {} to {}", "bits_stored_max", "lowest", "highest"),
    tolerance=2.0,
    unit="HU",
    needs=Needs.PIXELS,
)
CLIPPED = Rule(
    id="DCM507",
    title="Values that were clipped",
    scope=Scope.VOLUME,
    pitfall="P15",
    standard="-",
    why="Both ends hold a crowd: what was beyond is lost, and a percentile normalisation is led by it.",
    remedy="Ask for the original series, or clip all others alike.",
    expected="no crowd at either end",
    when=lambda asked: CT & (pl.col("floor_share") > asked.tolerance) & (pl.col("ceiling_share") > asked.tolerance),
    observed=told(
        "{} of the voxels at {}, {} at {}",
        pl.col("floor_share").round(4),
        "lowest",
        pl.col("ceiling_share").round(4),
        "highest",
    ),
    tolerance=0.01,
    unit="share",
    needs=Needs.PIXELS,
)
_SETS = "6|13|100|101|109|110|126|127|138|144|148|166|203"
_KNOWN_SETS = rf"^\\?(?:ISO_IR (?:{_SETS}|192)|ISO 2022 IR (?:{_SETS}|58|87|149|159)|GB18030|GBK|\\)+$"
UNKNOWN_CHARSET = Rule(
    id="DCM734",
    title="A character set that is not in the standard",
    scope=Scope.INSTANCE,
    pitfall="1.2",
    standard="PS3.3 C.12.1.1.2",
    why="Descriptions are read wrong, so rules on words may miss.",
    remedy="Check descriptions by eye.",
    expected="a defined term",
    when=lambda asked: said("charset") & ~pl.col("charset").str.contains(_KNOWN_SETS),
    observed=shown("charset", "SpecificCharacterSet"),
    severity=Severity.INFO,
)
