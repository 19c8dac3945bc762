"""TensorBoard: event files in `tensorboard/` of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.training.trackers.tracker import TrackedRun, Tracker


def _open(run: TrackedRun) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir=str(run.folder / "tensorboard"))


def _log(writer: Any, metrics: Mapping[str, float], step: int) -> None:
    for name, value in metrics.items():
        writer.add_scalar(name, value, step)


def _show(writer: Any, title: str, picture: NDArray[np.uint8], step: int) -> None:
    writer.add_image(title, picture, step, dataformats="HWC")


def _close(writer: Any) -> None:
    writer.close()


TENSORBOARD = Tracker(open=_open, log=_log, show=_show, close=_close)
