"""Settings of a whole experiment: what `gnomon train` is given, read and checked before the first stage runs."""

from __future__ import annotations

from typing import Any

from gnomon.core.settings import REQUIRED, SettingError, plain_values, section, setting, subsection
from gnomon.settings.conversion import ConvertSettings
from gnomon.settings.evaluation import EvaluateSettings
from gnomon.settings.inference import PredictSettings
from gnomon.settings.phantom import PhantomSettings
from gnomon.settings.policy import Policy
from gnomon.settings.preparation import PrepareSettings
from gnomon.settings.trackers import TrackerSettings
from gnomon.settings.trainer import TrainerSettings
from gnomon.settings.training import TrainSettings


@section
class DataSource:
    """The data of an experiment."""

    kind: str = setting(
        REQUIRED,
        "What the data are: a synthetic cohort, DICOM studies, NIfTI images or a prepared data set.",
        choices=("phantom", "dicom", "nifti", "prepared"),
    )
    root: str | None = setting(
        None,
        "dicom: studies; nifti: a Medical Decathlon folder or converted volumes; prepared: a data set.",
        path="file or folder",
    )
    labels: str | None = setting(None, "dicom and converted volumes: folder of label files.", path="folder")
    classes: str | None = setting(
        None, "classification: CSV file with the columns case (or volume_id) and class.", path="file"
    )
    label_names: dict[str, int] | None = setting(
        None, "dicom and converted volumes: value of each label, as {liver: 1, spleen: 2}."
    )
    known_findings: list[str] = setting([], "Rules whose errors are expected and do not change the exit code.")


@section
class Config:
    """gnomon train experiment=NAME [key=value ...]    (python train.py is the same)

    Prepares what it needs, trains, predicts the held-out cases, evaluates them and writes a report.
    Every key below can be set on the command line, as training.epochs=10.
    """

    name: str = setting(REQUIRED, "Beginning of the name of the run's folder.")
    task: str = setting(
        "segmentation",
        "Segmentation, or classification of whole images by the classes in data.classes.",
        choices=("segmentation", "classification"),
    )
    seed: Any = setting(
        1, "Seed of weights, patches and augmentation; a list, as [1, 2, 3], trains once per seed and gives the spread."
    )
    workspace: str = setting("runs", "Folder of runs; prepared data are kept in <workspace>/data.")
    explain: bool = setting(False, "Explain the plan and stop; --explain is the same.")
    verify: bool = setting(False, "Read all data again, also files whose size and time have not changed.")
    output: str | None = setting(None, "Folder of this run; null: <workspace>/<name>-<hash of this configuration>.")
    data: DataSource = subsection(DataSource)
    audit: Policy = subsection(Policy, option="default")
    conversion: ConvertSettings = subsection(ConvertSettings, option="default")
    preparation: PrepareSettings = subsection(PrepareSettings, option="default")
    net: dict[str, Any] = setting({}, "The net: its name and its settings.", option="plain_unet")
    training: TrainSettings = subsection(TrainSettings, option="default")
    trainer: TrainerSettings = subsection(TrainerSettings, option="default")
    inference: PredictSettings = subsection(PredictSettings, option="default")
    evaluation: EvaluateSettings = subsection(EvaluateSettings, option="default")
    trackers: TrackerSettings = subsection(TrackerSettings, option="default")
    phantom: PhantomSettings = subsection(PhantomSettings, option="default")

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or not _whole(self.seeds):
            raise SettingError("seed", repr(self.seed), "a whole number, or a list of different ones")
        for key in _required_keys(self.data, self.task):
            if not getattr(self.data, key):
                raise SettingError(f"data.{key}", "no value", f"a value, for data.kind={self.data.kind}")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds to train with."""
        return tuple(self.seed) if isinstance(self.seed, list | tuple) else (self.seed,)

    @property
    def values(self) -> dict[str, Any]:
        """The configuration as plain values, for files, hashes and trackers."""
        return plain_values(self)


def _required_keys(data: DataSource, task: str) -> tuple[str, ...]:
    """The keys of `data` that its kind and the task need."""
    if data.kind in ("phantom", REQUIRED):
        return ()
    if task == "classification":
        return ("root", "classes") if data.kind == "nifti" else ("root",)
    return ("root", "labels", "label_names") if data.kind == "dicom" else ("root",)


def _whole(seeds: tuple[Any, ...]) -> bool:
    return all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds)
