"""Classification: one of several classes for every image, as contrast phases or views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gnomon.core.labels import LabelScheme
from gnomon.data import WholeImages
from gnomon.dataset.dataset import Dataset, class_and_patient
from gnomon.dataset.plan import Plan
from gnomon.evaluation import Criterion, judge_classes
from gnomon.inference import classify_cases, classify_images, load_classifier, read_class_rows
from gnomon.io.artifacts import write_json, write_rows
from gnomon.io.folders import EvaluationFolder, GroupFolder, PredictionsFolder, RunFolder
from gnomon.nets import build_classifier
from gnomon.preparation import StepBytes, prepare_classes, read_classes
from gnomon.reports import write_class_group_report, write_class_report
from gnomon.rules.finding import Finding
from gnomon.settings import EvaluateSettings, PredictSettings, PrepareSettings, TrainSettings
from gnomon.tasks.seeds import GROUP_SCHEMA, mean_and_deviation
from gnomon.tasks.task import DataPaths, Summary, Task
from gnomon.training import ClassificationModule, LearningTask

ClassLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(logits (batch, classes), class (batch,)) -> a scalar."""


def build_balanced_loss(counts: Sequence[int]) -> ClassLoss:
    """Cross-entropy in which every class has the same weight, however many images of it there are.

    Args:
        counts: number of training images of each class.
    """
    weights = torch.tensor([sum(counts) / (len(counts) * max(1, count)) for count in counts])

    def loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, classes, weights.to(logits.device))

    return loss


def _build_net(
    config: Mapping[str, Any], plan: Plan, labels: LabelScheme, _activation_checkpointing: bool
) -> nn.Module:
    return build_classifier(config, plan.topology, 1, len(labels.names))


def _build_loss(dataset: Dataset, settings: TrainSettings) -> ClassLoss:
    kinds = [class_and_patient(dataset.folder, name)[0] for name in dataset.splits.folds[settings.fold][0]]
    return build_balanced_loss([kinds.count(name) for name in dataset.labels.names])


def _prepare(
    paths: DataPaths, output: Path, settings: PrepareSettings, _step_bytes: Callable[[int], StepBytes]
) -> Dataset:
    assert paths.classes is not None
    source = read_classes(paths.images, paths.classes, settings.patient_pattern)
    return prepare_classes(source, output, settings, verify=paths.verify)


def _check(_dataset: Dataset, _settings: EvaluateSettings, _criteria: Sequence[Criterion]) -> None:
    """Nothing to check: criteria are for segmentations."""


def _predict(run: Path, dataset: Dataset, names: Sequence[str], output: Path, settings: PredictSettings) -> None:
    classify_cases(load_classifier(run, settings), dataset, names, output)


def _predict_images(run: Path, images: Path, output: Path, settings: PredictSettings) -> list[Finding]:
    return classify_images(load_classifier(run, settings), images, output)


def _combine(
    cases: Mapping[RunFolder, Sequence[str]], dataset: Dataset, output: Path, _settings: PredictSettings
) -> list[str]:
    """The class of the mean probabilities over the runs that classified an image."""
    rows_of: dict[str, list[Mapping[str, Any]]] = {}
    for run in cases:
        for row in read_class_rows(PredictionsFolder(run.predictions)):
            rows_of.setdefault(str(row["case"]), []).append(row)
    names, combined = dataset.labels.names, []
    for case in sorted(rows_of):
        probabilities = np.mean([[float(row[f"p/{name}"]) for name in names] for row in rows_of[case]], axis=0)
        combined.append(
            {
                "case": case,
                "class": names[int(probabilities.argmax())],
                **{f"p/{name}": float(value) for name, value in zip(names, probabilities)},
            }
        )
    write_rows(PredictionsFolder(output).classes, combined)
    return sorted(rows_of)


def _evaluate(
    dataset: Dataset,
    names: Sequence[str],
    predictions: Path,
    output: Path,
    _settings: EvaluateSettings,
    _prediction: PredictSettings,
) -> Summary:
    known = {name: class_and_patient(dataset.folder, name) for name in names}
    truth, patients = ({name: pair[i] for name, pair in known.items()} for i in (0, 1))
    rows = read_class_rows(PredictionsFolder(predictions))
    summary = judge_classes(rows, truth, patients, dataset.labels.names)
    write_json(EvaluationFolder(output).summary, summary)
    return summary


def _summarise_seeds(summaries: Mapping[int, Summary]) -> Summary:
    """Means over seeds and standard deviations between them."""
    first = next(iter(summaries.values()))
    accuracy = mean_and_deviation([one["accuracy"]["estimate"] for one in summaries.values()])
    balanced = mean_and_deviation([one["balanced_accuracy"] for one in summaries.values()])
    recalls = {
        name: mean_and_deviation([one["classes"][name]["recall"] for one in summaries.values()])
        for name in first["classes"]
    }
    return {
        "schema": GROUP_SCHEMA,
        "n_cases": first["n_cases"],
        "seeds": list(summaries),
        "accuracy": accuracy["mean"],
        "between_seeds": accuracy["deviation"],
        "balanced_accuracy": balanced["mean"],
        "classes": {name: {"recall": one["mean"], "between_seeds": one["deviation"]} for name, one in recalls.items()},
        "by_seed": {str(seed): dict(summary) for seed, summary in summaries.items()},
    }


def _report_run(run: RunFolder, dataset: Dataset, _fold: int, summary: Summary) -> None:
    write_class_report(run, dataset, summary, read_class_rows(PredictionsFolder(run.predictions)))


def _report_seed(_group: GroupFolder, _seed: int, _dataset: Dataset) -> None:
    """The report of the group shows every seed."""


def _report_group(group: GroupFolder, name: str, summary: Summary, _dataset: Dataset, n_runs: int) -> None:
    write_class_group_report(group, name, summary, n_runs)


def _result_lines(summary: Summary) -> list[str]:
    if "by_seed" in summary:
        return []
    lines = []
    for name, found in summary["classes"].items():
        shown = ", ".join(f"{key} {found[key]:.3f}" for key in ("recall", "precision", "auc") if found[key] is not None)
        lines.append(f"  {name}: {shown} ({found['n']} images)")
    return lines


def _headline(summary: Summary) -> str:
    accuracy, spread = summary["accuracy"], summary.get("between_seeds")
    mean = accuracy if "by_seed" in summary else accuracy["estimate"]
    seeds = "" if spread is None else f" (standard deviation {spread:.4f} between {len(summary['seeds'])} seeds)"
    balanced = summary["balanced_accuracy"]
    return f"accuracy {mean:.3f}{seeds}, balanced {balanced:.3f}, over {summary['n_cases']} held-out images"


def _meets_criteria(_summary: Summary) -> bool:
    return True


CLASSIFICATION = Task(
    name="classification",
    learning=LearningTask(
        name="classification",
        items=WholeImages,
        build_net=_build_net,
        build_loss=_build_loss,
        build_module=ClassificationModule,
        mirrors=False,
        pictures=False,
    ),
    data_kinds=("nifti", "prepared"),
    required_data=("classes",),
    prepare=_prepare,
    check=_check,
    predict=_predict,
    predict_images=_predict_images,
    combine=_combine,
    evaluate=_evaluate,
    summarise_seeds=_summarise_seeds,
    report_run=_report_run,
    report_seed=_report_seed,
    report_group=_report_group,
    result_lines=_result_lines,
    headline=_headline,
    meets_criteria=_meets_criteria,
)
