"""Patient-space metrics: on the reference's grid, in millimetres."""

from isocenter.evaluation.evaluate import EvaluateSettings, Evaluation, evaluate
from isocenter.evaluation.metrics import HD95, MEASURES

__all__ = ["HD95", "MEASURES", "EvaluateSettings", "Evaluation", "evaluate"]
