"""One fold and one seed: train, predict the held-out cases, evaluate them, report."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from gnomon.core.provenance import run_manifest
from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json, write_json, write_text
from gnomon.io.folders import RunFolder
from gnomon.pipeline.stages import Stages, check_folder
from gnomon.rules.catalogue.usage import UNKNOWN_FOLD, WRONG_TASK
from gnomon.tasks import Task
from gnomon.training import check_settings, fit, write_plan


@dataclass(frozen=True)
class Outcome:
    """What a finished experiment left: its report, the summary of its evaluation, and of a single run its manifest."""

    report: Path
    summary: dict[str, Any]
    manifest: dict[str, Any] | None


def run_single(
    task: Task, stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> Outcome:
    """Do what is not done yet; every stage resumes where it stopped.

    Args:
        values: the resolved configuration, plain values.
        checkout: source tree of the program, for the manifest.

    Raises:
        Refusal: USE113, no such fold; USE127, a data set of another task; whatever the stages refuse.
    """
    if dataset.task != task.name:
        raise WRONG_TASK.refusal("task", found=f"{task.name}, but a data set for {dataset.task}")
    fold = _check_fold(stages, dataset)
    task.check(dataset, stages.evaluation, stages.criteria)
    _train(task, stages, values, dataset, folder, checkout)
    names = evaluated_cases(stages, dataset, fold)
    task.predict(folder.path, dataset, names, folder.predictions, stages.inference)
    summary = task.evaluate(dataset, names, folder.predictions, folder.evaluation, stages.evaluation, stages.inference)
    task.report_run(folder, dataset, fold, summary)
    return Outcome(folder.report, summary, read_json(folder.manifest, "the run"))


def evaluated_cases(stages: Stages, dataset: Dataset, fold: int) -> Sequence[str]:
    """The held-out cases of a fold; with `training.data.cases`, a check of the code, those that were trained on."""
    few = stages.training.data.cases
    return dataset.splits.folds[fold][0][:few] if few else dataset.splits.held_out(fold)


def _train(
    task: Task, stages: Stages, values: Mapping[str, Any], dataset: Dataset, folder: RunFolder, checkout: Path | None
) -> None:
    """Train to the end, if that is not done yet: plan.json, config.yaml, the weights, manifest.json."""
    began, seed = time.monotonic(), int(values["seed"])
    check_folder(folder.path, values)
    check_settings(stages.training, dataset)
    write_plan(folder, dataset, values["net"])
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    if folder.manifest.is_file():
        return
    facts = fit(task.learning, dataset, values["net"], stages.training, seed, folder.path, stages.trackers, values)
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


def _check_fold(stages: Stages, dataset: Dataset) -> int:
    """The fold of the settings, if the data set has it (USE113)."""
    fold, last = int(stages.training.fold), len(dataset.splits.folds) - 1
    if not 0 <= fold <= last:
        raise UNKNOWN_FOLD.refusal("training.fold", found=str(fold), expected=f"0 to {last}")
    return fold


def _peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
