"""Accepted volumes or NIfTI -> a canonical training set: checked, planned, split, memory-mappable."""

from gnomon.preparation.classes import ClassSource, prepare_classes, read_classes
from gnomon.preparation.nnunet_plan import NnunetPlan, read_nnunet_plan
from gnomon.preparation.plan import StepBytes
from gnomon.preparation.prepare import PrepareSettings, audit_of, prepare
from gnomon.preparation.sources import Source, read_source

__all__ = [
    "ClassSource",
    "NnunetPlan",
    "PrepareSettings",
    "Source",
    "StepBytes",
    "audit_of",
    "prepare",
    "prepare_classes",
    "read_classes",
    "read_nnunet_plan",
    "read_source",
]
