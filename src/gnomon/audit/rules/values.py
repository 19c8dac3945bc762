"""What a stored value means: polarity, units, bits, padding, windows (P01, P02, P03, P10, P15, P19)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CT, SECTIONAL, flagged, greatest, said, shown, told, varies
from gnomon.audit.rule import Decision, Needs, Rule, Scope
from gnomon.dicom.pixels.plausible import FRAME_GAP, FRAME_SHARE
from gnomon.findings import Severity

MONOCHROME1 = Rule(
    "DCM101", "MONOCHROME1", Scope.VOLUME, "P01", "PS3.3 C.7.6.3.1.2",
    "Black and white are exchanged on screen only: whoever inverts the stored values of a CT turns air into bone.",
    "Nothing to do: a quantity keeps its values; an image made for display is brought to MONOCHROME2.", "MONOCHROME2",
    severity=Severity.INFO,
)  # fmt: skip
POLARITY_CONTRADICTS = Rule(
    "DCM102", "A photometric interpretation that contradicts PresentationLUTShape", Scope.VOLUME, "P01",
    "PS3.3 C.8.11.1", "Half of a cohort may be shown to the net as negatives.",
    "Look at the picture: black and white may be exchanged.", "INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2",
    when=lambda asked: ((pl.col("photometric") == "MONOCHROME1") & (pl.col("presentation") == "IDENTITY"))
    | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("presentation") == "INVERSE")),
    observed=told("{} with {}", "photometric", "presentation"),
)  # fmt: skip
_GREY = pl.col("photometric").fill_null("").str.starts_with("MONOCHROME")
MIXED_POLARITY = Rule(
    "DCM103", "MONOCHROME1 and MONOCHROME2 in one series", Scope.STUDY, "P01", "PS3.3 C.7.6.3.1.2",
    "Some slices are negatives of the others.", "Export the series again from its source.",
    "one photometric interpretation",
    when=lambda asked: (_GREY & varies("photometric") & greatest("photometric").str.starts_with("MONOCHROME"))
    | (_GREY & said("series_uid") & (pl.when(_GREY).then("photometric").drop_nulls().n_unique().over("study_uid",
    "series_uid") > 1)),
    observed=pl.lit("MONOCHROME1 and MONOCHROME2"), severity=Severity.ERROR,
)  # fmt: skip
NO_RESCALE = Rule(
    "DCM110", "A CT or PET without rescale", Scope.VOLUME, "P02", "PS3.3 C.8.2.1 (Type 1)",
    "Stored values are not Hounsfield units; a window cuts the wrong tissue.",
    "Export the original series: slope and intercept cannot be guessed.", "RescaleSlope and RescaleIntercept",
    severity=Severity.ERROR,
)  # fmt: skip
NOT_HU = Rule(
    "DCM111", "A CT whose values are not Hounsfield units", Scope.VOLUME, "P02", "PS3.3 C.11.1.1.2",
    "Electron density or effective atomic number look like a CT and mean something else.",
    "Leave it out of a set of CTs in HU.", "RescaleType HU or none",
)  # fmt: skip
MULTIENERGY = Rule(
    "DCM112", "A multi-energy CT or a map made from one", Scope.INSTANCE, "P02", "PS3.3 C.8.2.2 (Sup 188)",
    "The same tissue has other HU at other energies: a virtual 40 keV image shows three times the iodine.",
    "Decide which energies the task takes, and keep them apart.", "a single-energy CT",
    when=lambda asked: CT & ((pl.col("multienergy") == "YES") | flagged("VMI", "VNC", "MONO_ENERGETIC", "MAT_SPECIFIC",
                                                                        "MAT_REMOVED", "EFF_ATOMIC_NUM",
                                                                        "ELECTRON_DENSITY")),
    observed=shown("image_type", "ImageType"),
)  # fmt: skip
SLOPE_VARIES = Rule(
    "DCM113", "A rescale that changes from slice to slice", Scope.VOLUME, "P02", "PS3.3 C.11.1",
    "A reader that takes the first slice's slope scales all others wrong. PET does this by design, CT does not.",
    "Nothing to do: every slice is rescaled by its own.", "one slope and intercept in a CT", severity=Severity.INFO,
)  # fmt: skip
NO_AIR_OR_TISSUE = Rule(
    "DCM114", "A CT whose values do not look like Hounsfield units", Scope.VOLUME, "P02",
    "HU definition: air -1000, water 0",
    "A window then cuts the wrong tissue, and a net sees organs of another density.",
    "Look at the histogram; ask for the original series.",
    "air near -1000 HU or lung above it, and soft tissue near 40 HU",
    when=lambda asked: CT & ~flagged("LOCALIZER") & (
        ~pl.col("air_peak_hu").is_between(-1000 - asked.tolerance, -650)  # within the chest the lowest crowd is lung
        | ~pl.col("tissue_peak_hu").is_between(-150, 120)
    ),
    observed=told("lowest peak at {} HU, largest of the others at {} HU", pl.col("air_peak_hu").round(0),
    pl.col("tissue_peak_hu").round(0)),
    tolerance=50.0, unit="HU", needs=Needs.PIXELS,
)  # fmt: skip
LOST_INTERCEPT = Rule(
    "DCM125", "A CT that has lost its rescale intercept", Scope.VOLUME, "P02", "HU definition: air -1000, water 0",
    "Everything lies 1024 HU too high: lung becomes fat, and fat becomes bone.",
    "Put back, for one usual intercept brings both air and soft tissue where they belong. To refuse such volumes:"
    " conversion.intercept=refuse.", "air near -1000 HU and soft tissue near 40 HU",
    needs=Needs.PIXELS, decision=Decision.REPAIR,
)  # fmt: skip
SATURATED = Rule(
    "DCM115", "Voxels at the end of the range", Scope.VOLUME, "P02", "-",
    "Metal and contrast above the scanner's ceiling all have one value; a dose or density computed there is wrong.",
    "Ask for an extended CT scale, or mask these voxels.", "no more than a share at the highest value",
    when=lambda asked: CT & pl.col("ceiling").is_in([3071.0, 4095.0,
    32767.0]) & (pl.col("ceiling_share") > asked.tolerance),
    observed=told("{} of the voxels at {}", pl.col("ceiling_share").round(6), "ceiling"),
    tolerance=1e-4, unit="share", needs=Needs.PIXELS,
)  # fmt: skip
BAD_RESCALE = Rule(
    "DCM116", "RescaleSlope 0, or a slope or intercept that is no number", Scope.VOLUME, "P02", "PS3.3 C.11.1",
    "A decimal comma or a zero makes values meaningless.", "Export the series again.", "numbers, the slope not 0",
    severity=Severity.ERROR,
)  # fmt: skip
HIGH_BIT = Rule(
    "DCM120", "HighBit other than BitsStored - 1", Scope.VOLUME, "P03", "PS3.3 C.7.6.3",
    "Every common reader decodes such values sixteen times too large, silently.",
    "Decoded by the stated bits. To refuse such volumes: conversion.high_bit=refuse.", "HighBit = BitsStored - 1",
    decision=Decision.REPAIR,
)  # fmt: skip
UNUSED_BITS = Rule(
    "DCM121", "Bits set above those that are stored", Scope.VOLUME, "P03", "PS3.5 8.1.1",
    "A reader that takes the whole word sees thousands more than there is: old files keep overlays in these bits.",
    "Nothing to do: they are masked away.", "zeros or the sign", severity=Severity.INFO, needs=Needs.PIXELS,
)  # fmt: skip
BITS_VARY = Rule(
    "DCM122", "Several pixel formats in one volume", Scope.VOLUME, "P03", "PS3.3 C.7.6.3",
    "A reader that decodes all slices like the first gets the others wrong.",
    "Nothing to do: every slice is decoded by its own.",
    "one BitsAllocated, BitsStored and sign",
)  # fmt: skip
STREAM_CONTRADICTS = Rule(
    "DCM123", "A codestream whose precision or sign is not the header's", Scope.VOLUME, "P03", "PS3.5 8.2",
    "Negative HU come out as 65,000.", "Decoded as the stream says.", "the same precision and sign in both",
)  # fmt: skip
SIGN_MISDECLARED = Rule(
    "DCM124", "Unsigned values with a second crowd at the top of the range", Scope.VOLUME, "P03", "PS3.3 C.7.6.3",
    "Negative numbers that are declared unsigned: air becomes denser than metal.",
    "Ask for the original; PixelRepresentation should be 1.", "no values in the top 1024 of 16 bits",
    when=lambda asked: ~pl.col("signed") & (pl.col("wrapped_share") > asked.tolerance),
    observed=told("{} of the voxels in the top 1024 of the range", pl.col("wrapped_share").round(4)),
    tolerance=0.005, unit="share", needs=Needs.PIXELS,
)  # fmt: skip
PADDING = Rule(
    "DCM130", "Pixel padding", Scope.VOLUME, "P19", "PS3.3 C.7.5.1.1.2",
    "Padding is no tissue: in statistics and windows it drowns the anatomy.", "Nothing to do: it is masked.",
    "none, or masked", severity=Severity.INFO,
)  # fmt: skip
UNDECLARED_PADDING = Rule(
    "DCM131", "Padding of a CT that no header declares", Scope.VOLUME, "P19", "PS3.3 C.7.5.1.1.2",
    "A normalisation over all voxels is led by the frame, and a net learns the circle.",
    "Masked: no tissue has this value. To refuse such volumes: conversion.undeclared_padding=refuse.",
    "PixelPaddingValue where there is padding", needs=Needs.PIXELS, decision=Decision.REPAIR, version=2,
)  # fmt: skip
CONSTANT_FRAME = Rule(
    "DCM135", "A frame of one value that may be padding", Scope.VOLUME, "P19", "PS3.3 C.7.5.1.1.2",
    "Padding, a defaced head and an empty background look alike: a normalisation over all voxels is led by either.",
    "Decide what the frame is; a normalisation over the foreground leaves it out.",
    "PixelPaddingValue where there is padding",
    when=lambda asked: ~pl.col("padding_declared").fill_null(False) & (pl.col("frame_share") > asked.tolerance)
    & (pl.col("frame_gap") > FRAME_GAP),
    observed=told("value {} in all corners and {} of the voxels, {} from the next value", "frame_value",
                       pl.col("frame_share").round(3), "frame_gap"),
    tolerance=FRAME_SHARE, unit="share", needs=Needs.PIXELS,
)  # fmt: skip
PADDING_SIGN = Rule(
    "DCM132", "A padding value in the other sign's pattern", Scope.VOLUME, "P19", "PS3.5 6.2, US or SS",
    "63536 is never equal to -2000: nothing is masked.", "Nothing to do: it is read by its bits.",
    "the sign of the pixels", severity=Severity.INFO,
)  # fmt: skip
PADDING_INSIDE = Rule(
    "DCM133", "Padding inside the anatomy", Scope.VOLUME, "P19", "PS3.3 C.7.5.1.1.2",
    "Voxels of the patient have the value of padding: they are masked away.",
    "Look at the mask; the declared value is one that tissue takes.", "padding that touches the image's border",
    when=lambda asked: pl.col("padding_inside_share") > asked.tolerance,
    observed=told("{} of the padding does not reach the border", pl.col("padding_inside_share").round(3)),
    tolerance=0.01, unit="share", needs=Needs.PIXELS,
)  # fmt: skip
PADDING_DIRECTION = Rule(
    "DCM134", "A padding range on the wrong side", Scope.INSTANCE, "P19", "PS3.3 C.7.5.1.1.2",
    "The range then covers anatomy instead of padding.", "Check the mask.",
    "PixelPaddingRangeLimit above the value in MONOCHROME2, below it in MONOCHROME1",
    when=lambda asked: pl.col("padding_limit").is_not_null() & ~pl.col("signed") & (
        ((pl.col("photometric") == "MONOCHROME1") & (pl.col("padding_limit") > pl.col("padding_value")))
        | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("padding_limit") < pl.col("padding_value")))
    ),
    observed=told("{}: value {}, limit {}", "photometric", "padding_value", "padding_limit"),
)  # fmt: skip
_DISPLAYED = SECTIONAL | pl.col("modality").is_in(["CR", "DX", "MG"])
NO_WINDOW = Rule(
    "DCM501", "No window", Scope.VOLUME, "P10", "PS3.3 C.11.2", "Nothing: training takes the task's window.",
    "Nothing to do.", "-", when=lambda asked: _DISPLAYED & pl.col("window_width").is_null() & ~pl.col("has_voi_lut"),
    observed=pl.lit("no WindowCenter and WindowWidth"), severity=Severity.INFO,
)  # fmt: skip
SEVERAL_WINDOWS = Rule(
    "DCM502", "Several windows", Scope.VOLUME, "P10", "PS3.3 C.11.2.1.2", "Code that takes one number fails on two.",
    "Nothing to do: real-world values are stored.", "-", when=lambda asked: greatest("windows") > 1,
    observed=shown("windows_max", "windows:"), severity=Severity.INFO,
)  # fmt: skip
BAD_WINDOW = Rule(
    "DCM503", "A window that cannot be", Scope.INSTANCE, "P10", "PS3.3 C.11.2.1.2.1",
    "A division by zero, or a picture of one grey.", "Do not window by the header.",
    "WindowWidth of 1 or more (LINEAR), above 0 (others)",
    when=lambda asked: pl.col("window_width") < pl.when(pl.col("voi_function").is_in(["LINEAR_EXACT",
    "SIGMOID"])).then(1e-9).otherwise(1.0),
    observed=shown("window_width", "WindowWidth"),
)  # fmt: skip
WINDOW_FUNCTION = Rule(
    "DCM504", "A window that is not linear", Scope.VOLUME, "P10", "PS3.3 C.11.2.1.3",
    "The usual formula shows it wrong.",
    "Nothing to do: real-world values are stored.", "LINEAR",
    when=lambda asked: pl.col("voi_function").is_in(["SIGMOID", "LINEAR_EXACT"]) | pl.col("has_voi_lut"),
    observed=pl.concat_str([pl.lit("VOI LUT function "), pl.col("voi_function").fill_null("of a table")]),
    severity=Severity.INFO,
)  # fmt: skip
WINDOW_VARIES = Rule(
    "DCM505", "A window that changes from slice to slice", Scope.VOLUME, "P10", "PS3.3 C.11.2",
    "Windowing slice by slice makes bands through the volume.", "Do not window by the header.", "one window a volume",
    when=lambda asked: varies("window_width") | varies("window_center"),
    observed=told("WindowWidth {} to {}", "window_width", "window_width_max"), severity=Severity.INFO,
)  # fmt: skip
_WINDOW_LOW = pl.col("window_center") - pl.col("window_width") / 2
_WINDOW_HIGH = pl.col("window_center") + pl.col("window_width") / 2
PRE_WINDOWED = Rule(
    "DCM506", "A CT that was windowed before it was stored", Scope.VOLUME, "P10", "-",
    "What lay outside the window is gone: lung and bone are one value each.", "Ask for the original series.",
    "the whole range of HU",
    when=lambda asked: CT & (
        (greatest("bits_stored") <= 8)
        | ((pl.col("lowest") - _WINDOW_LOW).abs() + (pl.col("highest") - _WINDOW_HIGH).abs() <= asked.tolerance)
    ),
    observed=told("{} bits, values {} to {}", "bits_stored_max", "lowest", "highest"), tolerance=2.0, unit="HU",
    needs=Needs.PIXELS,
)  # fmt: skip
CLIPPED = Rule(
    "DCM507", "Values that were clipped", Scope.VOLUME, "P15", "-",
    "Both ends hold a crowd: what was beyond is lost, and a percentile normalisation is led by it.",
    "Ask for the original series, or clip all others alike.", "no crowd at either end",
    when=lambda asked: CT & (pl.col("floor_share") > asked.tolerance) & (pl.col("ceiling_share") > asked.tolerance),
    observed=told("{} of the voxels at {}, {} at {}", pl.col("floor_share").round(4), "lowest",
    pl.col("ceiling_share").round(4), "highest"),
    tolerance=0.01, unit="share", needs=Needs.PIXELS,
)  # fmt: skip
_SETS = "6|13|100|101|109|110|126|127|138|144|148|166|203"
_KNOWN_SETS = rf"^\\?(?:ISO_IR (?:{_SETS}|192)|ISO 2022 IR (?:{_SETS}|58|87|149|159)|GB18030|GBK|\\)+$"
UNKNOWN_CHARSET = Rule(
    "DCM734", "A character set that is not in the standard", Scope.INSTANCE, "1.2", "PS3.3 C.12.1.1.2",
    "Descriptions are read wrong, so rules on words may miss.", "Check descriptions by eye.", "a defined term",
    when=lambda asked: said("charset")
    & ~pl.col("charset").str.contains(_KNOWN_SETS),
    observed=shown("charset", "SpecificCharacterSet"), severity=Severity.INFO,
)  # fmt: skip
