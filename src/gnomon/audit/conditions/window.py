"""Display windows of the header."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import SECTIONAL, describe, fill_template, maximum, varies
from gnomon.rules.catalogue.window import INVALID_WINDOW, NO_WINDOW, NONLINEAR_WINDOW, SEVERAL_WINDOWS, VARYING_WINDOW

_DISPLAYED = SECTIONAL | pl.col("modality").is_in(["CR", "DX", "MG"])

CHECKS = (
    Check(
        rule=NO_WINDOW,
        when=lambda limits: _DISPLAYED & pl.col("window_width").is_null() & ~pl.col("has_voi_lut"),
        observed=pl.lit("no WindowCenter and WindowWidth"),
    ),
    Check(
        rule=SEVERAL_WINDOWS,
        when=lambda limits: maximum("windows") > 1,
        observed=describe("windows_max", "windows:"),
    ),
    Check(
        rule=INVALID_WINDOW,
        when=lambda limits: (
            pl.col("window_width")
            < pl.when(pl.col("voi_function").is_in(["LINEAR_EXACT", "SIGMOID"])).then(1e-9).otherwise(1.0)
        ),
        observed=describe("window_width", "WindowWidth"),
    ),
    Check(
        rule=NONLINEAR_WINDOW,
        when=lambda limits: pl.col("voi_function").is_in(["SIGMOID", "LINEAR_EXACT"]) | pl.col("has_voi_lut"),
        observed=pl.concat_str([pl.lit("VOI LUT function "), pl.col("voi_function").fill_null("of a table")]),
    ),
    Check(
        rule=VARYING_WINDOW,
        when=lambda limits: varies("window_width") | varies("window_center"),
        observed=fill_template("WindowWidth {} to {}", "window_width", "window_width_max"),
    ),
)
