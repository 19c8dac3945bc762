"""How the patient lies, and which side is which."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import (
    CT,
    PROJECTION,
    SECTIONAL,
    TEXTS,
    describe,
    fill_template,
    has_text,
    is_blank,
    maximum,
    varies,
)
from gnomon.rules.catalogue.orientation import (
    OBLIQUE_STACK,
    ORIENTATION_CONFLICT,
    PATIENT_POSITION,
    POSTURE,
    PRONE_SUPINE_CONFLICT,
    SPINE_ANTERIOR,
    UNKNOWN_SIDE,
)

_POSITIONS = [
    "HFS",
    "HFP",
    "HFDR",
    "HFDL",
    "FFS",
    "FFP",
    "FFDR",
    "FFDL",
    "LFP",
    "LFS",
    "RFP",
    "RFS",
    "AFDR",
    "AFDL",
    "PFDR",
    "PFDL",
]
_HEAD = pl.concat_str([TEXTS, pl.col("body_part").fill_null("")]).str.contains(
    "(?i)head|brain|skull|neck|kopf|cran|schädel|face|sinus|tête|testa|cabeza"
)

CHECKS = (
    Check(
        rule=PATIENT_POSITION,
        when=lambda limits: (
            SECTIONAL
            & pl.col("stacked").fill_null(False)
            & (~pl.col("patient_position").is_in(_POSITIONS) | varies("patient_position"))
        ),
        observed=pl.concat_str(
            [
                pl.lit("PatientPosition "),
                pl.when(is_blank("patient_position")).then(pl.lit("absent")).otherwise("patient_position"),
            ]
        ),
    ),
    Check(
        rule=PRONE_SUPINE_CONFLICT,
        when=lambda limits: (
            CT
            & has_text("table_side")
            & (
                (pl.col("patient_position").str.ends_with("S") & (pl.col("table_side") == "A"))
                | (pl.col("patient_position").str.ends_with("P") & (pl.col("table_side") == "P"))
            )
        ),
        observed=fill_template("{} and a table on the {} side", "patient_position", "table_side"),
    ),
    Check(
        rule=SPINE_ANTERIOR,
        when=lambda limits: CT & ~_HEAD & (pl.col("spine_anterior_share") > limits.tolerance),
        observed=fill_template(
            "{} of the bone along the body lies in its anterior half", pl.col("spine_anterior_share").round(2)
        ),
    ),
    Check(
        rule=POSTURE,
        when=lambda limits: (
            SECTIONAL & pl.col("posture_codes").str.to_lowercase().str.contains("erect|standing|quadruped|sitting")
        ),
        observed=describe("posture_codes", "posture"),
    ),
    Check(
        rule=OBLIQUE_STACK,
        when=lambda limits: SECTIONAL & (maximum("obliquity_deg") > limits.tolerance),
        observed=fill_template("{} degrees from the nearest axis", pl.col("obliquity_deg_max").round(1)),
    ),
    Check(
        rule=UNKNOWN_SIDE,
        when=lambda limits: (
            PROJECTION
            & is_blank("patient_orientation")
            & is_blank("image_laterality")
            & is_blank("series_laterality")
            & is_blank("frame_laterality")
        ),
        observed=pl.lit("no PatientOrientation and no laterality"),
    ),
    Check(
        rule=ORIENTATION_CONFLICT,
        when=lambda limits: (
            SECTIONAL
            & pl.col("patient_orientation").str.contains(r"^[LRPAHF]+\\[LRPAHF]+$")
            & has_text("orientation_row")
            & (
                (pl.col("patient_orientation").str.slice(0, 1) != pl.col("orientation_row"))
                | (pl.col("patient_orientation").str.extract(r"\\([LRPAHF])") != pl.col("orientation_column"))
            )
        ),
        observed=fill_template(
            "PatientOrientation {}, cosines towards {} and {}",
            "patient_orientation",
            "orientation_row",
            "orientation_column",
        ),
    ),
)
