"""dataset/ -> run/: losses, schedule, callbacks, trackers and the stage that joins them."""

from gnomon.training.precision import lightning_precision
from gnomon.training.stage import check_settings, fit, write_plan
from gnomon.training.watching import first_difference

__all__ = ["check_settings", "first_difference", "fit", "lightning_precision", "write_plan"]
