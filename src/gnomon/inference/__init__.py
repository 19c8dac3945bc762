"""A trained run -> segmentations on the native grid, or classes."""

from gnomon.inference.classification import (
    ClassificationModel,
    classify_cases,
    classify_images,
    load_classifier,
    read_class_rows,
)
from gnomon.inference.segmentation import Model, load_ensemble, load_model, predict_cases, predict_images

__all__ = [
    "ClassificationModel",
    "Model",
    "classify_cases",
    "classify_images",
    "load_classifier",
    "load_ensemble",
    "load_model",
    "predict_cases",
    "predict_images",
    "read_class_rows",
]
