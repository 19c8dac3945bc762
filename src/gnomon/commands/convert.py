"""gnomon convert: DICOM studies -> volumes in real-world values."""

from __future__ import annotations

from pathlib import Path

from gnomon.audit import read_verdict
from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.commands.sections import ConvertCommand
from gnomon.dicom import convert_studies
from gnomon.io.console import print_findings, say
from gnomon.rules.finding import unwaived_errors


def run(config: ConvertCommand) -> int:
    """Convert; exit code 3 where a volume or a file was refused unexpectedly."""
    output, known = Path(config.output), config.known_findings
    verdict = None if config.audited_by is None else read_verdict(Path(config.audited_by), tuple(known))
    done = convert_studies(Path(config.input), output, config.conversion, verdict, verify=config.verify)
    print_findings(done.findings, known)
    say(f"{len(done.rows) - done.n_refused} volume(s) accepted, {done.n_refused} refused: {output / 'volumes.csv'}")
    return UNPROCESSED if unwaived_errors(done.findings, known) else DONE
