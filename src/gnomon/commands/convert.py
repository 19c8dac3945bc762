"""gnomon convert: DICOM studies -> volumes in real-world values."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gnomon.audit import read_verdict
from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.core.settings import settings_from
from gnomon.dicom import convert_studies
from gnomon.io.console import print_findings, say
from gnomon.rules.finding import unwaived_errors
from gnomon.settings import ConvertSettings


def run(config: DictConfig) -> int:
    """Convert; exit code 3 where a volume or a file was refused unexpectedly."""
    output = Path(config.output)
    verdict = None if config.audited_by is None else read_verdict(Path(config.audited_by), tuple(config.known_findings))
    settings = settings_from(ConvertSettings, config.conversion, "conversion")
    done = convert_studies(Path(config.input), output, settings, verdict, verify=config.verify)
    print_findings(done.findings, config.known_findings)
    say(f"{len(done.rows) - done.refused} volume(s) accepted, {done.refused} refused: {output / 'volumes.csv'}")
    return UNPROCESSED if unwaived_errors(done.findings, config.known_findings) else DONE
