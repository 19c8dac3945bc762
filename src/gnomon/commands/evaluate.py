"""gnomon evaluate: references and predictions -> measures in the patient's millimetres."""

from __future__ import annotations

from pathlib import Path

from gnomon.commands.launch import DONE, FOUND, UNPROCESSED
from gnomon.commands.sections import EvaluateCommand
from gnomon.commands.settings import scheme_from
from gnomon.evaluation import evaluate
from gnomon.io.console import print_findings, say
from gnomon.io.folders import EvaluationFolder
from gnomon.io.images import images_in_folder
from gnomon.reports import images_of_files, write_evaluation_report
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES
from gnomon.rules.finding import unwaived_errors
from gnomon.tasks.segmentation import criterion_lines, label_lines, meets_criteria


def run(config: EvaluateCommand) -> int:
    """Evaluate; exit code 3 where a case could not be scored by its prediction, 1 where a criterion is not met."""
    labels = scheme_from(config.label_names)
    if labels is None:
        raise INVALID_LABEL_NAMES.refusal("label_names", found="no value")
    references, predictions = images_in_folder(Path(config.references)), Path(config.predictions)
    folder = EvaluationFolder(Path(config.output))
    evaluated = evaluate(references, predictions, labels, folder.path, config.evaluation)
    images = {} if config.images is None else images_in_folder(Path(config.images))
    predicted = images_in_folder(predictions) if predictions.is_dir() else {}
    write_evaluation_report(folder, labels, "Evaluation", images_of_files(references, predicted, images))
    print_findings(evaluated.findings)
    for line in (*label_lines(evaluated.summary), *criterion_lines(evaluated.summary)):
        say(line)
    say(f"measures: {folder.cases}; report: {folder.report}")
    if unwaived_errors(evaluated.findings, ()):
        return UNPROCESSED
    return DONE if meets_criteria(evaluated.summary) else FOUND
