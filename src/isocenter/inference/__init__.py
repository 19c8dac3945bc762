"""A trained run -> segmentations on the native grid."""

from isocenter.inference.native import ordered_values
from isocenter.inference.predict import (
    Model,
    PredictSettings,
    load_ensemble,
    load_model,
    predict_cases,
    predict_images,
)

__all__ = [
    "Model",
    "PredictSettings",
    "load_ensemble",
    "load_model",
    "ordered_values",
    "predict_cases",
    "predict_images",
]
