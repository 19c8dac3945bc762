"""Label maps, segmentations and structure sets against their images."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check, Limits
from gnomon.audit.expressions import SEGMENTATION, STRUCTURE_SET, fill_template, has_text
from gnomon.rules.catalogue.label import ANNOTATION_FRAME, ANNOTATION_WITHOUT_IMAGES, LABEL_GRID, SIDES_EXCHANGED

_COLUMNS = (
    "sop_class",
    "referenced_series",
    "referenced_frames",
    "referenced_sops",
    "frame_of_reference",
    "series_uid",
)


def _drawn(volumes: pl.DataFrame) -> pl.DataFrame:
    return volumes.filter(pl.col("sop_class").is_in([SEGMENTATION, STRUCTURE_SET]))


def _missing(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Drawings whose series are not in the export."""
    there = pl.lit(pl.Series(sorted(set(volumes["series_uid"].drop_nulls()))).implode())
    return (
        _drawn(volumes)
        .filter(pl.col("referenced_series") != "")
        .with_columns(lost=pl.col("referenced_series").str.split("\\").list.set_difference(there))
        .filter(pl.col("lost").list.len() > 0)
        .select("volume_id", observed=pl.format("{} referenced series that are not here", pl.col("lost").list.len()))
    )


def _elsewhere(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Drawings in another frame of reference than the series they name."""
    images = volumes.select(referenced="series_uid", image_frame="frame_of_reference").unique()
    own = pl.when(pl.col("referenced_frames") != "").then("referenced_frames").otherwise("frame_of_reference")
    return (
        _drawn(volumes)
        .with_columns(referenced=pl.col("referenced_series").str.split("\\"), own=own)
        .explode("referenced")
        .join(images, on="referenced", how="inner")
        .filter((pl.col("own") != "") & ~pl.col("own").str.contains(pl.col("image_frame"), literal=True))
        .group_by("volume_id")
        .agg(observed=pl.format("frame {}, its images {}", "own", "image_frame").min())
    )


CHECKS = (
    Check(
        rule=SIDES_EXCHANGED,
        when=lambda limits: has_text("sides_exchanged"),
        observed=pl.col("sides_exchanged"),
    ),
    Check(
        rule=LABEL_GRID,
        when=lambda limits: (
            (pl.col("label_offset_mm") > limits.tolerance) | pl.col("label_shape_differs") | has_text("label_problem")
        ),
        observed=pl.when(has_text("label_problem"))
        .then(pl.col("label_problem"))
        .when(pl.col("label_shape_differs"))
        .then(pl.lit("another number of voxels"))
        .otherwise(fill_template("corners up to {} mm apart", pl.col("label_offset_mm").round(4))),
    ),
    Check(
        rule=ANNOTATION_WITHOUT_IMAGES,
        search=_missing,
        columns=_COLUMNS,
    ),
    Check(
        rule=ANNOTATION_FRAME,
        search=_elsewhere,
        columns=_COLUMNS,
    ),
)
