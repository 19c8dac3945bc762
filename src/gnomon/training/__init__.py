"""dataset/ -> run/: losses, schedule, callbacks, trackers and the stage that joins them."""

from gnomon.training.settings import TrainSettings
from gnomon.training.stage import check_settings, fit, write_plan
from gnomon.training.trackers import TrackerSettings
from gnomon.training.watching import first_difference

__all__ = ["TrackerSettings", "TrainSettings", "check_settings", "first_difference", "fit", "write_plan"]
