"""One fold and one seed: train, predict the held-out cases, evaluate them, report."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from gnomon.core.provenance import run_manifest
from gnomon.dataset.dataset import Dataset, read_case, reference_path
from gnomon.evaluation import check_labels, evaluate, structures_of
from gnomon.inference import load_model, predict_cases
from gnomon.io.artifacts import read_json, write_json, write_text
from gnomon.io.folders import PredictionsFolder, RunFolder
from gnomon.pipeline.stages import Stages, check_folder
from gnomon.reports import write_run_report
from gnomon.rules.catalogue.usage import UNKNOWN_FOLD, WRONG_TASK
from gnomon.training import check_settings, fit, write_plan


@dataclass(frozen=True)
class Outcome:
    """What a finished experiment left: its report, the summary of its evaluation, and of a single run its manifest."""

    report: Path
    summary: dict[str, Any]
    manifest: dict[str, Any] | None


def run_single(
    stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> Outcome:
    """Do what is not done yet; every stage goes on where it stopped.

    Args:
        values: the resolved configuration, plain values.
        checkout: source tree of the program, for the manifest.
    """
    if dataset.task != "segmentation":
        raise WRONG_TASK.refusal(
            "task",
            found="task=segmentation with a data set for classification",
            expected="a data set with labels",
            remedy="Set task=classification.",
        )
    fold = fold_of(stages, dataset)
    check_labels(stages.criteria, structures_of(dataset.labels, stages.evaluation))
    learn(stages, values, dataset, folder, checkout)
    summary = _judge(stages, dataset, folder)
    write_run_report(folder, dataset, fold)
    return Outcome(folder.report, summary, read_json(folder.manifest, "the run"))


def learn(
    stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> None:
    """Train to the end, if that is not done yet: plan.json, config.yaml, the weights, manifest.json."""
    began, seed = time.monotonic(), int(values["seed"])
    check_folder(folder.path, values)
    check_settings(stages.training, dataset)
    write_plan(folder, dataset, values["net"])
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    if not folder.manifest.is_file():
        facts = fit(dataset, values["net"], stages.training, seed, folder.path, stages.trackers, values)
        write_json(
            folder.manifest,
            run_manifest(
                checkout,
                values,
                seed=seed,
                dataset_sha256=dataset.content_sha256,
                seconds_to_weights=round(time.monotonic() - began, 1),
                peak_memory_bytes=_peak_memory_bytes(),
                **facts,
            ),
        )


def fold_of(stages: Stages, dataset: Dataset) -> int:
    """The fold that is asked for, if there is one (USE113)."""
    fold, last = int(stages.training.fold), len(dataset.splits.folds) - 1
    if not 0 <= fold <= last:
        raise UNKNOWN_FOLD.refusal("training.fold", found=str(fold), expected=f"a number from 0 to {last}, or all")
    return fold


def _judge(stages: Stages, dataset: Dataset, folder: RunFolder) -> dict[str, Any]:
    """Predict and evaluate what a fold is judged on."""
    names = judged_cases(stages, dataset, stages.training.fold)
    model = load_model(folder.path, stages.inference)
    missing = [name for name in names if not (folder.predictions / f"{name}.nii.gz").is_file()]
    predict_cases(model, dataset, missing, folder.predictions)
    return judged(stages, dataset, names, folder.predictions, folder.evaluation)


def judged_cases(stages: Stages, dataset: Dataset, fold: int) -> Sequence[str]:
    """The held-out cases of a fold, or in a check of the code those that were trained on."""
    few = stages.training.data.cases
    return dataset.splits.folds[fold][0][:few] if few else dataset.splits.held_out(fold)


def judged(stages: Stages, dataset: Dataset, names: Sequence[str], predictions: Path, output: Path) -> dict[str, Any]:
    """Evaluate the predictions of a data set's cases; the summary."""
    cases = {name: read_case(dataset.folder, name) for name in names}
    labels = dataset.labels.names
    looked_for = {
        name: [labels[i - 1] for i in case.annotated] for name, case in cases.items() if case.annotated is not None
    }
    references = {name: reference_path(dataset.folder, name) for name in names}
    patients = {name: case.patient for name, case in cases.items()}
    settings = stages.evaluation
    if stages.inference.probabilities and settings.probabilities is None:
        settings = replace(settings, probabilities=str(PredictionsFolder(predictions).probabilities))
    return evaluate(references, predictions, dataset.labels, output, settings, looked_for, patients).summary


def _peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
