"""Patches for training: keyed draws, border-safe sampling, augmentation."""

from gnomon.data.datamodule import PatchModule
from gnomon.data.items import DataSettings

__all__ = ["DataSettings", "PatchModule"]
