"""A classification of one fold and one seed: prepare, train, classify the held-out images, judge, report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gnomon.dataset.dataset import Dataset, class_and_patient, read_dataset
from gnomon.evaluation import judge_classes
from gnomon.inference import classify_cases, load_classifier
from gnomon.io.artifacts import read_json, write_json
from gnomon.io.folders import EvaluationFolder, RunFolder
from gnomon.io.locks import wait_for_turn
from gnomon.pipeline.data import store_of
from gnomon.pipeline.single import Outcome, fold_of, learn
from gnomon.pipeline.stages import Stages
from gnomon.preparation import prepare_classes, read_classes
from gnomon.reports import write_class_report
from gnomon.rules.catalogue.usage import MISSING_SETTING, UNKNOWN_DATA_KIND, WRONG_TASK


def classification_data(stages: Stages, values: Mapping[str, Any]) -> Dataset:
    """The data set of whole images, prepared as far as it is not yet.

    Raises:
        Refusal: USE109, a path is missing; USE112, a kind of data that has no classes; what the stages refuse.
    """
    data = values["data"]
    if data["kind"] not in ("nifti", "prepared"):
        raise UNKNOWN_DATA_KIND.refusal(
            "data.kind",
            found=repr(data["kind"]),
            expected="nifti (images or converted volumes) or prepared",
            remedy="Convert DICOM studies with `gnomon convert`, then set data.kind=nifti.",
        )
    for key in ("root", *(["classes"] if data["kind"] == "nifti" else [])):
        if data[key] is None:
            raise MISSING_SETTING.refusal(
                f"data.{key}", found="no value", expected="a path", remedy=f"Set data.{key}=PATH."
            )
    root = Path(data["root"]).expanduser()
    if data["kind"] == "prepared":
        return read_dataset(root)
    source = read_classes(root, Path(data["classes"]).expanduser(), stages.preparation.patient_pattern)
    with wait_for_turn(store_of(values), "the same data"):
        return prepare_classes(source, store_of(values) / "dataset", stages.preparation)


def run_classification(
    stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> Outcome:
    """Do what is not done yet; every stage goes on where it stopped.

    Raises:
        Refusal: USE127, a prepared data set that has no classes.
    """
    if dataset.task != "classification":
        raise WRONG_TASK.refusal(
            "task",
            found="task=classification with a data set for segmentation",
            expected="a data set with classes",
            remedy="Set task=segmentation, or data.classes=TABLE and data.kind=nifti.",
        )
    fold = fold_of(stages, dataset)
    learn(stages, values, dataset, folder, checkout)
    names = dataset.splits.held_out(fold)
    rows = classify_cases(load_classifier(folder.path, stages.inference), dataset, names, folder.predictions)
    summary = judge_classes(rows, *truth_of(dataset, names), dataset.labels.names)
    write_json(EvaluationFolder(folder.evaluation).summary, summary)
    write_class_report(folder, dataset, summary, rows)
    return Outcome(folder.report, summary, read_json(folder.manifest, "the run"))


def truth_of(dataset: Dataset, names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The class and the patient of each image."""
    known = {name: class_and_patient(dataset.folder, name) for name in names}
    return {name: one for name, (one, _) in known.items()}, {name: owner for name, (_, owner) in known.items()}
