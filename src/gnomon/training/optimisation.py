"""How weights follow gradients: the optimiser and its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from gnomon.core.settings import bounded, chosen
from gnomon.training.schedule import Progress


@dataclass(frozen=True)
class OptimiserSettings:
    """How weights follow gradients.

    Attributes:
        kind: `adamw`, or `sgd` with Nesterov momentum (nnU-Net: learning_rate 0.01, weight_decay 3e-5, poly).
        schedule: `cosine` to zero, or `poly`, (1 - step / steps) ** 0.9; both after a linear warm-up.
        learning_rate: at its peak, after `warmup_steps`.
        momentum: of sgd.
        clip_norm: largest norm of the gradient.
        accumulate: batches whose gradients make one step.
    """

    kind: str = "adamw"
    schedule: str = "cosine"
    momentum: float = 0.99
    accumulate: int = 1
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    warmup_steps: int = 30
    clip_norm: float = 12.0

    def __post_init__(self) -> None:
        bounded(self, learning_rate=(0, 10), weight_decay=(0, 10), warmup_steps=(0, 1e6), clip_norm=(1e-6, 1e9))
        bounded(self, momentum=(0, 0.9999), accumulate=(1, 1024))
        chosen(self, kind=("adamw", "sgd"), schedule=("cosine", "poly"))


def optimisation(net: nn.Module, wanted: OptimiserSettings, progress: Progress) -> OptimizerLRScheduler:
    """The optimiser, and its learning rate by step: linear warm-up, then down to zero."""
    rate, decay = wanted.learning_rate, wanted.weight_decay
    optimiser: torch.optim.Optimizer
    if wanted.kind == "sgd":
        optimiser = torch.optim.SGD(
            net.parameters(),
            lr=rate,
            weight_decay=decay,
            momentum=wanted.momentum,
            nesterov=wanted.momentum > 0,
        )
    else:
        optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)

    def factor(step: int) -> float:
        warmup = min(1.0, (step + 1) / max(1, wanted.warmup_steps))
        done = progress.share(step * wanted.accumulate)
        if wanted.schedule == "poly":
            return float(warmup * (1 - done) ** 0.9)
        return warmup * 0.5 * (1 + math.cos(math.pi * done))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
