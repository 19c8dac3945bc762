"""What the user knows about the cases: label and split from a table, label maps from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from isocenter import nifti
from isocenter.dicom import PseudonymMap, Volume, stack_grid
from isocenter.findings import refuse
from isocenter.geometry import Grid

_KEYS = ("volume", "series", "study", "patient")


@dataclass(frozen=True)
class Cohort:
    """Where the user's knowledge lies.

    Attributes:
        cases: a CSV with a column `series`, `study`, `patient` or `volume` (SeriesInstanceUID, StudyInstanceUID,
            PatientID, volume_id) and `label`, `split` or both.
        labels: a folder of label maps, `<SeriesInstanceUID>.nii.gz`.
    """

    cases: Path | None = None
    labels: Path | None = None


def cohort_table(cohort: Cohort, volumes: Sequence[Volume], slices: pl.DataFrame, names: PseudonymMap) -> pl.DataFrame:
    """One row a volume, with the columns `label` and `split` that the table gives, and how far its label map is off.

    Raises:
        Refusal: USE129, a table without a column that names the cases.
    """
    keys = slices.group_by("volume_id").agg(
        series=pl.col("series_uid").min(), study=pl.col("study_uid").min(), patient=pl.col("patient").min()
    )
    table = keys.with_columns(volume="volume_id").sort("volume_id")
    if cohort.cases is not None:
        given, key = _read(cohort.cases)
        if key == "patient":
            given = given.with_columns(
                pl.Series("patient", [names.digest("patients", one) for one in given["patient"]])
            )
        table = table.join(given.unique(key, keep="first", maintain_order=True), on=key, how="left")
    if cohort.labels is not None:
        offsets = [_offset(volume, cohort.labels) for volume in volumes]
        schema = {"volume_id": pl.String, "label_offset_mm": pl.Float64, "label_shape_differs": pl.Boolean}
        table = table.join(pl.DataFrame(offsets, schema=schema), on="volume_id", how="left")
    return table.drop("series", "study", "patient", "volume")


def _read(path: Path) -> tuple[pl.DataFrame, str]:
    try:
        given = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise refuse(
            "USE129", str(path), str(error).splitlines()[0], "a CSV table", "Check the path and the file."
        ) from None
    key = next((name for name in _KEYS if name in given.columns), None)
    columns = [name for name in ("label", "split") if name in given.columns]
    if key is None or not columns:
        raise refuse(
            "USE129", str(path), f"columns {', '.join(given.columns)}",
            f"one of {', '.join(_KEYS)}, and label or split",
            "Name the columns so.",
        )  # fmt: skip
    return given.select(key, *columns).filter(pl.col(key).is_not_null()), key


def _offset(volume: Volume, folder: Path) -> dict[str, Any]:
    """How far the corners of a volume's label map are from the volume's own."""
    path = folder / f"{volume.first.series_uid}.nii.gz"
    if volume.stack is None or not path.is_file():
        return {"volume_id": volume.volume_id}
    rows, columns = volume.slices[0].shape
    grid = _canonical(stack_grid(volume.stack, (columns or 0, rows or 0, len(volume.stack.slices))))
    other = _canonical(nifti.read_grid(path))
    differs = grid.shape != other.shape
    return {
        "volume_id": volume.volume_id, "label_shape_differs": differs,
        "label_offset_mm": None if differs else grid.corner_displacement_mm(other),
    }  # fmt: skip


def _canonical(grid: Grid) -> Grid:
    return grid.reoriented(grid.reorientation_to("RAS"))
