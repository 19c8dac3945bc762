"""Patient-space metrics: on the reference's grid, in millimetres; and what a sample of cases says of all."""

from gnomon.evaluation.classes import judge_classes
from gnomon.evaluation.comparison import COLUMNS, compare_evaluations
from gnomon.evaluation.criteria import Criterion, check_labels, read_criteria
from gnomon.evaluation.evaluate import Evaluation, evaluate, structures_of
from gnomon.evaluation.gate import placed
from gnomon.evaluation.metrics import HD95, MEASURES
from gnomon.evaluation.settings import EvaluateSettings

__all__ = [
    "COLUMNS",
    "HD95",
    "MEASURES",
    "Criterion",
    "EvaluateSettings",
    "Evaluation",
    "check_labels",
    "compare_evaluations",
    "evaluate",
    "judge_classes",
    "placed",
    "read_criteria",
    "structures_of",
]
