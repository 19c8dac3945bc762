"""How weights follow gradients: the optimiser and its learning rate."""

from __future__ import annotations

import math

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from gnomon.settings import OptimiserSettings
from gnomon.training.schedule import Progress


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
