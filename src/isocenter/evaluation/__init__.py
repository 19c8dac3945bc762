"""Patient-space metrics: on the reference's grid, in millimetres; and what a sample of cases says of all."""

from isocenter.evaluation.comparison import COLUMNS, compare_evaluations
from isocenter.evaluation.criteria import Criterion, check_labels, read_criteria
from isocenter.evaluation.evaluate import EvaluateSettings, Evaluation, evaluate
from isocenter.evaluation.metrics import HD95, MEASURES

__all__ = [
    "COLUMNS", "HD95", "MEASURES", "Criterion", "EvaluateSettings", "Evaluation", "check_labels",
    "compare_evaluations", "evaluate", "read_criteria",
]  # fmt: skip
