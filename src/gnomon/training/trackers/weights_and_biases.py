"""Weights & Biases: a run in `wandb/`, offline unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.provenance import sha256_of_values
from gnomon.training.trackers.tracker import TrackedRun, Tracker

_STEP = "trainer/global_step"


def _open(run: TrackedRun) -> Any:
    """A resumed run keeps its id; facts about the machine stay in the manifest."""
    import wandb

    run.folder.mkdir(parents=True, exist_ok=True)
    opened = wandb.init(
        project=run.settings.wandb_project,
        name=run.name,
        id=sha256_of_values([run.name, dict(run.config)])[:16],
        resume="allow",
        dir=run.folder,
        mode="online" if run.settings.wandb == "online" else "offline",
        config=dict(run.config),
        settings=wandb.Settings(silent=True, x_disable_machine_info=True),
    )
    opened.define_metric(_STEP)
    opened.define_metric("*", step_metric=_STEP, step_sync=True)
    return opened


def _log(opened: Any, metrics: Mapping[str, float], step: int) -> None:
    opened.log({**metrics, _STEP: step})


def _show(opened: Any, title: str, picture: NDArray[np.uint8], step: int) -> None:
    import wandb

    opened.log({title: [wandb.Image(picture)], _STEP: step})


def _close(opened: Any) -> None:
    opened.finish()


WEIGHTS_AND_BIASES = Tracker(open=_open, log=_log, show=_show, close=_close)
