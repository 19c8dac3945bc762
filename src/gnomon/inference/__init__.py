"""A trained run -> segmentations on the native grid, or classes."""

from gnomon.inference.classify import (
    ClassModel,
    classified,
    classify_cases,
    classify_images,
    is_classifier,
    load_classifier,
)
from gnomon.inference.predict import (
    Model,
    PredictSettings,
    load_ensemble,
    load_model,
    predict_cases,
    predict_images,
)

__all__ = [
    "ClassModel",
    "Model",
    "PredictSettings",
    "classified",
    "classify_cases",
    "classify_images",
    "is_classifier",
    "load_classifier",
    "load_ensemble",
    "load_model",
    "predict_cases",
    "predict_images",
]
