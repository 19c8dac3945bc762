"""The numeric precision of a training."""

from __future__ import annotations

import torch

from gnomon.settings import TrainSettings


def lightning_precision(settings: TrainSettings) -> str:
    """The precision in Lightning's words; `auto` is decided by the machine."""
    if settings.precision != "auto":
        return settings.precision
    if torch.cuda.is_available() and settings.accelerator != "cpu":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"
