"""dataset/ -> run/: losses, schedule, callbacks, trackers and the stage that joins them."""

from isocenter.training.fit import TrainSettings, fit, write_plan
from isocenter.training.trackers import TrackerSettings

__all__ = ["TrackerSettings", "TrainSettings", "fit", "write_plan"]
