"""Measures where the time of a training goes: waiting for data, computing, and in which operations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.profiler import ProfilerActivity, profile

from gnomon.io.artifacts import write_text
from gnomon.io.console import say

_SKIPPED = 3  # batches: the first ones also warm up
_TRACED = 5
_OPERATIONS = 15


class StepProfiler(Callback):
    """Writes profile.txt: seconds per batch, the fraction spent waiting for data, and the most expensive operations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waits_s: list[float] = []
        self._works_s: list[float] = []
        self._mark_s = 0.0
        self._trace: Any = None
        self._table = ""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start timing the wait for data."""
        self._mark_s = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop timing the wait, start timing the step."""
        now_s = time.perf_counter()
        self._waits_s.append(now_s - self._mark_s)
        if len(self._waits_s) == _SKIPPED + 1:
            kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
            self._trace = profile(activities=kinds)
            self._trace.__enter__()
        self._mark_s = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop timing the step, start timing the wait for data."""
        self._works_s.append(time.perf_counter() - self._mark_s)
        if len(self._works_s) == _SKIPPED + _TRACED:
            self._end_trace()
        self._mark_s = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the profile, without the batches of the warm-up and those that were traced."""
        self._end_trace()
        if not self._works_s:  # a training that was already finished
            return
        first = min(_SKIPPED + _TRACED, len(self._works_s) - 1)
        waits_s, works_s = self._waits_s[first:], self._works_s[first:]
        count, wait_s, work_s = len(works_s), sum(waits_s), sum(works_s)
        text = (
            f"{count} batches: {(wait_s + work_s) / count:.3f} s per batch, "
            f"{wait_s / (wait_s + work_s):.1%} of it waiting for data"
        )
        write_text(self._path, f"{text}\n\n{self._table}\n")
        say(f"training: {text}; {self._path}")

    def _end_trace(self) -> None:
        if self._trace is not None:
            self._trace.__exit__(None, None, None)
            self._table = self._trace.key_averages().table(sort_by="self_cpu_time_total", row_limit=_OPERATIONS)
            self._trace = None
