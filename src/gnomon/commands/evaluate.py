"""gnomon evaluate: references and predictions -> measures in the patient's millimetres."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gnomon.commands.launch import DONE, FOUND, UNPROCESSED
from gnomon.commands.settings import scheme_from
from gnomon.core.settings import settings_from
from gnomon.evaluation import evaluate
from gnomon.io.console import print_findings, say
from gnomon.io.folders import EvaluationFolder
from gnomon.io.images import images_in_folder
from gnomon.reports import of_files, write_evaluation_report
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES, MISSING_FOLDER
from gnomon.rules.finding import unwaived_errors
from gnomon.settings import EvaluateSettings
from gnomon.tasks.segmentation import criterion_lines, label_lines, meets_criteria


def run(config: DictConfig) -> int:
    """Evaluate; exit code 3 where a case could not be scored by its prediction, 1 where a criterion is not met."""
    references = Path(config.references)
    if not references.is_dir():
        raise MISSING_FOLDER.refusal(str(references), found="no such folder", expected="a folder of label files")
    labels = scheme_from(config.label_names)
    if labels is None:
        raise INVALID_LABEL_NAMES.refusal("label_names", found="no value")
    settings = settings_from(EvaluateSettings, config.evaluation, "evaluation")
    files, predictions, folder = (
        images_in_folder(references),
        Path(config.predictions),
        EvaluationFolder(Path(config.output)),
    )
    done = evaluate(files, predictions, labels, folder.path, settings)
    images = {} if config.images is None else images_in_folder(Path(config.images))
    predicted = images_in_folder(predictions) if predictions.is_dir() else {}
    write_evaluation_report(folder, labels, "Evaluation", of_files(files, predicted, images))
    print_findings(done.findings)
    for line in (*label_lines(done.summary), *criterion_lines(done.summary)):
        say(line)
    say(f"measures: {folder.cases}; report: {folder.report}")
    if unwaived_errors(done.findings, ()):
        return UNPROCESSED
    return DONE if meets_criteria(done.summary) else FOUND
