"""Cardiac and respiratory gating."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CT, TEXTS, fill_template, has_text, is_blank, maximum
from gnomon.rules.catalogue.motion import (
    CARDIAC_PHASE_CONFLICT,
    FAST_HEART,
    RESPIRATORY_PHASE,
    SEVERAL_CARDIAC_PHASES,
    UNGATED_HEART,
    UNKNOWN_CARDIAC_PHASES,
)

_HEART = TEXTS.str.contains(r"cardiac|coronar|\bheart|\bcor\b|calcium score|\becg|\bekg|gated")
_CARDIAC = pl.col("body_part").fill_null("").str.contains("HEART|CARDIAC|CORONARY") | _HEART
_TEXT_PHASE = TEXTS.str.extract(r"(\d{1,3})(?:\.\d+)? ?%").cast(pl.Float64, strict=False)
_TRIGGERED = 100 * pl.col("trigger_time_ms") / pl.col("rr_interval_ms")
_PHASES_PCT = [pl.col("nominal_phase"), pl.col("private_phase"), _TRIGGERED, _TEXT_PHASE]

CHECKS = (
    Check(
        rule=UNGATED_HEART,
        when=lambda limits: (
            CT
            & _CARDIAC
            & pl.all_horizontal([phase.is_null() for phase in _PHASES_PCT])
            & (is_blank("cardiac_technique") | (pl.col("cardiac_technique") == "NONE"))
        ),
        observed=pl.lit("no phase, trigger or technique"),
    ),
    Check(
        rule=SEVERAL_CARDIAC_PHASES,
        when=lambda limits: (
            has_text("series_uid")
            & pl.col("cardiac_phase").is_not_null()
            & (pl.col("cardiac_phase").n_unique().over("study_uid", "series_uid") > 1)
        ),
        observed=fill_template(
            "{} % of the cycle, one of several phases in the series", pl.col("cardiac_phase").round(1)
        ),
    ),
    Check(
        rule=UNKNOWN_CARDIAC_PHASES,
        when=lambda limits: (
            has_text("series_uid")
            & _CARDIAC
            & pl.col("stacked").fill_null(False)
            & pl.all_horizontal([phase.is_null() for phase in _PHASES_PCT])
            & (pl.col("volume_id").n_unique().over("study_uid", "series_uid") > 1)
        ),
        observed=pl.lit("several volumes in the series and no cardiac phase"),
    ),
    Check(
        rule=CARDIAC_PHASE_CONFLICT,
        when=lambda limits: (
            _CARDIAC & (pl.max_horizontal(_PHASES_PCT) - pl.min_horizontal(_PHASES_PCT) > limits.tolerance)
        ),
        observed=fill_template(
            "{} to {} % of the cycle", pl.min_horizontal(_PHASES_PCT).round(1), pl.max_horizontal(_PHASES_PCT).round(1)
        ),
    ),
    Check(
        rule=FAST_HEART,
        when=lambda limits: _CARDIAC & ((maximum("heart_rate") > limits.tolerance) | (pl.col("beat_rejection") == "Y")),
        observed=fill_template(
            "{} beats per minute, BeatRejectionFlag {}",
            pl.col("heart_rate_max"),
            pl.col("beat_rejection").fill_null("absent"),
        ),
    ),
    Check(
        rule=RESPIRATORY_PHASE,
        when=lambda limits: (
            ~pl.col("respiratory_technique").fill_null("").is_in(["", "NONE"])
            | pl.col("scan_options").fill_null("").str.contains("RG|RESP")
        ),
        observed=pl.concat_str([pl.lit("respiratory technique "), pl.col("respiratory_technique").fill_null("")]),
    ),
)
