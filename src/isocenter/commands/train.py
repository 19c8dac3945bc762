"""isocenter train: from data to a trained, evaluated, reported run. Each stage goes on where it stopped."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf

from isocenter.artifacts import RunFolder, read_json, write_json, write_text
from isocenter.commands.evaluate import say_summary
from isocenter.commands.launch import DONE, FOUND, UNPROCESSED, checkout
from isocenter.commands.settings import folder_from, plain, scheme_from
from isocenter.console import say, tell
from isocenter.dicom import ConvertSettings, convert_studies
from isocenter.evaluation import EvaluateSettings, evaluate
from isocenter.findings import Finding, refuse, unwaived_errors
from isocenter.inference import PredictSettings, load_model, predict_cases
from isocenter.labels import LabelScheme
from isocenter.nets import net_settings
from isocenter.phantom import PhantomSettings, write_phantom
from isocenter.preparation import Dataset, PrepareSettings, prepare, read_dataset, read_source, reference_of
from isocenter.provenance import run_manifest, sha256_of_values
from isocenter.reports import write_run_report
from isocenter.settings import settings_from
from isocenter.training import TrackerSettings, TrainSettings, check_settings, fit, write_plan


@dataclass(frozen=True)
class Stages:
    """The settings of every stage, all read before the first one runs."""

    phantom: PhantomSettings
    conversion: ConvertSettings
    preparation: PrepareSettings
    training: TrainSettings
    inference: PredictSettings
    evaluation: EvaluateSettings
    trackers: TrackerSettings


_NOT_OF_THE_RESULT = ("output", "workspace", "trackers")  # keys that change no bit of what is learnt


def run(config: DictConfig) -> int:
    """Prepare, train, predict, evaluate, report; exit code 3 where a case was left out unexpectedly."""
    began = time.monotonic()
    values = plain(config)
    stages = _stages(config)
    fold = stages.training.fold
    folder = _run_folder(values)
    dataset, planted = _dataset(stages, values)
    known = values["data"]["known_findings"]
    tell(dataset.findings, known)
    _check_fold(dataset, fold)
    check_settings(stages.training, dataset)
    write_plan(folder, dataset, values["net"])
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(values)))
    if not folder.manifest.is_file():
        seed = int(values["seed"])
        facts = fit(dataset, values["net"], stages.training, seed, folder.path, stages.trackers, values)
        write_json(folder.manifest, run_manifest(
            checkout(), values,
            seed=seed,
            dataset_sha256=dataset.content_sha256,
            seconds_to_weights=round(time.monotonic() - began, 1),
            peak_memory_bytes=_peak_memory_bytes(),
            **facts,
        ))  # fmt: skip
    manifest = read_json(folder.manifest, "the run")
    summary = _judge(stages, dataset, folder)
    write_run_report(folder, dataset, fold)
    say(f"weights_sha256 {manifest['weights_sha256']}")
    mean = "not measurable" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    say(f"mean Dice {mean} over {summary['n_cases']} held-out cases: {folder.report}")
    unexpected = unwaived_errors(dataset.findings, known)
    if planted is not None and not _all_found(planted, dataset.findings):
        return FOUND
    return UNPROCESSED if unexpected else DONE


def _stages(config: DictConfig) -> Stages:
    """Read the settings of all stages; a mistake in the last one is found before the first one runs."""
    net_settings(config.net)
    kinds = get_type_hints(Stages)
    return Stages(**{name: settings_from(kind, config[name], name) for name, kind in kinds.items()})


def _run_folder(values: dict[str, Any]) -> RunFolder:
    """The run's folder; one that holds a run of another configuration is refused."""
    identity = {key: value for key, value in values.items() if key not in _NOT_OF_THE_RESULT}
    digest = sha256_of_values(identity)
    chosen = values["output"] or f"{values['workspace']}/{values['name']}-{digest[:8]}"
    folder = RunFolder(Path(chosen).expanduser())
    if folder.config.is_file():
        stored = OmegaConf.to_container(OmegaConf.load(folder.config))
        assert isinstance(stored, dict)
        known = sha256_of_values({key: value for key, value in stored.items() if key not in _NOT_OF_THE_RESULT})
        if known != digest:
            raise refuse(
                "USE111", str(folder.path), "a run of another configuration", "an empty folder, or this run's own",
                "Choose another output=, or leave it out: each configuration then has its own folder.",
            )  # fmt: skip
    return folder


def _dataset(stages: Stages, values: dict[str, Any]) -> tuple[Dataset, list[dict[str, Any]] | None]:
    """The prepared data set that the configuration asks for, and what was planted in it (phantoms only)."""
    data = values["data"]
    kind, root = data["kind"], folder_from(data["root"])
    if kind not in ("phantom", "dicom", "nifti", "prepared"):
        raise refuse("USE112", "data.kind", repr(kind), "phantom, dicom, nifti or prepared", "Choose one.")
    if kind != "phantom" and root is None:
        raise refuse("USE109", "data.root", "no value", "the folder of the data", "Set it: data.root=...")
    if kind == "prepared" and root is not None:
        return read_dataset(root), None
    store = _store(values)
    labels, scheme, planted = folder_from(data["labels"]), scheme_from(data["label_names"]), None
    if kind == "phantom":
        facts = write_phantom(store, stages.phantom)
        root, labels, planted = store / "studies", store / "labels", facts["planted"]
        scheme = LabelScheme.from_dict(facts["labels"])
    assert root is not None
    if kind in ("phantom", "dicom"):
        convert_studies(root, store / "volumes", stages.conversion)
        root = store / "volumes"
    source = read_source(root, labels, scheme, stages.preparation.patient_pattern)
    return prepare(source, store / "dataset", stages.preparation), planted


def _store(values: dict[str, Any]) -> Path:
    """Where prepared data lie: shared by all runs that prepare the same data in the same way."""
    sections = ("data", "phantom", "conversion", "preparation")
    recipe = {key: values[key] for key in sections if key != "phantom" or values["data"]["kind"] == "phantom"}
    recipe["data"] = {key: value for key, value in values["data"].items() if key != "known_findings"}
    name = f"{values['name']}-{sha256_of_values(recipe)[:8]}"
    return Path(values["workspace"]).expanduser() / "data" / name


def _check_fold(dataset: Dataset, fold: int) -> None:
    if not 0 <= fold < len(dataset.splits.folds):
        raise refuse(
            "USE113", "training.fold", str(fold), f"0 to {len(dataset.splits.folds) - 1}", "Choose a fold there is."
        )  # fmt: skip


def _judge(stages: Stages, dataset: Dataset, folder: RunFolder) -> dict[str, Any]:
    """Predict and evaluate the held-out cases."""
    names = dataset.splits.held_out(stages.training.fold)
    model = load_model(folder.path, stages.inference)
    missing = [name for name in names if not (folder.predictions / f"{name}.nii.gz").is_file()]
    predict_cases(model, dataset, missing, folder.predictions)
    references = {name: reference_of(dataset.folder, name) for name in names}
    done = evaluate(references, folder.predictions, dataset.labels, folder.evaluation, stages.evaluation)
    say_summary(done)
    return done.summary


def _all_found(planted: list[dict[str, Any]], findings: tuple[Finding, ...]) -> bool:
    """Whether every planted defect was found; those that were not are named."""
    rules = [finding.rule for finding in findings]
    lost = [defect for defect in planted if defect["rule"] not in rules]
    for defect in lost:
        say(f"  planted but not found: {defect['kind']} ({defect['rule']})")
    return not lost


def _peak_memory_bytes() -> int:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
