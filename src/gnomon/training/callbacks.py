"""What is saved after every epoch: checkpoints and the metrics table."""

from __future__ import annotations

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, WeightAveraging
from pytorch_lightning.plugins import TorchCheckpointIO

from gnomon.io.artifacts import write_bytes, write_rows

_SCORES = ("score", "patch_dice", "balanced_accuracy")  # of one's own module, of a segmentation, of a classification


def validation_score(trainer: pl.Trainer) -> float:
    """The first of `score`, `patch_dice` and `balanced_accuracy` that the module logs; minus infinity for none."""
    logged = [trainer.callback_metrics[name] for name in _SCORES if name in trainer.callback_metrics]
    return float(logged[0]) if logged else -math.inf


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint atomically: into a temporary file in its own folder, which then replaces it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Serialise, then replace."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getvalue())


class Checkpoints(Callback):
    """Saves `last.ckpt` after every epoch, and `best.ckpt` when the validation score rises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._best = -math.inf

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score so far."""
        self._best = float(state_dict["best"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; Lightning has validated by now."""
        score = validation_score(trainer)
        better = score > self._best
        self._best = max(self._best, score)
        last = self._folder / "last.ckpt"
        trainer.save_checkpoint(last)
        if better and trainer.is_global_zero:
            write_bytes(self._folder / "best.ckpt", last.read_bytes())


def weight_averaging(decay: float) -> WeightAveraging:
    """Exponential moving average of the weights; over fewer steps early on, so that short trainings are not slowed.

    After n steps the decay is (1 + n) / (10 + n), until it reaches `decay`.
    """

    def update(averages: Any, values: Any, count: torch.Tensor | int) -> None:
        done = int(count)
        torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + done) / (10 + done)))

    return WeightAveraging(multi_avg_fn=update)


class MetricsTable(Callback):
    """metrics.csv: one row per epoch, rewritten atomically after every epoch; a resumed run appends to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self._losses: list[float] = []
        self._began = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of the epochs that a resumed run does not repeat."""
        if self._path.is_file():
            with self._path.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            self._rows = [row for row in rows if int(row["epoch"]) < trainer.current_epoch]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Remember the loss, for a module of one's own that does not log it."""
        self._losses.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Append the row of the epoch."""
        losses, self._losses = self._losses, []
        values = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        values = {name.removesuffix("_epoch"): value for name, value in values.items() if not name.endswith("_step")}
        self._rows.append(
            {
                "epoch": trainer.current_epoch,
                "step": trainer.global_step,
                "seconds": round(time.monotonic() - self._began, 1),
                **({"loss": sum(losses) / len(losses)} if losses and "loss" not in values else {}),
                **values,
            }
        )
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        write_rows(self._path, self._rows, columns)
