"""gnomon predict: a finished run and images -> label maps on the images' own grids, or classes."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.core.settings import settings_from
from gnomon.io.console import print_findings, say
from gnomon.settings import PredictSettings
from gnomon.tasks import task_of_run


def run(config: DictConfig) -> int:
    """Predict; exit code 3 where an image could not be predicted."""
    settings, run = settings_from(PredictSettings, config.inference, "inference"), Path(config.run)
    findings = task_of_run(run).predict_images(run, Path(config.input), Path(config.output), settings)
    print_findings(findings)
    say(f"predictions: {config.output}")
    return UNPROCESSED if findings else DONE
