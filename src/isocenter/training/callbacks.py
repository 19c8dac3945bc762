"""What happens around the steps: checkpoints, the metrics table, progress."""

from __future__ import annotations

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins import TorchCheckpointIO
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save

from isocenter.artifacts import RunFolder, write_bytes, write_rows
from isocenter.console import say
from isocenter.findings import refuse

_PLAIN_INTERVAL_S = 15.0


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, beside its place rather than through the system's temporary folder."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Serialise, then replace."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getvalue())


class Checkpoints(Callback):
    """`last.ckpt` after every epoch and `best.ckpt` by the validation patches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._best = -math.inf

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best score so far."""
        self._best = float(state_dict["best"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; Lightning has validated by now."""
        score = float(trainer.callback_metrics.get("patch_dice", -math.inf))
        better = score > self._best
        self._best = max(self._best, score)
        last = self._folder / "last.ckpt"
        trainer.save_checkpoint(last)
        if better:
            write_bytes(self._folder / "best.ckpt", last.read_bytes())


class Divergence(Callback):
    """Stops a training whose loss is no number any more, and keeps the batch that it was seen on."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the loss of every step.

        Raises:
            Refusal: TRN101, with the step and the file of the batch.
        """
        loss = float(outputs["loss"])
        if math.isfinite(loss):
            return
        path = self._run.replay(trainer.global_step)
        write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in batch.items()}))
        raise refuse(
            "TRN101", f"step {trainer.global_step}", f"a loss of {loss}", "a finite loss",
            f"The batch lies in {path}. Lower training.optimiser.learning_rate or clip_norm, or look at the batch for "
            "absurd values.",
        )  # fmt: skip


class MetricsTable(Callback):
    """metrics.csv: a row an epoch, whole after every epoch; a resumed run adds to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self._began = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of the epochs that a resumed run does not repeat."""
        if self._path.is_file():
            with self._path.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            self._rows = [row for row in rows if int(row["epoch"]) < trainer.current_epoch]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row."""
        values = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        values.pop("loss_step", None)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self._rows.append({
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(time.monotonic() - self._began, 1),
            "learning_rate": rate,
            **{name.removesuffix("_epoch"): value for name, value in values.items() if name != "loss"},
        })  # fmt: skip
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        write_rows(self._path, self._rows, columns)


class BarProgress(Callback):
    """One Rich bar over the whole training, with the time left, the loss and the Dice on validation patches."""

    def __init__(self, total_steps: int) -> None:
        self._total = total_steps
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.description}"))
        self._task = self._bar.add_task("", total=total_steps)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar, from the step a resumed run begins with."""
        self._bar.start()
        self._bar.reset(self._task, total=self._total, completed=trainer.global_step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=trainer.global_step, description=_shown(trainer))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the bar as it ended."""
        self._bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._bar.stop()


def _shown(trainer: pl.Trainer) -> str:
    """Loss of the step, and Dice on validation patches once there is one."""
    metrics = trainer.callback_metrics
    names = {"loss_step": "loss", "patch_dice": "patch Dice"}
    return ", ".join(f"{text} {float(metrics[name]):.4f}" for name, text in names.items() if name in metrics)


class PlainProgress(Callback):
    """A line now and then with the time left, for output that is not a terminal."""

    def __init__(self, total_steps: int) -> None:
        self._total = total_steps
        self._first = 0
        self._began = self._said = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, at the step a resumed run begins with."""
        self._first = trainer.global_step
        self._began = self._said = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Say how far it is."""
        now, step = time.monotonic(), trainer.global_step
        if now - self._said < _PLAIN_INTERVAL_S and step < self._total:
            return
        self._said = now
        left_s = (now - self._began) / max(1, step - self._first) * (self._total - step)
        say(f"training: step {step} of {self._total}, about {left_s:.0f} s left ({_shown(trainer)})")
