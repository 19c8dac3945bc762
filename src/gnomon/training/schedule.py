"""Progress of a training by step, which the learning rate follows: by a number of steps, or by the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class Progress:
    """The fraction of the training that is done at a step: linear between knots (step, fraction)."""

    def __init__(self, knots: list[tuple[int, float]]) -> None:
        self.knots = knots

    def fraction(self, step: int) -> float:
        """Fraction done, from 0 at the first step to 1 after the last."""
        steps, fractions = zip(*self.knots)
        return float(np.interp(step, steps, fractions))

    def total(self, step: int) -> int:
        """Total number of steps: known, or estimated at `step`."""
        last, fraction = self.knots[-1]
        return last if fraction >= 1 else max(last, round(step / max(self.fraction(step), 1e-6)))


def progress_by_steps(total: int) -> Progress:
    """Progress of a training with a fixed number of steps."""
    return Progress([(0, 0.0), (total, 1.0)])


def progress_by_clock() -> Progress:
    """Progress of a training that a `Deadline` ends, which appends the knots."""
    return Progress([(0, 0.0)])


class Deadline(Callback):
    """Ends a training on time on a machine of any speed: runs as many epochs as fit, and the learning rate follows.

    Before each epoch its fraction of the remaining time is estimated from the durations of the last epochs, with
    validation and saving. Estimates and time spent are saved, and a resumed training continues from them.
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
        """Seconds spent in training, by this process and earlier ones."""
        return self._spent_s + self._now_s() - self._began_s

    def state_dict(self) -> dict[str, Any]:
        """The time spent and the knots so far, as plain values."""
        return {
            "elapsed_s": self.elapsed_s,
            "ends_s": list(self._ends_s),
            "knots": [list(knot) for knot in self._progress.knots],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the time spent and the knots."""
        self._spent_s, self._began_s = float(state_dict["elapsed_s"]), self._now_s()
        self._ends_s = [float(end) for end in state_dict["ends_s"]]
        self._progress.knots = [(int(step), float(share)) for step, share in state_dict["knots"]]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do not resume a training whose time was up."""
        if len(self._ends_s) > 1:
            self._end_if_over(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the fraction that is done after the coming epoch."""
        done = trainer.current_epoch
        self._progress.knots = self._progress.knots[: done + 1]
        share = 0.0  # of the first epoch nothing is known; its rates warm up
        if done:
            spent = min(1.0, self.elapsed_s / self._limit_s)
            share = spent + (1 - spent) / max(1, self._epochs_left())
        share = trainer.strategy.broadcast(share)  # processes that share batches must not differ
        self._progress.knots.append(((done + 1) * self._steps, share))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the training if no further epoch fits."""
        self._ends_s.append(self.elapsed_s)
        self._end_if_over(trainer)

    def _end_if_over(self, trainer: pl.Trainer) -> None:
        over = self._progress.knots[-1][1] >= 1 or not self._epochs_left()
        trainer.should_stop = trainer.should_stop or trainer.strategy.broadcast(over)

    def _epochs_left(self) -> int:
        lengths = np.diff(self._ends_s)
        recent = lengths[1:][-3:] if len(lengths) > 1 else lengths  # the first also opens every file
        return max(0, math.floor((self._limit_s - self.elapsed_s) / max(float(recent.max()), 1e-9)))
