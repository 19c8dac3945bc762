"""The settings of every stage. Nothing here imports a stage, so that a configuration is checked at once."""

from gnomon.settings.audit import AuditSettings
from gnomon.settings.conversion import ConvertSettings
from gnomon.settings.evaluation import EvaluateSettings, LesionSettings
from gnomon.settings.experiment import Config, DataSource
from gnomon.settings.inference import PredictSettings
from gnomon.settings.phantom import PhantomSettings
from gnomon.settings.postprocessing import SearchSettings
from gnomon.settings.preparation import PlanSettings, PrepareSettings, SplitSettings
from gnomon.settings.trackers import TrackerSettings
from gnomon.settings.trainer import TrainerSettings
from gnomon.settings.training import (
    AugmentationSettings,
    DataSettings,
    LossSettings,
    OptimiserSettings,
    TrainSettings,
)

__all__ = [
    "AuditSettings",
    "AugmentationSettings",
    "Config",
    "ConvertSettings",
    "DataSettings",
    "DataSource",
    "EvaluateSettings",
    "LesionSettings",
    "LossSettings",
    "OptimiserSettings",
    "PhantomSettings",
    "PlanSettings",
    "PredictSettings",
    "PrepareSettings",
    "SearchSettings",
    "SplitSettings",
    "TrackerSettings",
    "TrainSettings",
    "TrainerSettings",
]
