"""Accepted volumes or NIfTI -> a canonical training set: checked, planned, split, memory-mappable."""

from gnomon.preparation.classification import RawClassDataset, prepare_classes, read_classes
from gnomon.preparation.nnunet_plan import NnunetPlan, read_nnunet_plan
from gnomon.preparation.planner import StepBytes
from gnomon.preparation.raw_dataset import RawDataset, read_raw_dataset
from gnomon.preparation.stage import audit_record, prepare

__all__ = [
    "NnunetPlan",
    "RawClassDataset",
    "RawDataset",
    "StepBytes",
    "audit_record",
    "prepare",
    "prepare_classes",
    "read_classes",
    "read_nnunet_plan",
    "read_raw_dataset",
]
