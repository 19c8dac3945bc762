"""Accepted volumes or NIfTI -> a canonical training set: checked, planned, split, memory-mappable."""

from isocenter.preparation.canonicalise import beyond, canonical_image
from isocenter.preparation.classes import ClassSource, class_of, prepare_classes, read_classes, whole_image
from isocenter.preparation.nnunet_plan import NnunetPlan, read_nnunet_plan
from isocenter.preparation.plan import StepBytes
from isocenter.preparation.planned import Normalisation, Plan
from isocenter.preparation.prepare import (
    Case,
    Dataset,
    PrepareSettings,
    audit_of,
    prepare,
    read_case,
    read_dataset,
    reference_of,
)
from isocenter.preparation.sources import Source, read_source

__all__ = [
    "Case",
    "ClassSource",
    "Dataset",
    "NnunetPlan",
    "Normalisation",
    "Plan",
    "PrepareSettings",
    "Source",
    "StepBytes",
    "audit_of",
    "beyond",
    "canonical_image",
    "class_of",
    "prepare",
    "prepare_classes",
    "read_case",
    "read_classes",
    "read_dataset",
    "read_nnunet_plan",
    "read_source",
    "reference_of",
    "whole_image",
]
