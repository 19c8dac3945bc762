"""Accepted volumes or NIfTI -> a canonical training set: checked, planned, split, memory-mappable."""

from isocenter.preparation.canonicalise import canonical_image
from isocenter.preparation.plan import Plan, StepBytes
from isocenter.preparation.prepare import (
    Case,
    Dataset,
    PrepareSettings,
    prepare,
    read_case,
    read_dataset,
    reference_of,
)
from isocenter.preparation.sources import Source, read_source

__all__ = [
    "Case",
    "Dataset",
    "Plan",
    "PrepareSettings",
    "Source",
    "StepBytes",
    "canonical_image",
    "prepare",
    "read_case",
    "read_dataset",
    "read_source",
    "reference_of",
]
