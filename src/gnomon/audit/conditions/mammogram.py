"""Side, view and magnification of mammograms."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import MAMMOGRAM, fill_template, has_text, is_blank
from gnomon.rules.catalogue.mammogram import (
    INCOMPLETE_SCREENING,
    MAMMOGRAM_CONFLICT,
    MAMMOGRAM_IMAGE_CONFLICT,
    NO_BREAST_SIDE,
    NO_MAGNIFICATION,
    NO_VIEW,
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
_STANDARD_VIEW = pl.when(MAMMOGRAM & is_blank("view_modifiers") & _SIDE.is_not_null() & _VIEW.is_not_null()).then(
    pl.concat_str([_SIDE, _VIEW])
)
_MIRRORED = (pl.col("horizontal_flip").fill_null("") != "YES") & (
    (pl.col("patient_orientation").str.starts_with("A") & (pl.col("breast_side") == "right"))
    | (pl.col("patient_orientation").str.starts_with("P") & (pl.col("breast_side") == "left"))
)
_OTHER_VIEW = has_text("breast_view") & is_blank("view_modifiers") & (pl.col("breast_view") != _VIEW)

CHECKS = (
    Check(
        rule=NO_MAGNIFICATION,
        when=lambda limits: (
            MAMMOGRAM
            & pl.col("magnification").is_null()
            & (pl.col("source_detector_mm").is_null() | pl.col("source_patient_mm").is_null())
        ),
        observed=pl.lit("no magnification and no distances"),
    ),
    Check(
        rule=NO_BREAST_SIDE,
        when=lambda limits: MAMMOGRAM & _SIDE.is_null(),
        observed=pl.lit("no L or R"),
    ),
    Check(
        rule=NO_VIEW,
        when=lambda limits: MAMMOGRAM & is_blank("view_codes") & is_blank("view_position"),
        observed=pl.lit("no ViewCodeSequence and no ViewPosition"),
    ),
    Check(
        rule=MAMMOGRAM_CONFLICT,
        when=lambda limits: (
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
        observed=fill_template(
            "side {}, series side {}, orientation {}, view {} {}",
            pl.col("image_laterality").fill_null(""),
            pl.col("series_laterality").fill_null(""),
            pl.col("patient_orientation").fill_null(""),
            pl.col("view_codes").fill_null(""),
            pl.col("series_description").fill_null(""),
        ),
    ),
    Check(
        rule=INCOMPLETE_SCREENING,
        when=lambda limits: MAMMOGRAM & (_STANDARD_VIEW.drop_nulls().n_unique().over("study_uid") < 4),
        observed=fill_template(
            "{} of 4 standard views in the study", _STANDARD_VIEW.drop_nulls().n_unique().over("study_uid")
        ),
    ),
    Check(
        rule=MAMMOGRAM_IMAGE_CONFLICT,
        when=lambda limits: MAMMOGRAM & (_MIRRORED.fill_null(False) | _OTHER_VIEW.fill_null(False)),
        observed=pl.when(_MIRRORED.fill_null(False))
        .then(fill_template("PatientOrientation {}, the breast's mass on the {}", "patient_orientation", "breast_side"))
        .otherwise(fill_template("{} by the header, {} by the corners at the chest wall", _VIEW, "breast_view")),
    ),
)
