"""Labels and splits of the cases from a table, label maps from a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.dicom import PseudonymMap, Volume, stack_grid
from gnomon.io.images import images_in_folder, read_grid
from gnomon.rules.catalogue.annotation import UNMATCHED_CASES, UNMATCHED_LABELS
from gnomon.rules.catalogue.usage import INVALID_COHORT_TABLE
from gnomon.rules.finding import Finding, Refusal

_KEYS = ("volume", "series", "study", "patient")
_LABEL_FOLDER = "a folder of label maps"


@dataclass(frozen=True)
class Cohort:
    """What the user knows about the cases.

    Attributes:
        cases: a CSV with a column `series`, `study`, `patient` or `volume` (SeriesInstanceUID, StudyInstanceUID,
            PatientID, volume_id) and `label`, `split` or both.
        labels: a folder of label maps, named by SeriesInstanceUID or volume_id.
        structures: meaning of the values in the label maps; None where only their grids are compared.
    """

    cases: Path | None = None
    labels: Path | None = None
    structures: LabelScheme | None = None

    def maps(self) -> dict[str, Path]:
        """The label maps by name.

        Raises:
            Refusal: USE129, no such folder, or no label map in it.
        """
        if self.labels is None:
            return {}
        if not self.labels.is_dir():
            raise INVALID_COHORT_TABLE.refusal(str(self.labels), found="no such folder", expected=_LABEL_FOLDER)
        if not (found := images_in_folder(self.labels)):
            raise INVALID_COHORT_TABLE.refusal(str(self.labels), found="no NIfTI file", expected=_LABEL_FOLDER)
        return found


def label_of(volume: Volume, maps: Mapping[str, Path]) -> Path | None:
    """The label map of a volume, named by volume_id or SeriesInstanceUID."""
    return maps.get(volume.volume_id) or maps.get(volume.first.series_uid)


def cohort_table(
    cases: Path | None, maps: Mapping[str, Path], volumes: Sequence[Volume], slices: pl.DataFrame, names: PseudonymMap
) -> tuple[pl.DataFrame, list[Finding]]:
    """Label and split of each volume, displacement of its label map, and findings about unmatched cases.

    Args:
        cases: the table of cases.
        maps: the label maps by name.
        volumes, slices: volumes of the export and their slices.
        names: pseudonyms, for a table that names patients.

    Raises:
        Refusal: USE129, a table without a column that names the cases.
    """
    keys = slices.group_by("volume_id").agg(
        series=pl.col("series_uid").min(), study=pl.col("study_uid").min(), patient=pl.col("patient").min()
    )
    table, findings = keys.with_columns(volume="volume_id").sort("volume_id"), list[Finding]()
    if cases is not None:
        given, key = _read(cases)
        if key == "patient":
            pseudonyms = [names.digest("patients", one) for one in given["patient"]]
            given = given.with_columns(pl.Series("patient", pseudonyms))
        if lost := len(set(given[key]) - set(table[key])):
            findings.append(
                UNMATCHED_CASES.at(
                    "the table of cases", found=f"{lost} of {given[key].n_unique()} cases without a volume"
                )
            )
        table = table.join(given.unique(key, keep="first", maintain_order=True), on=key, how="left")
    if maps:
        if lost := len(maps.keys() - {*table["series"], *table["volume"]}):
            findings.append(
                UNMATCHED_LABELS.at("the label maps", found=f"{lost} of {len(maps)} label maps without a series")
            )
        offsets = [_label_offset(volume, maps) for volume in volumes]
        schema = {
            "volume_id": pl.String,
            "label_offset_mm": pl.Float64,
            "label_shape_differs": pl.Boolean,
            "label_problem": pl.String,
        }
        table = table.join(pl.DataFrame(offsets, schema=schema), on="volume_id", how="left")
    return table.drop("series", "study", "patient", "volume"), findings


def _read(path: Path) -> tuple[pl.DataFrame, str]:
    try:
        given = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise INVALID_COHORT_TABLE.refusal(str(path), found=str(error).splitlines()[0]) from None
    key = next((name for name in _KEYS if name in given.columns), None)
    columns = [name for name in ("label", "split") if name in given.columns]
    if key is None or not columns:
        raise INVALID_COHORT_TABLE.refusal(str(path), found=f"columns {', '.join(given.columns)}")
    return given.select(key, *columns).filter(pl.col(key).is_not_null()), key


def _label_offset(volume: Volume, maps: Mapping[str, Path]) -> dict[str, Any]:
    """Distance between the corners of a volume and those of its label map, or why it cannot be determined."""
    path = label_of(volume, maps)
    if volume.stack is None or path is None:
        return {"volume_id": volume.volume_id}
    rows, columns = volume.slices[0].shape
    grid = _canonical(stack_grid(volume.stack, (columns or 0, rows or 0, len(volume.stack.slices))))
    try:
        other = _canonical(read_grid(path))
    except Refusal as refusal:
        return {"volume_id": volume.volume_id, "label_problem": refusal.findings[0].found}
    differs = grid.shape != other.shape
    return {
        "volume_id": volume.volume_id,
        "label_shape_differs": differs,
        "label_offset_mm": None if differs else grid.corner_displacement_mm(other),
    }


def _canonical(grid: Grid) -> Grid:
    return grid.reorient(grid.reorientation_to("RAS"))
