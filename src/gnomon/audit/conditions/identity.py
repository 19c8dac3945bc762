"""Who the patient is: identifiers, dates, burned-in text."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CAPTURES, ULTRASOUND, describe, has_text, is_blank
from gnomon.rules.catalogue.identity import (
    ALTERED_DATES,
    BURNED_IN_ANNOTATION,
    CONFLICTING_PATIENT,
    REMAINING_IDENTIFIERS,
)

CHECKS = (
    Check(
        rule=BURNED_IN_ANNOTATION,
        when=lambda limits: (
            (pl.col("burned_in") == "YES").fill_null(False)
            | (
                is_blank("burned_in")
                & (pl.col("sop_class").str.starts_with(CAPTURES) | pl.col("sop_class").is_in(ULTRASOUND))
            )
        ),
        observed=describe("burned_in", "BurnedInAnnotation"),
    ),
    Check(
        rule=REMAINING_IDENTIFIERS,
        when=lambda limits: (pl.col("identity_removed") == "YES") & has_text("identifiers"),
        observed=describe("identifiers", "elements"),
    ),
    Check(
        rule=ALTERED_DATES,
        when=lambda limits: pl.col("longitudinal").is_in(["MODIFIED", "REMOVED"]),
        observed=describe("longitudinal", "LongitudinalTemporalInformation"),
    ),
    Check(
        rule=CONFLICTING_PATIENT,
        when=lambda limits: (
            has_text("patient")
            & (
                (
                    pl.when(has_text("sex") & (pl.col("sex") != "O"))
                    .then(pl.col("sex"))
                    .drop_nulls()
                    .n_unique()
                    .over("patient")
                    > 1
                )
                | (pl.when(has_text("birth")).then(pl.col("birth")).drop_nulls().n_unique().over("patient") > 1)
            )
        ),
        observed=pl.lit("two sexes or birth dates under one PatientID"),
    ),
)
