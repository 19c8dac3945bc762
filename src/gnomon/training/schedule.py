"""How far a training is, by step: what its learning rates follow. By steps, or by the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class Progress:
    """The share of the training that is done at a step: straight lines between knots (step, share)."""

    def __init__(self, knots: list[tuple[int, float]]) -> None:
        self.knots = knots

    def fraction(self, step: int) -> float:
        """0 at the first step, 1 after the last."""
        steps, shares = zip(*self.knots)
        return float(np.interp(step, steps, shares))

    def total(self, step: int) -> int:
        """The number of steps in all, as it is known, or seems, at `step`."""
        last, share = self.knots[-1]
        return last if share >= 1 else max(last, round(step / max(self.fraction(step), 1e-6)))


def progress_by_steps(total: int) -> Progress:
    """The progress of a training of so many steps."""
    return Progress([(0, 0.0), (total, 1.0)])


def progress_by_clock() -> Progress:
    """The progress of a training that a `Deadline` ends; it tells the knots."""
    return Progress([(0, 0.0)])


class Deadline(Callback):
    """Ends a training on time, whatever the machine's speed: epochs are as many as fit, learning rates follow.

    Before each epoch its share of the time left is reckoned from what the last epochs took, validation and
    saving among it. What was reckoned is saved, and so is the time spent: a resumed training goes on with it.
    The knots are facts of the run: the same seed and the same knots give the same bits (`training.knots`).
    """

    def __init__(
        self, minutes: float, steps_per_epoch: int, progress: Progress, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s = 60 * minutes
        self._steps = steps_per_epoch
        self._progress = progress
        self._now_s = now_s
        self._spent_s = 0.0  # by earlier processes
        self._began_s = now_s()
        self._ends_s: list[float] = [0.0]

    @property
    def elapsed_s(self) -> float:
        """Time spent in training, by this process and those before it."""
        return self._spent_s + self._now_s() - self._began_s

    def state_dict(self) -> dict[str, Any]:
        """The time spent and the knots so far, as plain values."""
        return {
            "elapsed_s": self.elapsed_s,
            "ends_s": list(self._ends_s),
            "knots": [list(knot) for knot in self._progress.knots],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the time that was left."""
        self._spent_s, self._began_s = float(state_dict["elapsed_s"]), self._now_s()
        self._ends_s = [float(end) for end in state_dict["ends_s"]]
        self._progress.knots = [(int(step), float(share)) for step, share in state_dict["knots"]]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A training that was over when it was cut off stays over."""
        if len(self._ends_s) > 1:
            self._end_if_over(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set how far the coming epoch goes."""
        done = trainer.current_epoch
        self._progress.knots = self._progress.knots[: done + 1]
        share = 0.0  # of the first epoch nothing is known; its rates warm up
        if done:
            spent = min(1.0, self.elapsed_s / self._limit_s)
            share = spent + (1 - spent) / max(1, self._epochs_left())
        share = trainer.strategy.broadcast(share)  # processes that share batches must not differ
        self._progress.knots.append(((done + 1) * self._steps, share))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the training where no whole epoch fits any more."""
        self._ends_s.append(self.elapsed_s)
        self._end_if_over(trainer)

    def _end_if_over(self, trainer: pl.Trainer) -> None:
        over = self._progress.knots[-1][1] >= 1 or not self._epochs_left()
        trainer.should_stop = trainer.should_stop or trainer.strategy.broadcast(over)

    def _epochs_left(self) -> int:
        lengths = np.diff(self._ends_s)
        recent = lengths[1:][-3:] if len(lengths) > 1 else lengths  # the first also opens every file
        return max(0, math.floor((self._limit_s - self.elapsed_s) / max(float(recent.max()), 1e-9)))
