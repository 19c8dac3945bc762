"""A tracker as a logger of Lightning's, which gives the tracker up when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger

from gnomon.io.console import say
from gnomon.training.trackers.tracker import TrackedRun, Tracker


class TrackerLogger(Logger):
    """Passes metrics and pictures on to a tracker. After its first error the tracker is no longer called."""

    def __init__(self, name: str, tracker: Tracker, run: TrackedRun) -> None:
        super().__init__()
        self._name = name
        self._tracker = tracker
        self._works = True
        self._opened = self._attempt(tracker.open, run)

    @property
    def name(self) -> str:
        """Name of the tracker."""
        return self._name

    @property
    def version(self) -> str:
        """None: a run has one folder per tracker."""
        return ""

    def log_hyperparams(self, params: Any, *_args: Any, **_kwargs: Any) -> None:
        """Nothing to do: the tracker was opened with the configuration."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Record metrics."""
        self._attempt(self._tracker.log, self._opened, metrics, step or 0)

    def show(self, title: str, picture: NDArray[np.uint8], step: int) -> None:
        """Record a picture (rows, columns, 3), if the tracker can."""
        if self._tracker.show is not None:
            self._attempt(self._tracker.show, self._opened, title, picture, step)

    def close(self) -> None:
        """End tracking."""
        self._attempt(self._tracker.close, self._opened)

    def _attempt(self, action: Callable[..., Any], *arguments: Any) -> Any:
        if not self._works:
            return None
        try:
            return action(*arguments)
        except Exception as error:  # of foreign code, which can raise anything
            self._works = False
            say(f"training: the tracker {self._name} failed and is left out ({type(error).__name__}: {error})")
            return None
