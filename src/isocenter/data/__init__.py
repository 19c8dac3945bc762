"""Patches for training: keyed draws, border-safe sampling, augmentation."""

from isocenter.data.cut import DataSettings
from isocenter.data.datamodule import PatchModule

__all__ = ["DataSettings", "PatchModule"]
