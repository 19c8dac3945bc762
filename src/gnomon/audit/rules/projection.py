"""Radiographs and mammograms: how large a pixel is, which side and view (P09, P11)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CAPTURES, MAMMOGRAM, PROJECTION, lacks, said, told
from gnomon.audit.rule import Needs, Rule, Scope
from gnomon.rules.finding import Severity

_NO_SPACING = pl.col("row_mm").is_null()
_NO_IMAGER = pl.col("imager_row_mm").is_null()
_DIFFER = ((pl.col("row_mm") - pl.col("imager_row_mm")).abs() > 1e-6) | (
    (pl.col("column_mm") - pl.col("imager_column_mm")).abs() > 1e-6
)
_CAPTURE = pl.col("sop_class").str.starts_with(CAPTURES)
UNCALIBRATED = Rule(
    id="DCM401",
    title="A projection whose pixel size is the detector's",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="PS3.3 10.7.1",
    why="The patient lies before the detector: everything measures 5 to 50 % too large.",
    remedy="Calibrate, or divide by the magnification.",
    expected="PixelSpacing of the patient's plane, with its calibration",
    when=lambda asked: (
        PROJECTION
        & ~(_NO_SPACING & _NO_IMAGER)
        & lacks("spacing_calibration")
        & (_NO_SPACING | ~_DIFFER.fill_null(False))
        & pl.col("magnification").is_null()
    ),
    observed=told(
        "PixelSpacing {} mm, ImagerPixelSpacing {} mm, no calibration",
        pl.col("row_mm").cast(pl.String).fill_null("absent"),
        pl.col("imager_row_mm").cast(pl.String).fill_null("absent"),
    ),
)
NO_PIXEL_SIZE = Rule(
    id="DCM402",
    title="A projection without any pixel size",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="PS3.3 10.7.1",
    why="Nothing can be measured in millimetres.",
    remedy="Ask for the original image.",
    expected="PixelSpacing, ImagerPixelSpacing or NominalScannedPixelSpacing",
    when=lambda asked: (PROJECTION | _CAPTURE) & _NO_SPACING & _NO_IMAGER & pl.col("nominal_row_mm").is_null(),
    observed=pl.lit("no spacing attribute"),
    severity=Severity.ERROR,
)
CALIBRATION_UNSTATED = Rule(
    id="DCM403",
    title="Two pixel sizes that differ, and no word on the calibration",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="PS3.3 10.7.1.1",
    why="Which plane PixelSpacing belongs to is a guess.",
    remedy="Ask the site.",
    expected="PixelSpacingCalibrationType",
    when=lambda asked: PROJECTION & _DIFFER & lacks("spacing_calibration"),
    observed=told("PixelSpacing {} mm, ImagerPixelSpacing {} mm", "row_mm", "imager_row_mm"),
)
NO_MAGNIFICATION = Rule(
    id="DCM404",
    title="A mammogram without magnification",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="PS3.3 C.8.11.7",
    why="The size in the breast cannot be had from the size on the detector.",
    remedy="Use the distances, or ask the site.",
    expected="EstimatedRadiographicMagnificationFactor, or both distances",
    when=lambda asked: (
        MAMMOGRAM
        & pl.col("magnification").is_null()
        & (pl.col("source_detector_mm").is_null() | pl.col("source_patient_mm").is_null())
    ),
    observed=pl.lit("no magnification and no distances"),
)
IMPLAUSIBLE_PIXEL = Rule(
    id="DCM407",
    title="A pixel size that no detector has",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="-",
    why="A factor of ten between cm and mm.",
    remedy="Ask the site.",
    expected="0.02 to 2 mm",
    when=lambda asked: (
        (PROJECTION & ~pl.coalesce("row_mm", "imager_row_mm").is_between(0.02, 2.0))
        | (pl.col("kind").is_in(["CT", "MR", "PT"]) & ~pl.col("row_mm").is_between(0.02, 12.0))
    ),
    observed=told("{} mm", pl.coalesce("row_mm", "imager_row_mm")),
    severity=Severity.ERROR,
)
OBLONG_PIXEL = Rule(
    id="DCM406",
    title="Pixels that are not square",
    scope=Scope.INSTANCE,
    pitfall="P11",
    standard="PS3.3 10.7.1.3",
    why="Code that takes one number stretches the picture.",
    remedy="Use both numbers: rows first, then columns.",
    expected="equal row and column spacing",
    when=lambda asked: (
        (PROJECTION | pl.col("kind").is_in(["CT", "MR", "PT"]))
        & (
            (pl.coalesce("row_mm", "imager_row_mm") / pl.coalesce("column_mm", "imager_column_mm") - 1).abs()
            > asked.tolerance
        )
    ),
    observed=told("{} x {} mm", pl.coalesce("row_mm", "imager_row_mm"), pl.coalesce("column_mm", "imager_column_mm")),
    tolerance=0.01,
    unit="share",
)
_LATERALITIES = ("frame_laterality", "image_laterality", "series_laterality")
_BOTH_SIDES = pl.all_horizontal([pl.any_horizontal([pl.col(name) == side for name in _LATERALITIES]) for side in "LR"])
_SIDE = pl.coalesce(
    [pl.when(pl.col(name).fill_null("").is_in(["L", "R"])).then(pl.col(name)) for name in _LATERALITIES]
)
_WORDS = pl.concat_str(
    [pl.col("view_codes").fill_null(""), pl.col("view_position").fill_null("")], separator=" "
).str.to_lowercase()
# CID 4014: SNOMED codes of the two screening views, and their meanings.
_VIEW = (
    pl.when(_WORDS.str.contains(r"mlo|medio-?lateral oblique|r-10226|399368009"))
    .then(pl.lit("MLO"))
    .when(_WORDS.str.contains(r"\bcc\b|cranio-?caudal|r-10242|399162004"))
    .then(pl.lit("CC"))
)
_TOLD_VIEW = (
    pl.when(pl.col("series_description").fill_null("").str.contains(r"(?i)MLO"))
    .then(pl.lit("MLO"))
    .when(pl.col("series_description").fill_null("").str.contains(r"(?i)\bCC\b"))
    .then(pl.lit("CC"))
)
NO_BREAST_SIDE = Rule(
    id="DCM410",
    title="A mammogram without side",
    scope=Scope.INSTANCE,
    pitfall="P09",
    standard="PS3.3 C.8.11.7 (ImageLaterality, Type 1)",
    why="Left and right breasts are confused.",
    remedy="Ask the site; reject.",
    expected="ImageLaterality L or R",
    when=lambda asked: MAMMOGRAM & _SIDE.is_null(),
    observed=pl.lit("no L or R"),
    severity=Severity.ERROR,
)
NO_VIEW = Rule(
    id="DCM411",
    title="A mammogram without view",
    scope=Scope.INSTANCE,
    pitfall="P09",
    standard="PS3.3 C.8.11.7 (ViewCodeSequence, Type 1)",
    why="A net for CC is fed MLO.",
    remedy="Ask the site; a description is only a hint.",
    expected="ViewCodeSequence",
    when=lambda asked: MAMMOGRAM & lacks("view_codes") & lacks("view_position"),
    observed=pl.lit("no ViewCodeSequence and no ViewPosition"),
)
SIDES_CONTRADICT = Rule(
    id="DCM412",
    title="Sides or views that contradict each other",
    scope=Scope.INSTANCE,
    pitfall="P09",
    standard="PS3.3 C.8.11.7, C.7.6.1.1.1",
    why="One of the words is wrong.",
    remedy="Look at the picture; ask the site.",
    expected="one side and one view in all attributes",
    when=lambda asked: (
        MAMMOGRAM
        & (
            _BOTH_SIDES.fill_null(False)
            | (_VIEW != _TOLD_VIEW).fill_null(False)
            | (
                (pl.col("horizontal_flip") != "YES")
                & (
                    ((_SIDE == "L") & pl.col("patient_orientation").str.starts_with("P"))
                    | ((_SIDE == "R") & pl.col("patient_orientation").str.starts_with("A"))
                )
            ).fill_null(False)
        )
    ),
    observed=told(
        "side {}, series side {}, orientation {}, view {} {}",
        pl.col("image_laterality").fill_null(""),
        pl.col("series_laterality").fill_null(""),
        pl.col("patient_orientation").fill_null(""),
        pl.col("view_codes").fill_null(""),
        pl.col("series_description").fill_null(""),
    ),
)
_STANDARD_VIEW = pl.when(MAMMOGRAM & lacks("view_modifiers") & _SIDE.is_not_null() & _VIEW.is_not_null()).then(
    pl.concat_str([_SIDE, _VIEW])
)
INCOMPLETE_EXAM = Rule(
    id="DCM413",
    title="A screening examination without its four views",
    scope=Scope.STUDY,
    pitfall="P09",
    standard="CID 4014",
    why="A case without one view is judged on less than the others.",
    remedy="Fetch the missing views.",
    expected="L and R, CC and MLO",
    when=lambda asked: MAMMOGRAM & (_STANDARD_VIEW.drop_nulls().n_unique().over("study_uid") < 4),
    observed=told("{} of 4 standard views in the study", _STANDARD_VIEW.drop_nulls().n_unique().over("study_uid")),
)
_MIRRORED = (pl.col("horizontal_flip").fill_null("") != "YES") & (
    (pl.col("patient_orientation").str.starts_with("A") & (pl.col("breast_side") == "right"))
    | (pl.col("patient_orientation").str.starts_with("P") & (pl.col("breast_side") == "left"))
)
_OTHER_VIEW = said("breast_view") & lacks("view_modifiers") & (pl.col("breast_view") != _VIEW)
BREAST_ASTRAY = Rule(
    id="DCM414",
    title="A mammogram that does not show the side or the view that its header says",
    scope=Scope.VOLUME,
    pitfall="P09",
    standard="PS3.3 C.7.6.1.1.1, C.8.11.7",
    why="The picture is mirrored, or the words are another picture's.",
    remedy="Look at the picture.",
    expected="the chest wall where PatientOrientation has it, muscle in a corner of an MLO alone",
    when=lambda asked: MAMMOGRAM & (_MIRRORED.fill_null(False) | _OTHER_VIEW.fill_null(False)),
    observed=pl.when(_MIRRORED.fill_null(False))
    .then(told("PatientOrientation {}, the breast's mass on the {}", "patient_orientation", "breast_side"))
    .otherwise(told("{} by the header, {} by the corners at the chest wall", _VIEW, "breast_view")),
    needs=Needs.PIXELS,
    version=2,
)
