"""Pixel padding."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import fill_template
from gnomon.dicom import FRAME_GAP
from gnomon.rules.catalogue.padding import CONSTANT_FRAME, PADDING_INSIDE, PADDING_RANGE

CHECKS = (
    Check(
        rule=CONSTANT_FRAME,
        when=lambda limits: (
            ~pl.col("padding_declared").fill_null(False)
            & (pl.col("frame_share") > limits.tolerance)
            & (pl.col("frame_gap") > FRAME_GAP)
        ),
        observed=fill_template(
            "value {} in all corners and {} of the voxels, {} from the next value",
            "frame_value",
            pl.col("frame_share").round(3),
            "frame_gap",
        ),
    ),
    Check(
        rule=PADDING_INSIDE,
        when=lambda limits: pl.col("padding_inside_share") > limits.tolerance,
        observed=fill_template("{} of the padding does not reach the border", pl.col("padding_inside_share").round(3)),
    ),
    Check(
        rule=PADDING_RANGE,
        when=lambda limits: (
            pl.col("padding_limit").is_not_null()
            & ~pl.col("signed")
            & (
                ((pl.col("photometric") == "MONOCHROME1") & (pl.col("padding_limit") > pl.col("padding_value")))
                | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("padding_limit") < pl.col("padding_value")))
            )
        ),
        observed=fill_template("{}: value {}, limit {}", "photometric", "padding_value", "padding_limit"),
    ),
)
