"""Patches for training: keyed draws, border-safe sampling, augmentation."""

from gnomon.data.cut import DataSettings
from gnomon.data.datamodule import PatchModule

__all__ = ["DataSettings", "PatchModule"]
