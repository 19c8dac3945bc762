"""Accepted volumes or NIfTI -> a canonical training set: checked, planned, split, memory-mappable."""

from gnomon.preparation.canonicalise import beyond, canonical_image
from gnomon.preparation.classes import ClassSource, class_of, prepare_classes, read_classes, whole_image
from gnomon.preparation.nnunet_plan import NnunetPlan, read_nnunet_plan
from gnomon.preparation.plan import StepBytes
from gnomon.preparation.planned import Normalisation, Plan
from gnomon.preparation.prepare import (
    Case,
    Dataset,
    PrepareSettings,
    audit_of,
    prepare,
    read_case,
    read_dataset,
    reference_of,
)
from gnomon.preparation.sources import Source, read_source

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
