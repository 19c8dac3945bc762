"""A classification, one fold and one seed: prepare, train, classify the held-out images, judge, report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from isocenter.artifacts import EvaluationFolder, RunFolder, read_json, write_json, write_text
from isocenter.evaluation import judge_classes
from isocenter.experiments.data import store_of
from isocenter.experiments.single import Outcome, fold_of, peak_memory_bytes
from isocenter.experiments.stages import Stages, check_folder
from isocenter.findings import refuse
from isocenter.inference import classify_cases, load_classifier
from isocenter.preparation import Dataset, class_of, prepare_classes, read_classes, read_dataset
from isocenter.provenance import run_manifest
from isocenter.reports import write_class_report
from isocenter.training import check_settings, fit, write_plan


def classification_data(stages: Stages, values: Mapping[str, Any]) -> Dataset:
    """The data set of whole images, prepared as far as it is not yet.

    Raises:
        Refusal: USE109, a path is missing; USE112, a kind of data that has no classes; what the stages refuse.
    """
    data = values["data"]
    if data["kind"] not in ("nifti", "prepared"):
        raise refuse(
            "USE112", "data.kind", repr(data["kind"]), "nifti (images, or converted volumes) or prepared",
            "Convert DICOM with `isocenter convert` first.",
        )  # fmt: skip
    for key in ("root", *(["classes"] if data["kind"] == "nifti" else [])):
        if data[key] is None:
            raise refuse("USE109", f"data.{key}", "no value", "a path", f"Set it: data.{key}=...")
    root = Path(data["root"]).expanduser()
    if data["kind"] == "prepared":
        return read_dataset(root)
    source = read_classes(root, Path(data["classes"]).expanduser(), stages.preparation.patient_pattern)
    return prepare_classes(source, store_of(values) / "dataset", stages.preparation)


def run_classification(
    stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> Outcome:
    """Do what is not done yet; every stage goes on where it stopped.

    Raises:
        Refusal: USE127, a prepared data set that has no classes.
    """
    began, seed = time.monotonic(), int(values["seed"])
    if dataset.task != "classification":
        raise refuse(
            "USE127", "task", "classification, of a data set for segmentation", "a data set with classes",
            "Set task=segmentation, or data.classes=.",
        )  # fmt: skip
    check_folder(folder.path, values)
    fold = fold_of(stages, dataset)
    check_settings(stages.training, dataset)
    write_plan(folder, dataset, values["net"])
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    if not folder.manifest.is_file():
        facts = fit(dataset, values["net"], stages.training, seed, folder.path, stages.trackers, values)
        write_json(folder.manifest, run_manifest(
            checkout, values,
            seed=seed,
            dataset_sha256=dataset.content_sha256,
            seconds_to_weights=round(time.monotonic() - began, 1),
            peak_memory_bytes=peak_memory_bytes(),
            **facts,
        ))  # fmt: skip
    names = dataset.splits.held_out(fold)
    rows = classify_cases(load_classifier(folder.path, stages.inference), dataset, names, folder.predictions)
    truth = {name: class_of(dataset.folder, name) for name in names}
    summary = judge_classes(
        rows, {name: one for name, (one, _) in truth.items()}, {name: owner for name, (_, owner) in truth.items()},
        dataset.labels.names,
    )  # fmt: skip
    write_json(EvaluationFolder(folder.evaluation).summary, summary)
    write_class_report(folder, dataset, summary, rows)
    return Outcome(folder.report, summary, read_json(folder.manifest, "the run"))
