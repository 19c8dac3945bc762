"""Patches for training: keyed draws, border-safe sampling, augmentation."""

from isocenter.data.datamodule import DataSettings, PatchModule

__all__ = ["DataSettings", "PatchModule"]
