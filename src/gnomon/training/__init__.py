"""The training stage (dataset/ -> run/): modules, losses, schedule, callbacks, trackers."""

from gnomon.training.classification_module import ClassificationModule
from gnomon.training.learning_task import LearningTask
from gnomon.training.losses import Loss, build_loss
from gnomon.training.module_parts import ModuleParts
from gnomon.training.precision import lightning_precision
from gnomon.training.segmentation_module import SegmentationModule
from gnomon.training.stage import check_settings, fit, write_plan
from gnomon.training.watching import first_difference

__all__ = [
    "ClassificationModule",
    "LearningTask",
    "Loss",
    "ModuleParts",
    "SegmentationModule",
    "build_loss",
    "check_settings",
    "first_difference",
    "fit",
    "lightning_precision",
    "write_plan",
]
