"""Opens the trackers that the settings choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from gnomon.core.extensions import extension_names, load_extension
from gnomon.rules.catalogue.usage import INVALID_VALUE
from gnomon.settings import TrackerSettings
from gnomon.training.trackers.logger import TrackerLogger
from gnomon.training.trackers.tensorboard import TENSORBOARD
from gnomon.training.trackers.tracker import TrackedRun, Tracker
from gnomon.training.trackers.weights_and_biases import WEIGHTS_AND_BIASES

_BUILT_IN = {"tensorboard": TENSORBOARD, "wandb": WEIGHTS_AND_BIASES}


def find_tracker(name: str) -> Tracker:
    """The tracker of a name: built in, or of an installed package (entry-point group `gnomon.trackers`).

    Raises:
        Refusal: USE115, there is no such tracker; EXT101 to EXT103, the package that provides it is broken.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    found = load_extension("trackers", name, lambda value: isinstance(value, Tracker), "a Tracker")
    if found is None:
        names = ", ".join(extension_names("trackers", _BUILT_IN)) or "none is installed"
        raise INVALID_VALUE.refusal("trackers.extra", found=repr(name), expected=f"trackers of packages: {names}")
    return cast(Tracker, found)


@contextmanager
def open_trackers(
    settings: TrackerSettings | None, folder: Path, name: str, config: Mapping[str, Any]
) -> Iterator[list[TrackerLogger]]:
    """The loggers of a run; closed at the end, so that the next run of a sweep does not write into them.

    Args:
        settings: None for no tracker, as in the processes that share batches with the first.
        folder: folder of the run.
    """
    chosen: list[str] = []
    if settings is not None:
        on = {"tensorboard": settings.tensorboard, "wandb": settings.wandb != "off"}
        chosen = [*(tracker for tracker, wanted in on.items() if wanted), *settings.extra]
    trackers = {one: find_tracker(one) for one in chosen}
    loggers: list[TrackerLogger] = []
    try:
        for one, tracker in trackers.items():
            assert settings is not None
            run = TrackedRun(folder=folder, name=name, config=config, settings=settings)
            loggers.append(TrackerLogger(one, tracker, run))
        yield loggers
    finally:
        for logger in loggers:
            logger.close()
