"""How pixel values are encoded: polarity, bits, rescale."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import fill_template, has_text, maximum, varies
from gnomon.rules.catalogue.encoding import MIXED_POLARITY, POLARITY_CONFLICT, WRAPPED_VALUES

_GREY = pl.col("photometric").fill_null("").str.starts_with("MONOCHROME")

CHECKS = (
    Check(
        rule=POLARITY_CONFLICT,
        when=lambda limits: (
            ((pl.col("photometric") == "MONOCHROME1") & (pl.col("presentation") == "IDENTITY"))
            | ((pl.col("photometric") == "MONOCHROME2") & (pl.col("presentation") == "INVERSE"))
        ),
        observed=fill_template("{} with {}", "photometric", "presentation"),
    ),
    Check(
        rule=MIXED_POLARITY,
        when=lambda limits: (
            (_GREY & varies("photometric") & maximum("photometric").str.starts_with("MONOCHROME"))
            | (
                _GREY
                & has_text("series_uid")
                & (pl.when(_GREY).then("photometric").drop_nulls().n_unique().over("study_uid", "series_uid") > 1)
            )
        ),
        observed=pl.lit("MONOCHROME1 and MONOCHROME2"),
    ),
    Check(
        rule=WRAPPED_VALUES,
        when=lambda limits: ~pl.col("signed") & (pl.col("wrapped_share") > limits.tolerance),
        observed=fill_template("{} of the voxels in the top 1024 of the range", pl.col("wrapped_share").round(4)),
    ),
)
