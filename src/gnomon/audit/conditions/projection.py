"""Pixel size of projection radiographs."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CAPTURES, PROJECTION, fill_template, is_blank
from gnomon.rules.catalogue.projection import NO_PIXEL_SIZE, UNCALIBRATED_PROJECTION, UNKNOWN_CALIBRATION

_NO_SPACING = pl.col("row_mm").is_null()
_NO_IMAGER = pl.col("imager_row_mm").is_null()
_DIFFER = ((pl.col("row_mm") - pl.col("imager_row_mm")).abs() > 1e-6) | (
    (pl.col("column_mm") - pl.col("imager_column_mm")).abs() > 1e-6
)
_CAPTURE = pl.col("sop_class").str.starts_with(CAPTURES)

CHECKS = (
    Check(
        rule=UNCALIBRATED_PROJECTION,
        when=lambda limits: (
            PROJECTION
            & ~(_NO_SPACING & _NO_IMAGER)
            & is_blank("spacing_calibration")
            & (_NO_SPACING | ~_DIFFER.fill_null(False))
            & pl.col("magnification").is_null()
        ),
        observed=fill_template(
            "PixelSpacing {} mm, ImagerPixelSpacing {} mm, no calibration",
            pl.col("row_mm").cast(pl.String).fill_null("absent"),
            pl.col("imager_row_mm").cast(pl.String).fill_null("absent"),
        ),
    ),
    Check(
        rule=NO_PIXEL_SIZE,
        when=lambda limits: (PROJECTION | _CAPTURE) & _NO_SPACING & _NO_IMAGER & pl.col("nominal_row_mm").is_null(),
        observed=pl.lit("no spacing attribute"),
    ),
    Check(
        rule=UNKNOWN_CALIBRATION,
        when=lambda limits: PROJECTION & _DIFFER & is_blank("spacing_calibration"),
        observed=fill_template("PixelSpacing {} mm, ImagerPixelSpacing {} mm", "row_mm", "imager_row_mm"),
    ),
)
