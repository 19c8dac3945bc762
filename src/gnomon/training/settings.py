"""Settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from gnomon.core.settings import bounded, chosen
from gnomon.data import DataSettings
from gnomon.training.losses import LossSettings
from gnomon.training.optimisation import OptimiserSettings


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training.

    Attributes:
        fold: which of the data set's folds to train on.
        epochs, steps_per_epoch: the length; an epoch is a number of batches, after which state is saved.
        max_minutes: ends the training on time instead of after `epochs`; None for no limit.
        knots: (step, share) of an earlier training with `max_minutes`, to repeat it to the bit.
        patience: epochs without a better Dice on validation patches that end the training; 0 never does.
        start_from: a run, or weights, to begin with; what does not fit is made anew.
        precision: 'auto' takes bfloat16 where the processor computes in it, else float32.
        compile: translate the net with torch.compile; needs a C++ compiler.
        activation_checkpointing: keep fewer features for the way back, and compute them twice; less memory, slower.
        ema: decay of the averaged weights, which are what is shipped.
        accelerator: as Lightning names it.
        devices: processes that share each batch, one a device.
        profile: say where the time goes, and write profile.txt.
    """

    fold: int = 0
    epochs: int = 20
    steps_per_epoch: int = 50
    max_minutes: float | None = None
    knots: list[list[Any]] = field(default_factory=list)
    patience: int = 0
    start_from: str | None = None
    precision: str = "auto"
    compile: bool = False
    activation_checkpointing: bool = False
    ema: float = 0.99
    accelerator: str = "auto"
    devices: int = 1
    profile: bool = False
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    data: DataSettings = field(default_factory=DataSettings)

    def __post_init__(self) -> None:
        bounded(self, fold=(0, 1000), epochs=(1, 1e6), steps_per_epoch=(1, 1e6), ema=(0, 0.999999))
        bounded(self, max_minutes=(1e-3, 1e6), patience=(0, 1e6), devices=(1, 1024))
        chosen(self, precision=("auto", "32-true", "bf16-mixed", "16-mixed"), accelerator=("auto", "cpu", "gpu"))
        if self.steps_per_epoch % self.optimiser.accumulate:
            raise ValueError(
                f"steps_per_epoch {self.steps_per_epoch}, no multiple of accumulate {self.optimiser.accumulate}"
            )
        if self.knots and self.max_minutes:
            raise ValueError("knots and max_minutes, which both set the length")

    @property
    def half(self) -> bool:
        """Whether features have 16 bits."""
        return lightning_precision(self) != "32-true"


def lightning_precision(settings: TrainSettings) -> str:
    """The precision in Lightning's words; `auto` is decided by the machine."""
    if settings.precision != "auto":
        return settings.precision
    if torch.cuda.is_available() and settings.accelerator != "cpu":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"
