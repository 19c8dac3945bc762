"""Experiment trackers. A tracker is one value: open, log, show, close; built in, or of an installed package."""

from gnomon.training.trackers.logger import TrackerLogger
from gnomon.training.trackers.opening import find_tracker, open_trackers
from gnomon.training.trackers.tracker import TrackedRun, Tracker

__all__ = ["TrackedRun", "Tracker", "TrackerLogger", "find_tracker", "open_trackers"]
