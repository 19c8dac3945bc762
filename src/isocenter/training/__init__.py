"""dataset/ -> run/: losses, schedule, callbacks, trackers and the stage that joins them."""

from isocenter.training.fit import check_settings, fit, write_plan
from isocenter.training.settings import TrainSettings
from isocenter.training.trackers import TrackerSettings
from isocenter.training.watching import first_difference

__all__ = ["TrackerSettings", "TrainSettings", "check_settings", "first_difference", "fit", "write_plan"]
