"""Label maps, segmentations and structure sets against their images."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check, Limits
from gnomon.audit.expressions import SEGMENTATION, STRUCTURE_SET, fill_template, has_text
from gnomon.rules.catalogue.annotation import ANNOTATION_FRAME, ANNOTATION_WITHOUT_IMAGES, LABEL_GRID, SIDES_EXCHANGED

_COLUMNS = (
    "sop_class",
    "referenced_series",
    "referenced_frames",
    "referenced_sops",
    "frame_of_reference",
    "series_uid",
)


def _select_annotations(volumes: pl.DataFrame) -> pl.DataFrame:
    """Segmentations and structure sets."""
    return volumes.filter(pl.col("sop_class").is_in([SEGMENTATION, STRUCTURE_SET]))


def _find_missing_images(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Annotations whose series are not in the export."""
    present = pl.lit(pl.Series(sorted(set(volumes["series_uid"].drop_nulls()))).implode())
    return (
        _select_annotations(volumes)
        .filter(pl.col("referenced_series") != "")
        .with_columns(lost=pl.col("referenced_series").str.split("\\").list.set_difference(present))
        .filter(pl.col("lost").list.len() > 0)
        .select("volume_id", observed=pl.format("{} referenced series not in the export", pl.col("lost").list.len()))
    )


def _find_other_frames(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Annotations in another frame of reference than the series they refer to."""
    images = volumes.select(referenced="series_uid", image_frame="frame_of_reference").unique()
    own = pl.when(pl.col("referenced_frames") != "").then("referenced_frames").otherwise("frame_of_reference")
    return (
        _select_annotations(volumes)
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
        .then(pl.lit("a different number of voxels"))
        .otherwise(fill_template("corners up to {} mm apart", pl.col("label_offset_mm").round(4))),
    ),
    Check(
        rule=ANNOTATION_WITHOUT_IMAGES,
        search=_find_missing_images,
        columns=_COLUMNS,
    ),
    Check(
        rule=ANNOTATION_FRAME,
        search=_find_other_frames,
        columns=_COLUMNS,
    ),
)
