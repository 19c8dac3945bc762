"""The optimiser and its learning-rate schedule."""

from __future__ import annotations

import math

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from gnomon.settings import OptimiserSettings
from gnomon.training.schedule import Progress


def build_optimiser(net: nn.Module, settings: OptimiserSettings, progress: Progress) -> OptimizerLRScheduler:
    """The optimiser over a net's parameters with its schedule by step: linear warm-up, then decay to zero."""
    rate, decay = settings.learning_rate, settings.weight_decay
    optimiser: torch.optim.Optimizer
    if settings.kind == "sgd":
        optimiser = torch.optim.SGD(
            net.parameters(),
            lr=rate,
            weight_decay=decay,
            momentum=settings.momentum,
            nesterov=settings.momentum > 0,
        )
    else:
        optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)

    def factor(step: int) -> float:
        warmup = min(1.0, (step + 1) / max(1, settings.warmup_steps))
        done = progress.fraction(step * settings.accumulate)
        if settings.schedule == "poly":
            return float(warmup * (1 - done) ** 0.9)
        return warmup * 0.5 * (1 + math.cos(math.pi * done))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
