"""Settings of the experiment trackers."""

from __future__ import annotations

from gnomon.core.settings import section, setting


@section
class TrackerSettings:
    """Which experiment trackers to write to."""

    tensorboard: bool = setting(True, "Write TensorBoard event files into the run's folder.")
    wandb: str = setting(
        "offline",
        "Weights & Biases; offline needs no account and no network (`wandb sync` later).",
        choices=("offline", "online", "off"),
    )
    extra: list[str] = setting([], "Trackers of installed packages, by name (entry-point group gnomon.trackers).")
    wandb_project: str = setting("gnomon", "Project in Weights & Biases.")
