"""Contrast medium and contrast phase."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CT, fill_template, has_text, is_blank
from gnomon.rules.catalogue.contrast import (
    CONTRAST_NOT_ACCEPTED,
    CONTRAST_PHASE_CONFLICT,
    CONTRAST_PHASE_NOT_ACCEPTED,
    IMPLAUSIBLE_CONTRAST_TIME,
    UNKNOWN_CONTRAST_PHASE,
)

CHECKS = (
    Check(
        rule=CONTRAST_NOT_ACCEPTED,
        when=lambda limits: (
            CT
            & (
                (
                    pl.lit(limits.policy.contrast == "none")
                    & (
                        pl.col("phase").is_in(["arterial", "portal_venous", "delayed"])
                        | (has_text("contrast_agent") & (pl.col("phase") != "non_contrast"))
                    )
                )
                | (
                    pl.lit(limits.policy.contrast == "required")
                    & (
                        (pl.col("phase") == "non_contrast")
                        | (is_blank("contrast_agent") & (pl.col("phase") == "unknown"))
                    )
                )
            )
        ),
        observed=fill_template("phase {}, agent {}", "phase", pl.col("contrast_agent").fill_null("")),
    ),
    Check(
        rule=UNKNOWN_CONTRAST_PHASE,
        when=lambda limits: (
            CT & pl.col("stacked").fill_null(False) & (pl.col("phase") == "unknown") & ~pl.col("phase_disagree")
        ),
        observed=pl.lit("no phase from attribute, timing, text or labelled organs"),
    ),
    Check(
        rule=CONTRAST_PHASE_CONFLICT,
        when=lambda limits: CT & pl.col("phase_disagree"),
        observed=pl.col("phase_sources"),
    ),
    Check(
        rule=CONTRAST_PHASE_NOT_ACCEPTED,
        when=lambda limits: (
            CT
            & pl.lit(bool(limits.policy.phases))
            & (pl.col("phase") != "unknown")
            & ~pl.col("phase").is_in(list(limits.policy.phases))
        ),
        observed=fill_template("{} ({})", "phase", "phase_sources"),
    ),
    Check(
        rule=IMPLAUSIBLE_CONTRAST_TIME,
        when=lambda limits: (
            CT
            & ((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0 > limits.tolerance * 60e3)
        ),
        observed=fill_template(
            "{} minutes from bolus to scan",
            (((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0) / 60e3).round(0),
        ),
    ),
)
