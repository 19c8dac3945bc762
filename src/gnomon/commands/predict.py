"""gnomon predict: a finished run and images -> segmentations on the images' own grids."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.core.settings import settings_from
from gnomon.inference import classify_images, is_classifier, load_classifier, load_model, predict_images
from gnomon.io.console import print_findings, say
from gnomon.settings import PredictSettings


def run(config: DictConfig) -> int:
    """Predict; exit code 3 where an image could not be."""
    settings, run = settings_from(PredictSettings, config.inference, "inference"), Path(config.run)
    images, output = Path(config.input), Path(config.output)
    if is_classifier(run):
        findings = classify_images(load_classifier(run, settings), images, output)
    else:
        findings = predict_images(load_model(run, settings), images, output)
    print_findings(findings)
    say(f"predictions: {config.output}")
    return UNPROCESSED if findings else DONE
