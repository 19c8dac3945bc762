"""isocenter compare: two runs, whether they are the same to the bit, and where they part if not."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from isocenter.artifacts import RunFolder, read_json
from isocenter.commands.launch import DONE, FOUND
from isocenter.console import say
from isocenter.experiments.comparison import differences, parting, same_weights
from isocenter.findings import refuse


def run(config: DictConfig) -> int:
    """Compare; exit code 1 where the weights differ."""
    runs = [Path(str(place)).expanduser() for place in config.runs]
    if len(runs) != 2:
        raise refuse("USE122", "runs", f"{len(runs)} run(s)", "two", "Set runs=[A,B].")
    one, other = (read_json(RunFolder(place).manifest, "a finished run") for place in runs)
    for line in differences(one, other):
        say(f"  {line}")
    say(parting(one, other))
    if same_weights(one, other):
        say(f"the same weights, to the bit: {one['weights_sha256']}")
        return DONE
    say(f"different weights: {one['weights_sha256'][:16]} and {other['weights_sha256'][:16]}")
    return FOUND
