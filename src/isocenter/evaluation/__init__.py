"""Patient-space metrics: on the reference's grid, in millimetres; and what a sample of cases says of all."""

from isocenter.evaluation.classes import judge_classes
from isocenter.evaluation.comparison import COLUMNS, compare_evaluations
from isocenter.evaluation.criteria import Criterion, check_labels, read_criteria
from isocenter.evaluation.evaluate import Evaluation, evaluate, structures_of
from isocenter.evaluation.gate import placed
from isocenter.evaluation.metrics import HD95, MEASURES
from isocenter.evaluation.settings import EvaluateSettings
from isocenter.evaluation.statistics import Interval, mean_interval

__all__ = [
    "COLUMNS", "HD95", "MEASURES", "Criterion", "EvaluateSettings", "Evaluation", "Interval", "check_labels",
    "compare_evaluations", "evaluate", "judge_classes", "mean_interval", "placed", "read_criteria", "structures_of",
]  # fmt: skip
