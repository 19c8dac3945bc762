"""Losses: terms found by name, their weighted sum, and deep supervision. A term is one module in `zoo/`."""

from gnomon.training.losses.combination import Loss, build_loss, deep_supervision_loss
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.registry import find_loss

__all__ = [
    "Loss",
    "LossInputs",
    "build_loss",
    "deep_supervision_loss",
    "find_loss",
]
