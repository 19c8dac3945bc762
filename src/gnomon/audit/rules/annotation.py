"""Labels against the images they belong to (P08, P20; segmentations and structure sets)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import SEGMENTATION, STRUCTURE_SET, said, told
from gnomon.audit.rule import Asked, Needs, Rule, Scope
from gnomon.findings import Severity

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
        _drawn(volumes).filter(pl.col("referenced_series") != "")
        .with_columns(lost=pl.col("referenced_series").str.split("\\").list.set_difference(there))
        .filter(pl.col("lost").list.len() > 0)
        .select("volume_id", observed=pl.format("{} referenced series that are not here", pl.col("lost").list.len()))
    )  # fmt: skip


def _elsewhere(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Drawings in another frame of reference than the series they name."""
    images = volumes.select(referenced="series_uid", image_frame="frame_of_reference").unique()
    own = pl.when(pl.col("referenced_frames") != "").then("referenced_frames").otherwise("frame_of_reference")
    return (
        _drawn(volumes).with_columns(referenced=pl.col("referenced_series").str.split("\\"), own=own)
        .explode("referenced").join(images, on="referenced", how="inner")
        .filter((pl.col("own") != "") & ~pl.col("own").str.contains(pl.col("image_frame"), literal=True))
        .group_by("volume_id").agg(observed=pl.format("frame {}, its images {}", "own", "image_frame").min())
    )  # fmt: skip


GRID = Rule(
    "DCM233", "A label on another grid than its image, or one that cannot be read", Scope.VOLUME, "P20", "-",
    "The label lies beside the organ: the net learns the neighbour.",
    "Resample the label onto the image, or find the right one.", "the same shape, and an affine within the tolerance",
    when=lambda asked: (pl.col("label_offset_mm") > asked.tolerance)
    | pl.col("label_shape_differs") | said("label_problem"),
    observed=pl.when(said("label_problem")).then(pl.col("label_problem"))
    .when(pl.col("label_shape_differs")).then(pl.lit("another number of voxels"))
    .otherwise(told("corners up to {} mm apart", pl.col("label_offset_mm").round(4))),
    tolerance=1e-3, unit="mm", needs=Needs.LABELS, severity=Severity.ERROR,
)  # fmt: skip
LABEL_ALONE = Rule(
    "DCM234", "Label maps that fit no series", Scope.COHORT, "P20", "-", "Annotated cases are missing from the set.",
    "Check the names, and that the export is whole.", "names that are SeriesInstanceUIDs of the export",
    needs=Needs.LABELS,
)  # fmt: skip
SOURCE_MISSING = Rule(
    "DCM732", "A segmentation or structure set whose images are not here", Scope.VOLUME, "1.2",
    "PS3.3 C.8.20.2, C.8.8.5",
    "Contours of another scan are laid over this one.", "Fetch the series it was drawn on.", "every referenced series",
    search=_missing, columns=_COLUMNS,
)  # fmt: skip
OTHER_FRAME = Rule(
    "DCM733", "A segmentation or structure set in another frame of reference than its images", Scope.VOLUME, "1.2",
    "PS3.3 C.7.4.1",
    "Positions of two frames cannot be compared without a registration.", "Find the registration, or draw it anew.",
    "one FrameOfReferenceUID", search=_elsewhere, columns=_COLUMNS, severity=Severity.ERROR,
)  # fmt: skip
