"""gnomon prepare: volumes or a Medical Decathlon folder -> a canonical training set."""

from __future__ import annotations

from pathlib import Path

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.commands.sections import PrepareCommand
from gnomon.commands.settings import folder_from, scheme_from
from gnomon.io.console import print_findings, say
from gnomon.preparation import prepare, read_raw_dataset
from gnomon.rules.finding import unwaived_errors


def run(config: PrepareCommand) -> int:
    """Prepare; exit code 3 where a case was left out."""
    settings = config.preparation
    source = read_raw_dataset(
        Path(config.input), folder_from(config.labels), scheme_from(config.label_names), settings.patient_pattern
    )
    dataset = prepare(source, Path(config.output), settings, verify=config.verify)
    print_findings(dataset.findings, config.known_findings)
    for reason in dataset.plan.topology.reasons:
        say(f"  {reason}")
    say(f"patch {dataset.plan.topology.patch} at {dataset.plan.spacing_mm} mm: {dataset.folder.index}")
    return UNPROCESSED if unwaived_errors(dataset.findings, config.known_findings) else DONE
