"""Callbacks that watch losses and scores: divergence, the hash chain of losses, early stopping."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save

from gnomon.io.artifacts import write_bytes
from gnomon.io.console import say
from gnomon.io.folders import RunFolder
from gnomon.rules.catalogue.training import LOSS_NOT_FINITE
from gnomon.training.callbacks import validation_score


class Divergence(Callback):
    """Stops a training whose loss becomes NaN or infinite, and saves the batch in which it happened."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of the step.

        Raises:
            Refusal: TRN101, with the step and the file of the batch.
        """
        loss = float(outputs["loss"])
        if math.isfinite(loss):
            return
        path = self._run.replay(trainer.global_step)
        write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in batch.items()}))
        raise LOSS_NOT_FINITE.refusal(
            f"step {trainer.global_step}",
            found=f"a loss of {loss}",
            remedy=(
                "Lower training.optimiser.learning_rate or training.optimiser.clip_norm, or look for extreme values in "
                f"the batch: {path}"
            ),
        )


class LossChain(Callback):
    """A running hash over all losses, recorded every few steps.

    Two runs agree up to the last entry that is alike, and differ from then on: the first difference is
    found by bisection (`first_difference`). A resumed run continues the chain.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.hashes: list[str] = []
        self._head = b""
        self._count = 0

    def state_dict(self) -> dict[str, Any]:
        """The chain so far, as plain values."""
        return {"hashes": list(self.hashes), "head": self._head.hex(), "count": self._count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the chain."""
        self.hashes = [str(one) for one in state_dict["hashes"]]
        self._head, self._count = bytes.fromhex(state_dict["head"]), int(state_dict["count"])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add the loss of the step, as float32."""
        loss = struct.pack("<f", float(outputs["loss"]))
        self._head = hashlib.blake2b(self._head + loss, digest_size=8).digest()
        self._count += 1
        if self._count % self.every == 0:
            self.hashes.append(self._head.hex())


def first_difference(one: list[str], other: list[str]) -> int | None:
    """Index of the first difference between two chains, by bisection; None where they are equal."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return None if len(one) == len(other) else high
    while low < high:
        middle = (low + high) // 2
        if one[middle] == other[middle]:
            low = middle + 1
        else:
            high = middle
    return low


class Patience(Callback):
    """Stops a training early when its validation score has not risen for a number of epochs."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._best = -math.inf
        self._waited = 0

    def state_dict(self) -> dict[str, Any]:
        """The best score and the epochs since."""
        return {"best": self._best, "waited": self._waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score and the epochs since."""
        self._best, self._waited = float(state_dict["best"]), int(state_dict["waited"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do not resume a training that had already stopped early."""
        trainer.should_stop = trainer.should_stop or self._waited >= self._epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the score with the best; Lightning has validated by now."""
        score = validation_score(trainer)
        self._waited = 0 if score > self._best else self._waited + 1
        self._best = max(self._best, score)
        if self._waited >= self._epochs:
            best = f"{self._best:.4f} for {self._epochs} epochs"
            say(f"training: stopped early, the score on validation has not risen above {best}")
            trainer.should_stop = True
