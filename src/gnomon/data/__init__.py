"""Patches for training: keyed draws, border-safe sampling, augmentation."""

from gnomon.data.datamodule import PatchModule

__all__ = ["PatchModule"]
