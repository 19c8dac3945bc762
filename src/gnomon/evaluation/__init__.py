"""Evaluation in patient space: measures in mm on the reference's grid, summaries, comparisons and criteria."""

from gnomon.evaluation.classes import judge_classes
from gnomon.evaluation.comparison import COLUMNS, compare_evaluations
from gnomon.evaluation.criteria import Criterion, check_labels, read_criteria
from gnomon.evaluation.gate import align_prediction
from gnomon.evaluation.mask_pair import MaskPair, MeasureOptions
from gnomon.evaluation.measure import Measure, column_title
from gnomon.evaluation.measures import HD95, all_measures, measure_entries
from gnomon.evaluation.stage import Evaluation, evaluate, structures_of

__all__ = [
    "COLUMNS",
    "HD95",
    "Criterion",
    "Evaluation",
    "MaskPair",
    "Measure",
    "MeasureOptions",
    "align_prediction",
    "all_measures",
    "check_labels",
    "column_title",
    "compare_evaluations",
    "evaluate",
    "judge_classes",
    "measure_entries",
    "read_criteria",
    "structures_of",
]
