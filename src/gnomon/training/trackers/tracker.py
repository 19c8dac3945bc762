"""What a tracker is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.settings import TrackerSettings


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """The run that a tracker is opened for.

    Attributes:
        folder: folder of the run; a tracker writes into a folder of its own inside it.
        name: name of the run.
        config: resolved configuration, plain values.
        settings: settings of the trackers.
    """

    folder: Path
    name: str
    config: Mapping[str, Any]
    settings: TrackerSettings


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A tracker as four functions; what `open` returns is handed to the others. Errors never end a training.

    Attributes:
        open: starts tracking a run, or continues it.
        log: (opened, value by name, step): records metrics.
        close: ends tracking; nothing of it may remain open, as another run may follow in the same process.
        show: (opened, title, picture (rows, columns, 3), step): records a picture; None where it cannot.
    """

    open: Callable[[TrackedRun], Any]
    log: Callable[[Any, Mapping[str, float], int], None]
    close: Callable[[Any], None]
    show: Callable[[Any, str, NDArray[np.uint8], int], None] | None = None
