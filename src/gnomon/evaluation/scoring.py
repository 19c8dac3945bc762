"""One structure of one case -> its row of cases.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gnomon.core.geometry import Grid
from gnomon.evaluation.mask_pair import MaskPair, MeasureOptions
from gnomon.evaluation.measure import Measure

VOLUME_COLUMNS = ("tolerance_mm", "reference_mm3", "prediction_mm3", "volume_error_mm3", "outside_mm3")


@dataclass(frozen=True)
class StructureScores:
    """Scores of one structure in one case.

    Attributes:
        row: status, every measure (None where it has no value), volumes in mm3.
        failures: why a measure that applies has no value, by the measure's name.
    """

    row: dict[str, Any]
    failures: dict[str, str]


def score_structure(pair: MaskPair, measures: Sequence[Measure]) -> StructureScores:
    """Score a predicted mask against its reference.

    Empty masks follow a fixed table: both empty is 'absent', which no mean counts; one empty is 'missed' or
    'spurious', which scores the worst value.
    """
    voxel_mm3 = pair.grid.voxel_volume_mm3
    scores: dict[str, float | None] = dict.fromkeys(measure.name for measure in measures)
    failures: dict[str, str] = {}
    if pair.status in ("missed", "spurious"):
        scores |= worst_scores(pair.grid, pair.options, measures)
    elif pair.status == "found":
        for measure in measures:
            if measure.applies(pair.options):
                try:
                    scores[measure.name] = measure.compute(pair)
                except Exception as error:
                    failures[measure.name] = f"{type(error).__name__}: {error}"
    row = {
        "status": pair.status,
        **scores,
        "reference_mm3": pair.n_reference * voxel_mm3,
        "prediction_mm3": pair.n_prediction * voxel_mm3,
        "volume_error_mm3": (pair.n_prediction - pair.n_reference) * voxel_mm3,
        "tolerance_mm": pair.options.tolerance_mm,
        "outside_mm3": pair.outside_mm3,
    }
    return StructureScores(row, failures)


def worst_scores(grid: Grid, options: MeasureOptions, measures: Sequence[Measure]) -> dict[str, float]:
    """The worst score of each measure that applies."""
    return {measure.name: measure.worst_on(grid) for measure in measures if measure.applies(options)}
