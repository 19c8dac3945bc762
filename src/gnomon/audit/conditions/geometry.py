"""Spacing, direction and position of slices and pixels."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import PROJECTION, SECTIONAL, fill_template, maximum
from gnomon.rules.catalogue.geometry import (
    ANISOTROPIC_VOXELS,
    IMPLAUSIBLE_PIXEL_SIZE,
    NON_SQUARE_PIXELS,
    THICKNESS_MISMATCH,
    VARYING_THICKNESS,
)

CHECKS = (
    Check(
        rule=THICKNESS_MISMATCH,
        when=lambda limits: (
            SECTIONAL
            & (pl.col("step_mm") > 0)
            & (maximum("slice_thickness_mm") > 0)
            & ((maximum("slice_thickness_mm") / pl.col("step_mm") - 1).abs() > limits.tolerance)
        ),
        observed=fill_template("slices {} mm thick, {} mm apart", "slice_thickness_mm_max", pl.col("step_mm").round(4)),
    ),
    Check(
        rule=ANISOTROPIC_VOXELS,
        when=lambda limits: (
            SECTIONAL & (pl.col("step_mm") / pl.min_horizontal("row_mm", "column_mm") > limits.tolerance)
        ),
        observed=fill_template(
            "a slice distance of {} times the pixel spacing",
            (pl.col("step_mm") / pl.min_horizontal("row_mm", "column_mm")).round(2),
        ),
    ),
    Check(
        rule=VARYING_THICKNESS,
        when=lambda limits: (
            SECTIONAL & (maximum("slice_thickness_mm") - pl.col("slice_thickness_mm") > limits.tolerance)
        ),
        observed=fill_template("{} to {} mm", "slice_thickness_mm", "slice_thickness_mm_max"),
    ),
    Check(
        rule=IMPLAUSIBLE_PIXEL_SIZE,
        when=lambda limits: (
            (PROJECTION & ~pl.coalesce("row_mm", "imager_row_mm").is_between(0.02, 2.0))
            | (pl.col("kind").is_in(["CT", "MR", "PT"]) & ~pl.col("row_mm").is_between(0.02, 12.0))
        ),
        observed=fill_template("{} mm", pl.coalesce("row_mm", "imager_row_mm")),
    ),
    Check(
        rule=NON_SQUARE_PIXELS,
        when=lambda limits: (
            (PROJECTION | pl.col("kind").is_in(["CT", "MR", "PT"]))
            & (
                (pl.coalesce("row_mm", "imager_row_mm") / pl.coalesce("column_mm", "imager_column_mm") - 1).abs()
                > limits.tolerance
            )
        ),
        observed=fill_template(
            "{} x {} mm", pl.coalesce("row_mm", "imager_row_mm"), pl.coalesce("column_mm", "imager_column_mm")
        ),
    ),
)
