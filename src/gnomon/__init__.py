"""Gnomon: from a hospital's DICOM export to a 3D segmentation model one can defend.

The functions of `gnomon.api` and the values that they take are imported from here, each when it is first used:

    import gnomon

    trained = gnomon.train("nifti", {"data.root": "Task04_Hippocampus", "training.epochs": 40})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.api import (
        Comparison,
        LoadedCase,
        TrainedExperiment,
        audit,
        compare,
        convert,
        evaluate,
        predict,
        prepare,
        read_case,
        read_config,
        train,
    )
    from gnomon.audit import AuditResult, Cohort
    from gnomon.core.geometry import Grid
    from gnomon.core.labels import LabelScheme
    from gnomon.dataset.dataset import Case, Dataset, read_dataset
    from gnomon.dicom import Converted
    from gnomon.evaluation import Evaluation
    from gnomon.rules.finding import Finding, Refusal, Severity
    from gnomon.settings import (
        AuditSettings,
        AugmentationSettings,
        Config,
        ConvertSettings,
        DataSettings,
        EvaluateSettings,
        LesionSettings,
        LossSettings,
        OptimiserSettings,
        PhantomSettings,
        PlanSettings,
        PredictSettings,
        PrepareSettings,
        SearchSettings,
        SplitSettings,
        TrackerSettings,
        TrainerSettings,
        TrainSettings,
    )
    from gnomon.settings.policy import Policy

__version__ = "0.1.0"
__all__ = [
    "AuditResult",
    "AuditSettings",
    "AugmentationSettings",
    "Case",
    "Cohort",
    "Comparison",
    "Config",
    "ConvertSettings",
    "Converted",
    "DataSettings",
    "Dataset",
    "EvaluateSettings",
    "Evaluation",
    "Finding",
    "Grid",
    "LabelScheme",
    "LesionSettings",
    "LoadedCase",
    "LossSettings",
    "OptimiserSettings",
    "PhantomSettings",
    "PlanSettings",
    "Policy",
    "PredictSettings",
    "PrepareSettings",
    "Refusal",
    "SearchSettings",
    "Severity",
    "SplitSettings",
    "TrackerSettings",
    "TrainSettings",
    "TrainedExperiment",
    "TrainerSettings",
    "audit",
    "compare",
    "convert",
    "evaluate",
    "predict",
    "prepare",
    "read_case",
    "read_config",
    "read_dataset",
    "train",
]

_PLACES = {
    "gnomon.api": (
        "Comparison",
        "LoadedCase",
        "TrainedExperiment",
        "compare",
        "convert",
        "evaluate",
        "predict",
        "prepare",
        "read_case",
        "read_config",
        "train",
    ),
    "gnomon.audit": ("AuditResult", "Cohort"),
    "gnomon.core.geometry": ("Grid",),
    "gnomon.core.labels": ("LabelScheme",),
    "gnomon.dataset.dataset": ("Case", "Dataset", "read_dataset"),
    "gnomon.dicom": ("Converted",),
    "gnomon.evaluation": ("Evaluation",),
    "gnomon.rules.finding": ("Finding", "Refusal", "Severity"),
    "gnomon.settings.policy": ("Policy",),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used (PEP 562)."""
    if name == "audit":  # the room; it can be called, see docs/decisions/0008
        return importlib.import_module("gnomon.audit")
    if name in _PLACE_OF:
        value = getattr(importlib.import_module(_PLACE_OF[name]), name)
    elif name in __all__:
        value = getattr(importlib.import_module("gnomon.settings"), name)
    else:
        raise AttributeError(f"module 'gnomon' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
