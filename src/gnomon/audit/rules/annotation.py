"""Labels against the images they belong to (P08, P20; segmentations and structure sets)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import SEGMENTATION, STRUCTURE_SET, said, told
from gnomon.audit.rule import Asked, Needs, Rule, Scope
from gnomon.rules.finding import Severity

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


def _missing(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Drawings whose series are not in the export."""
    there = pl.lit(pl.Series(sorted(set(volumes["series_uid"].drop_nulls()))).implode())
    return (
        _drawn(volumes)
        .filter(pl.col("referenced_series") != "")
        .with_columns(lost=pl.col("referenced_series").str.split("\\").list.set_difference(there))
        .filter(pl.col("lost").list.len() > 0)
        .select("volume_id", observed=pl.format("{} referenced series that are not here", pl.col("lost").list.len()))
    )


def _elsewhere(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
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


GRID = Rule(
    id="DCM233",
    title="A label on another grid than its image, or one that cannot be read",
    scope=Scope.VOLUME,
    pitfall="P20",
    standard="-",
    why="The label lies beside the organ: the net learns the neighbour.",
    remedy="Resample the label onto the image, or find the right one.",
    expected="the same shape, and an affine within the tolerance",
    when=lambda asked: (
        (pl.col("label_offset_mm") > asked.tolerance) | pl.col("label_shape_differs") | said("label_problem")
    ),
    observed=pl.when(said("label_problem"))
    .then(pl.col("label_problem"))
    .when(pl.col("label_shape_differs"))
    .then(pl.lit("another number of voxels"))
    .otherwise(told("corners up to {} mm apart", pl.col("label_offset_mm").round(4))),
    tolerance=1e-3,
    unit="mm",
    needs=Needs.LABELS,
    severity=Severity.ERROR,
)
LABEL_ALONE = Rule(
    id="DCM234",
    title="Label maps that fit no series",
    scope=Scope.COHORT,
    pitfall="P20",
    standard="-",
    why="Annotated cases are missing from the set.",
    remedy="Check the names, and that the export is whole.",
    expected="names that are SeriesInstanceUIDs of the export",
    needs=Needs.LABELS,
)
SOURCE_MISSING = Rule(
    id="DCM732",
    title="A segmentation or structure set whose images are not here",
    scope=Scope.VOLUME,
    pitfall="1.2",
    standard="PS3.3 C.8.20.2, C.8.8.5",
    why="Contours of another scan are laid over this one.",
    remedy="Fetch the series it was drawn on.",
    expected="every referenced series",
    search=_missing,
    columns=_COLUMNS,
)
OTHER_FRAME = Rule(
    id="DCM733",
    title="A segmentation or structure set in another frame of reference than its images",
    scope=Scope.VOLUME,
    pitfall="1.2",
    standard="PS3.3 C.7.4.1",
    why="Positions of two frames cannot be compared without a registration.",
    remedy="Find the registration, or draw it anew.",
    expected="one FrameOfReferenceUID",
    search=_elsewhere,
    columns=_COLUMNS,
    severity=Severity.ERROR,
)
