"""gnomon predict: a finished run and images -> label maps on the images' own grids, or classes."""

from __future__ import annotations

from pathlib import Path

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.commands.sections import PredictCommand
from gnomon.io.console import print_findings, say
from gnomon.tasks import task_of_run


def run(config: PredictCommand) -> int:
    """Predict; exit code 3 where an image could not be predicted."""
    run, images, output = (Path(path).expanduser() for path in (config.run, config.input, config.output))
    findings = task_of_run(run).predict_images(run, images, output, config.inference)
    print_findings(findings)
    say(f"predictions: {output}")
    return UNPROCESSED if findings else DONE
