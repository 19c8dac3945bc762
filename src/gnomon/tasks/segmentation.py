"""Segmentation: a label map for every image, on the image's own grid."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from gnomon.core.labels import LabelScheme
from gnomon.data import Patches
from gnomon.dataset.dataset import Dataset, read_case, reference_path
from gnomon.dataset.plan import Plan
from gnomon.evaluation import HD95, Criterion, check_labels, evaluate, structures_of
from gnomon.inference import load_ensemble, load_model, predict_cases, predict_images
from gnomon.io.artifacts import atomic_replacement, write_rows
from gnomon.io.folders import EvaluationFolder, GroupFolder, PredictionsFolder, RunFolder
from gnomon.nets import build_net
from gnomon.preparation import StepBytes, prepare, read_raw_dataset
from gnomon.reports import images_of_dataset, write_evaluation_report, write_group_report, write_run_report
from gnomon.rules.finding import Finding
from gnomon.settings import EvaluateSettings, PredictSettings, PrepareSettings, TrainSettings
from gnomon.tasks.seeds import GROUP_SCHEMA, mean_and_deviation
from gnomon.tasks.task import DataPaths, Summary, Task
from gnomon.training import LearningTask, Loss, SegmentationModule, build_loss


def label_lines(summary: Mapping[str, Any]) -> list[str]:
    """One line per label."""
    return [
        f"  {name}: Dice {values['dice']:.4f}, HD95 {values[HD95]:.2f} mm, ASSD {values['assd_mm']:.2f} mm, "
        f"NSD {values['nsd']:.4f} (n {values['n']}, missed {values['missed']}, spurious {values['spurious']})"
        if values["n"]
        else f"  {name}: absent everywhere"
        for name, values in summary["labels"].items()
    ]


def criterion_lines(summary: Mapping[str, Any]) -> list[str]:
    """One line per criterion."""
    return [
        f"  {'met' if row['passed'] else 'NOT MET'}: {row['criterion']}; {row['label']} has "
        f"{'not measurable' if row['found'] is None else format(row['found'], '.4g')}"
        for row in summary["criteria"]
    ]


def meets_criteria(summary: Mapping[str, Any]) -> bool:
    """Whether a summary, of a run or of every seed of a group, meets all its criteria."""
    summaries = summary["by_seed"].values() if "by_seed" in summary else [summary]
    return all(row["passed"] for one in summaries for row in one["criteria"])


def gather_changes(sources: Mapping[str, RunFolder], output: PredictionsFolder) -> None:
    """Write the changes by post-processing rules of each case, from the run that its prediction was taken from."""
    rows: list[Mapping[str, Any]] = []
    for run in dict.fromkeys(sources.values()):
        changes = PredictionsFolder(run.predictions).changes
        if changes.is_file():
            with changes.open(newline="") as stream:
                rows += [row for row in csv.DictReader(stream) if sources.get(row["case"]) == run]
    if rows:
        write_rows(output.changes, rows)


def _build_net(config: Mapping[str, Any], plan: Plan, labels: LabelScheme, activation_checkpointing: bool) -> nn.Module:
    return build_net(config, plan.topology, 1, labels.n_channels, activation_checkpointing=activation_checkpointing)


def _build_loss(dataset: Dataset, settings: TrainSettings) -> Loss:
    return build_loss(settings.loss, dataset.plan.spacing_mm, settings.devices, dataset.labels.names)


def _prepare(
    paths: DataPaths, output: Path, settings: PrepareSettings, step_bytes: Callable[[int], StepBytes]
) -> Dataset:
    source = read_raw_dataset(paths.images, paths.labels, paths.scheme, settings.patient_pattern)
    return prepare(source, output, settings, step_bytes(source.labels.n_channels), verify=paths.verify)


def _check(dataset: Dataset, settings: EvaluateSettings, criteria: Sequence[Criterion]) -> None:
    check_labels(criteria, structures_of(dataset.labels, settings))


def _predict(run: Path, dataset: Dataset, names: Sequence[str], output: Path, settings: PredictSettings) -> None:
    model = load_model(run, settings)
    predict_cases(model, dataset, _missing(names, output), output)


def _predict_images(run: Path, images: Path, output: Path, settings: PredictSettings) -> list[Finding]:
    return predict_images(load_model(run, settings), images, output)


def _combine(
    cases: Mapping[RunFolder, Sequence[str]], dataset: Dataset, output: Path, settings: PredictSettings
) -> list[str]:
    """Predict shared cases by the ensemble of all runs; otherwise copy each case from the run that held it out."""
    lists = [list(names) for names in cases.values()]
    if len(lists) > 1 and all(names == lists[0] for names in lists):
        if missing := _missing(lists[0], output):
            ensemble = load_ensemble([run.path for run in cases], settings)
            predict_cases(ensemble, dataset, missing, output)
        return lists[0]
    sources: dict[str, RunFolder] = {}
    for run, names in cases.items():
        for name in names:
            sources.setdefault(name, run)
    for name, run in sources.items():
        for path in PredictionsFolder(run.predictions).of_case(name):
            with atomic_replacement(output / path.relative_to(run.predictions)) as temporary:
                shutil.copyfile(path, temporary)
    gather_changes(sources, PredictionsFolder(output))
    return list(sources)


def _evaluate(
    dataset: Dataset,
    names: Sequence[str],
    predictions: Path,
    output: Path,
    settings: EvaluateSettings,
    prediction: PredictSettings,
) -> Summary:
    cases = {name: read_case(dataset.folder, name) for name in names}
    labels = dataset.labels.names
    annotated = {
        name: [labels[i - 1] for i in case.annotated] for name, case in cases.items() if case.annotated is not None
    }
    references = {name: reference_path(dataset.folder, name) for name in names}
    patients = {name: case.patient for name, case in cases.items()}
    if prediction.probabilities and settings.probabilities is None:
        settings = replace(settings, probabilities=str(PredictionsFolder(predictions).probabilities))
    return evaluate(references, predictions, dataset.labels, output, settings, annotated, patients).summary


def _summarise_seeds(summaries: Mapping[int, Summary]) -> Summary:
    """Mean over seeds and standard deviation between them, for the mean Dice and for each label."""
    first = next(iter(summaries.values()))
    labels = {
        name: mean_and_deviation([summary["labels"][name]["dice"] for summary in summaries.values()])
        for name in first["labels"]
    }
    dice = mean_and_deviation([summary["mean_dice"] for summary in summaries.values()])
    return {
        "schema": GROUP_SCHEMA,
        "n_cases": first["n_cases"],
        "seeds": list(summaries),
        "mean_dice": dice["mean"],
        "between_seeds": dice["deviation"],
        "labels": {name: {"dice": one["mean"], "between_seeds": one["deviation"]} for name, one in labels.items()},
        "by_seed": {str(seed): dict(summary) for seed, summary in summaries.items()},
    }


def _report_run(run: RunFolder, dataset: Dataset, fold: int, _summary: Summary) -> None:
    write_run_report(run, dataset, fold)


def _report_seed(group: GroupFolder, seed: int, dataset: Dataset) -> None:
    folder, predictions = EvaluationFolder(group.evaluation(seed)), group.predictions(seed)
    write_evaluation_report(folder, dataset.labels, f"Seed {seed}", images_of_dataset(dataset, predictions))


def _report_group(group: GroupFolder, name: str, summary: Summary, dataset: Dataset, n_runs: int) -> None:
    write_group_report(group, name, summary, dataset, n_runs)


def _result_lines(summary: Summary) -> list[str]:
    if "by_seed" in summary:
        return [line for one in summary["by_seed"].values() for line in criterion_lines(one)]
    return [*label_lines(summary), *criterion_lines(summary)]


def _headline(summary: Summary) -> str:
    mean = "not measurable" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    spread = summary.get("between_seeds")
    seeds = "" if spread is None else f" (standard deviation {spread:.4f} between {len(summary['seeds'])} seeds)"
    return f"mean Dice {mean}{seeds} over {summary['n_cases']} held-out cases"


def _missing(names: Sequence[str], output: Path) -> list[str]:
    return [name for name in names if not (output / f"{name}.nii.gz").is_file()]


SEGMENTATION = Task(
    name="segmentation",
    learning=LearningTask(
        name="segmentation",
        items=Patches,
        build_net=_build_net,
        build_loss=_build_loss,
        build_module=SegmentationModule,
        mirrors=True,
        pictures=True,
    ),
    data_kinds=("phantom", "dicom", "nifti", "prepared"),
    required_data=(),
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
    meets_criteria=meets_criteria,
)
