"""Progress of a training: a bar on a terminal, lines of text elsewhere."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gnomon.io.console import say
from gnomon.training import schedule

_PLAIN_INTERVAL_S = 15.0


class BarProgress(Callback):
    """One Rich bar over the whole training, with the time left, the loss and the Dice on validation patches."""

    def __init__(self, progress: schedule.Progress) -> None:
        self._progress = progress
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.description}"))
        self._task = self._bar.add_task("", total=None)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar, starting at the first step of a resumed run."""
        step = _batches(trainer)
        self._bar.start()
        self._bar.reset(self._task, total=self._progress.total(step), completed=step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar."""
        step = _batches(trainer)
        total = self._progress.total(step)
        self._bar.update(self._task, total=total, completed=step, description=_metrics_text(trainer))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the bar."""
        self._bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Release the terminal."""
        self._bar.stop()


class PlainProgress(Callback):
    """Prints the step, the time left and the loss every few seconds, for output that is not a terminal."""

    def __init__(self, progress: schedule.Progress) -> None:
        self._progress = progress
        self._first = 0
        self._began = self._last_line = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start timing, at the first step of a resumed run."""
        self._first = _batches(trainer)
        self._began = self._last_line = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Print a line if the last one is old enough."""
        now, step = time.monotonic(), _batches(trainer)
        total = self._progress.total(step)
        if now - self._last_line < _PLAIN_INTERVAL_S and step < total:
            return
        self._last_line = now
        left_s = (now - self._began) / max(1, step - self._first) * (total - step)
        say(f"training: step {step} of {total}, about {left_s:.0f} s left ({_metrics_text(trainer)})")


def _batches(trainer: pl.Trainer) -> int:
    """Batches so far; more than optimiser steps where gradients are accumulated."""
    return trainer.fit_loop.epoch_loop.total_batch_idx + 1


def _metrics_text(trainer: pl.Trainer) -> str:
    """Loss of the step, and Dice on validation patches after the first validation."""
    metrics = trainer.callback_metrics
    names = {"loss_step": "loss", "patch_dice": "patch Dice"}
    return ", ".join(f"{text} {float(metrics[name]):.4f}" for name, text in names.items() if name in metrics)
