"""Which slices and frames form a volume, and whether all of them are present."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check, Limits
from gnomon.audit.expressions import describe, has_text
from gnomon.rules.catalogue.series import MIXED_COMPLEX_COMPONENTS, STUDY_OF_SEVERAL_SERIES


def _find_studies_of_several_series(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Studies with more than one series, one row per study."""
    known = volumes.filter(has_text("study_uid") & has_text("series_uid"))
    counted = known.group_by("study_uid").agg(series=pl.col("series_uid").n_unique(), volume=pl.col("volume_id").min())
    several = counted.filter(pl.col("series") > 1).sort("study_uid")
    return several.select(
        subject=pl.format("the study of volume {}", "volume"), observed=pl.format("{} series", "series")
    )


CHECKS = (
    Check(
        rule=STUDY_OF_SEVERAL_SERIES,
        search=_find_studies_of_several_series,
        columns=("study_uid", "series_uid"),
    ),
    Check(
        rule=MIXED_COMPLEX_COMPONENTS,
        when=lambda limits: (
            has_text("series_uid")
            & has_text("complex_part")
            & (pl.col("complex_part").n_unique().over("study_uid", "series_uid") > 1)
        ),
        observed=describe("complex_part", "ComplexImageComponent"),
    ),
)
