"""isocenter predict: a finished run and images -> segmentations on the images' own grids."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from isocenter.commands.launch import DONE, UNPROCESSED
from isocenter.console import say, tell
from isocenter.inference import PredictSettings, load_model, predict_images
from isocenter.settings import settings_from


def run(config: DictConfig) -> int:
    """Predict; exit code 3 where an image could not be."""
    model = load_model(Path(config.run), settings_from(PredictSettings, config.inference, "inference"))
    findings = predict_images(model, Path(config.input), Path(config.output))
    tell(findings)
    say(f"predictions: {config.output}")
    return UNPROCESSED if findings else DONE
