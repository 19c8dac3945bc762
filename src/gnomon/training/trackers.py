"""Experiment trackers: TensorBoard and Weights & Biases, both writing into the run's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from gnomon.core.provenance import sha256_of_values
from gnomon.settings import TrackerSettings


@contextmanager
def trackers(
    settings: TrackerSettings | None, folder: Path, name: str, config: Mapping[str, Any]
) -> Iterator[list[Logger]]:
    """The loggers of a run; closed at the end, so that the next run of a sweep does not write into them."""
    loggers: list[Logger] = []
    if settings is None:
        yield loggers
        return
    if settings.tensorboard:
        loggers.append(TensorBoardLogger(folder, name="tensorboard", version=""))
    if settings.wandb != "off":
        loggers.append(WandbLogger(experiment=_wandb_run(settings, folder, name, config)))
    try:
        yield loggers
    finally:
        for logger in loggers:
            logger.finalize("success")
        if settings.wandb != "off":
            wandb.finish()


def _wandb_run(settings: TrackerSettings, folder: Path, name: str, config: Mapping[str, Any]) -> Any:
    """A W&B run of our own making: a resumed run keeps its id, and facts of the machine stay in the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    return wandb.init(
        project=settings.wandb_project,
        name=name,
        id=sha256_of_values([name, dict(config)])[:16],
        resume="allow",
        dir=folder,
        mode="online" if settings.wandb == "online" else "offline",
        config=dict(config),
        settings=wandb.Settings(silent=True, x_disable_machine_info=True),
    )
