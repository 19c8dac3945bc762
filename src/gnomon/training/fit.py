"""The stage: dataset/ -> run/. Runs to its last step, or goes on from its last checkpoint."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from gnomon.artifacts import read_json, write_bytes, write_json
from gnomon.console import say
from gnomon.findings import refuse
from gnomon.folders import RunFolder
from gnomon.mirroring import mirroring
from gnomon.preparation import Dataset
from gnomon.provenance import sha256_of_file, weights_sha256
from gnomon.training.job import Job, train
from gnomon.training.ranks import other_ranks
from gnomon.training.settings import TrainSettings, lightning_precision
from gnomon.training.start import weights_file
from gnomon.training.trackers import TrackerSettings


def fit(
    dataset: Dataset, net: Mapping[str, Any], settings: TrainSettings, seed: int, output: Path,
    tracking: TrackerSettings, config: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Train, and write metrics.csv, checkpoints and the final weights.

    Returns:
        Facts for the manifest: `weights_sha256`, steps, knots, precision, the chain of losses.
    """
    run = RunFolder(output)
    if settings.data.augmentation.mirror_probability and dataset.task == "segmentation":
        for reason in mirroring(dataset.labels).dropped:
            say(f"training: {reason}")
    last = run.checkpoints / "last.ckpt"
    if resumed := last.is_file():
        say(f"training: going on from {last}")
    job = Job(dataset, net, settings, seed, output, tracking, config)
    with other_ranks(job):
        facts = train(job)
    saved = torch.load(last, map_location="cpu", weights_only=True)
    state = _averaged_weights(saved)
    write_bytes(run.weights, save(state))
    start = weights_file(Path(settings.start_from).expanduser()) if settings.start_from else None
    return {
        "weights_sha256": weights_sha256(state),
        "started_from_sha256": sha256_of_file(start) if start else None,
        "steps": (int(saved["epoch"]) + 1) * settings.steps_per_epoch,
        "resumed": resumed,
        **facts,
    }


def check_settings(settings: TrainSettings, dataset: Dataset) -> None:
    """Settings that a data set or a machine does not allow.

    Raises:
        Refusal: USE115 weights of the loss, USE117 what this machine or batch cannot do.
    """
    channels, weights = dataset.labels.n_channels, settings.loss.class_weights
    if weights and len(weights) != channels:
        raise refuse(
            "USE115", "training.loss.class_weights", f"{len(weights)} weights",
            f"{channels}: the background's, then each structure's", "Give one for each, or none.",
        )  # fmt: skip
    regions = settings.loss.regions or {}
    if wrong := sorted(name for name, parts in regions.items() if not parts or not {*parts} <= {*dataset.labels.names}):
        raise refuse(
            "USE115", "training.loss.regions", f"{wrong}, made of what is no label",
            f"regions of {', '.join(dataset.labels.names)}", "Correct the regions.",
        )  # fmt: skip
    if dataset.plan.batch % settings.devices:
        raise refuse(
            "USE117", "training.devices", f"{settings.devices} for a batch of {dataset.plan.batch}",
            "a number that divides the batch", "Change training.devices, or preparation.plan.batch.",
        )  # fmt: skip
    gpus = 0 if settings.accelerator == "cpu" else torch.cuda.device_count()
    if lightning_precision(settings) == "16-mixed" and not gpus:
        raise refuse(
            "USE117", "training.precision", "16-mixed without a GPU", "a GPU, whose float16 it is",
            "Set training.precision=auto.",
        )  # fmt: skip
    if gpus and settings.devices > gpus:
        raise refuse(
            "USE117", "training.devices", str(settings.devices), f"at most the {gpus} there are", "Ask for fewer."
        )  # fmt: skip
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if settings.compile and not (compiler if not gpus else importlib.util.find_spec("triton")):
        raise refuse(
            "USE117", "training.compile", "no compiler", "a C++ compiler, or triton for a GPU",
            "Install one, or set training.compile=false.",
        )  # fmt: skip


def write_plan(run: RunFolder, dataset: Dataset, net: Mapping[str, Any]) -> None:
    """Write plan.json; a run that was begun on other data is not gone on with."""
    if run.plan.is_file() and read_json(run.plan, "the run")["dataset_sha256"] != dataset.content_sha256:
        raise refuse(
            "USE114", str(run.path), "a run that was begun on other data or another plan", "the data it was begun on",
            "Restore the data, or choose another output=.",
        )  # fmt: skip
    write_json(run.plan, {
        "schema": "gnomon/plan/1",
        **({} if dataset.task == "segmentation" else {"task": dataset.task}),
        "plan": dataset.plan.as_dict(),
        "labels": dataset.labels.as_dict(),
        "net": dict(net),
        "channels_in": 1,
        "dataset_sha256": dataset.content_sha256,
    })  # fmt: skip


def _averaged_weights(saved: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The net's averaged weights, as the last epoch saved them; the same whether this process ran it or not."""
    state = saved["state_dict"]
    return {name.removeprefix("net."): value.contiguous() for name, value in state.items() if name[:4] == "net."}
