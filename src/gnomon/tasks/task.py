"""What a task is made of: everything in which segmentation and classification differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnomon.core.labels import LabelScheme
from gnomon.dataset.dataset import Dataset
from gnomon.evaluation import Criterion
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.preparation import StepBytes
from gnomon.rules.finding import Finding
from gnomon.settings import EvaluateSettings, PredictSettings, PrepareSettings
from gnomon.training import LearningTask

Summary = dict[str, Any]
"""Content of a summary.json, plain values."""


@dataclass(frozen=True, kw_only=True)
class DataPaths:
    """Where the data of a task lie.

    Attributes:
        images: folder of NIfTI images, or of converted volumes, or a raw nnU-Net data set.
        labels: folder of label maps; None where they lie with the images.
        classes: CSV with a class for each image; None for a segmentation.
        scheme: labels of converted volumes.
        verify: whether files are read again whose size and time have not changed.
    """

    images: Path
    labels: Path | None = None
    classes: Path | None = None
    scheme: LabelScheme | None = None
    verify: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task. `pipeline` runs it, the commands choose it by name.

    Attributes:
        name: name by which a configuration chooses it.
        learning: net, loss, LightningModule and batches, for the training.
        data_kinds: values of `data.kind` that it takes.
        required_data: keys of `data` that need a value where `data.kind` is nifti, besides `root`.
        prepare: (paths, output, settings, memory of a training step by the number of output channels) -> data set.
        check: refuses settings of the evaluation that do not fit the data set's labels.
        predict: (run, data set, cases, output, settings): predicts those cases that are not predicted yet.
        predict_images: (run, images, output, settings) -> findings on the images that could not be predicted.
        combine: (cases by run, data set, output, settings) -> cases: predictions of several runs of one seed.
        evaluate: (data set, cases, predictions, output, settings of the evaluation and of the prediction) -> summary.
        summarise_seeds: (summary by seed) -> summary with means and standard deviations between seeds.
        report_run: (run, data set, fold, summary): writes the report of a run.
        report_seed: (group, seed, data set): writes the report of one seed of a group.
        report_group: (group, name, summary, data set, number of runs): writes the report of a group.
        result_lines: summary of a run or of a group -> details of the result, a line each.
        headline: summary of a run or of a group -> the result in one line.
        meets_criteria: whether a summary, of a run or of a group, meets every criterion.
    """

    name: str
    learning: LearningTask
    data_kinds: tuple[str, ...]
    required_data: tuple[str, ...]
    prepare: Callable[[DataPaths, Path, PrepareSettings, Callable[[int], StepBytes]], Dataset]
    check: Callable[[Dataset, EvaluateSettings, Sequence[Criterion]], None]
    predict: Callable[[Path, Dataset, Sequence[str], Path, PredictSettings], None]
    predict_images: Callable[[Path, Path, Path, PredictSettings], list[Finding]]
    combine: Callable[[Mapping[RunFolder, Sequence[str]], Dataset, Path, PredictSettings], list[str]]
    evaluate: Callable[[Dataset, Sequence[str], Path, Path, EvaluateSettings, PredictSettings], Summary]
    summarise_seeds: Callable[[Mapping[int, Summary]], Summary]
    report_run: Callable[[RunFolder, Dataset, int, Summary], None]
    report_seed: Callable[[GroupFolder, int, Dataset], None]
    report_group: Callable[[GroupFolder, str, Summary, Dataset, int], None]
    result_lines: Callable[[Summary], list[str]]
    headline: Callable[[Summary], str]
    meets_criteria: Callable[[Summary], bool]
