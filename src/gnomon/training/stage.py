"""The training stage: dataset/ -> run/. Resumes from the last checkpoint if there is one."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from gnomon.core.mirroring import safe_mirroring
from gnomon.core.provenance import sha256_of_file, weights_sha256
from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json, write_bytes, write_json
from gnomon.io.console import say
from gnomon.io.folders import RunFolder
from gnomon.rules.catalogue.usage import DATA_CHANGED, INVALID_VALUE, NOT_SUPPORTED_HERE
from gnomon.settings import TrackerSettings, TrainSettings
from gnomon.training.initial_weights import weights_file
from gnomon.training.job import Job, train
from gnomon.training.learning_task import LearningTask
from gnomon.training.precision import lightning_precision
from gnomon.training.ranks import start_other_ranks


def fit(
    task: LearningTask,
    dataset: Dataset,
    net: Mapping[str, Any],
    settings: TrainSettings,
    seed: int,
    output: Path,
    tracking: TrackerSettings,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Train, and write metrics.csv, checkpoints and the final weights.

    Returns:
        Facts for the manifest: `weights_sha256`, steps, knots, precision, the hash chain of the losses.
    """
    run = RunFolder(output)
    if settings.data.augmentation.mirror_probability and task.mirrors:
        for reason in safe_mirroring(dataset.labels).reasons:
            say(f"training: {reason}")
    last = run.checkpoints / "last.ckpt"
    if resumed := last.is_file():
        say(f"training: resuming from {last}")
    job = Job(task, dataset, net, settings, seed, output, tracking, config)
    with start_other_ranks(job):
        facts = train(job)
    saved = torch.load(last, map_location="cpu", weights_only=True)
    state = _averaged_weights(saved)
    write_bytes(run.weights, save(state))
    start = weights_file(Path(settings.start_from).expanduser()) if settings.start_from else None
    return {
        "weights_sha256": weights_sha256(state),
        "started_from_sha256": sha256_of_file(start) if start else None,
        "steps": (int(saved["epoch"]) + 1) * facts.pop("batches_per_epoch"),
        "resumed": resumed,
        **facts,
    }


def check_settings(settings: TrainSettings, dataset: Dataset) -> None:
    """Check settings against the data set and the machine.

    Raises:
        Refusal: USE115, weights or regions of the loss; USE117, what this machine or batch does not allow.
    """
    channels, weights = dataset.labels.n_channels, settings.loss.class_weights
    if weights and len(weights) != channels:
        raise INVALID_VALUE.refusal(
            "training.loss.class_weights",
            found=f"{len(weights)} weights",
            expected=f"{channels} weights: the background's, then one per structure",
            remedy="Set training.loss.class_weights to that many weights, or to [].",
        )
    regions = settings.loss.regions or {}
    if wrong := sorted(name for name, parts in regions.items() if not parts or not {*parts} <= {*dataset.labels.names}):
        raise INVALID_VALUE.refusal(
            "training.loss.regions",
            found=f"{wrong} with parts that are not labels",
            expected=f"unions of {', '.join(dataset.labels.names)}",
            remedy="Correct training.loss.regions.",
        )
    if dataset.plan.batch % settings.devices:
        raise NOT_SUPPORTED_HERE.refusal(
            "training.devices",
            found=f"{settings.devices} devices for a batch of {dataset.plan.batch}",
            expected="a number of devices that divides the batch",
            remedy="Change training.devices or preparation.plan.batch.",
        )
    gpus = 0 if settings.accelerator == "cpu" else torch.cuda.device_count()
    if lightning_precision(settings) == "16-mixed" and not gpus:
        raise NOT_SUPPORTED_HERE.refusal(
            "training.precision",
            found="16-mixed without a GPU",
            expected="a GPU, because float16 is not trained with on a processor",
            remedy="Set training.precision=auto.",
        )
    if gpus and settings.devices > gpus:
        raise NOT_SUPPORTED_HERE.refusal(
            "training.devices",
            found=f"{settings.devices} devices",
            expected=f"at most {gpus}, the number of GPUs of this machine",
            remedy=f"Set training.devices={gpus}, or fewer.",
        )
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if settings.compile and not (compiler if not gpus else importlib.util.find_spec("triton")):
        raise NOT_SUPPORTED_HERE.refusal(
            "training.compile",
            found="no compiler",
            expected="a C++ compiler, or triton on a GPU",
            remedy="Install one, or set training.compile=false.",
        )


def write_plan(run: RunFolder, dataset: Dataset, net: Mapping[str, Any]) -> None:
    """Write plan.json. Refuses to resume a run that was started on other data (USE114)."""
    if run.plan.is_file() and read_json(run.plan, "the run")["dataset_sha256"] != dataset.content_sha256:
        raise DATA_CHANGED.refusal(str(run.path), found="a run that was started on other data or another plan")
    write_json(
        run.plan,
        {
            "schema": "gnomon/plan/1",
            "task": dataset.task,
            "plan": dataset.plan.as_dict(),
            "labels": dataset.labels.as_dict(),
            "net": dict(net),
            "channels_in": 1,
            "dataset_sha256": dataset.content_sha256,
        },
    )


def _averaged_weights(saved: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The averaged weights of the net, read from the last checkpoint, whichever process wrote it."""
    state = saved["state_dict"]
    return {name.removeprefix("net."): value.contiguous() for name, value in state.items() if name[:4] == "net."}
