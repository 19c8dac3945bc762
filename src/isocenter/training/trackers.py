"""Experiment trackers: TensorBoard and Weights & Biases, both writing into the run's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger


@dataclass(frozen=True)
class TrackerSettings:
    """Which trackers to write.

    Attributes:
        wandb: 'offline' needs no account and no network (`wandb sync` later), 'online' does, 'off' is off.
    """

    tensorboard: bool = True
    wandb: str = "offline"
    wandb_project: str = "isocenter"


@contextmanager
def trackers(settings: TrackerSettings, folder: Path, name: str, config: Mapping[str, Any]) -> Iterator[list[Logger]]:
    """The loggers of a run; closed at the end, so that the next run of a sweep does not write into them."""
    loggers: list[Logger] = []
    if settings.tensorboard:
        loggers.append(TensorBoardLogger(folder, name="tensorboard", version=""))
    if settings.wandb != "off":
        os.environ.setdefault("WANDB_SILENT", "true")
        loggers.append(WandbLogger(
            project=settings.wandb_project, name=name, save_dir=folder, offline=settings.wandb != "online",
            config=dict(config),
        ))  # fmt: skip
    try:
        yield loggers
    finally:
        for logger in loggers:
            logger.finalize("success")
        if settings.wandb != "off":
            import wandb

            wandb.finish()
