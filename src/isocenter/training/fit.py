"""The stage: dataset/ -> run/. Runs to its last step, or goes on from its last checkpoint."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging
from pytorch_lightning.loggers import Logger
from safetensors.torch import save

from isocenter.artifacts import RunFolder, read_json, write_bytes, write_json
from isocenter.console import say
from isocenter.data import DataSettings, PatchModule
from isocenter.findings import refuse
from isocenter.mirroring import mirroring
from isocenter.nets import build_net
from isocenter.preparation import Dataset
from isocenter.provenance import weights_sha256
from isocenter.randomness import global_streams
from isocenter.settings import bounded, chosen
from isocenter.training.callbacks import (
    BarProgress,
    Checkpoints,
    Divergence,
    MetricsTable,
    PlainProgress,
    WholeCheckpoints,
)
from isocenter.training.losses import LossSettings, make_loss
from isocenter.training.module import OptimiserSettings, Segmenter
from isocenter.training.trackers import TrackerSettings, trackers


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training.

    Attributes:
        fold: which of the data set's folds to train on.
        epochs, steps_per_epoch: the length; an epoch is a number of steps, after which state is saved.
        precision: 'auto' takes bfloat16 where the processor computes in it, else float32.
        ema: decay of the averaged weights, which are what is shipped.
        accelerator: as Lightning names it.
    """

    fold: int = 0
    epochs: int = 20
    steps_per_epoch: int = 50
    precision: str = "auto"
    ema: float = 0.99
    accelerator: str = "auto"
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    data: DataSettings = field(default_factory=DataSettings)

    def __post_init__(self) -> None:
        bounded(self, fold=(0, 1000), epochs=(1, 1e6), steps_per_epoch=(1, 1e6), ema=(0, 0.999999))
        chosen(self, precision=("auto", "32-true", "bf16-mixed"), accelerator=("auto", "cpu", "gpu"))
        if self.steps_per_epoch % self.optimiser.accumulate:
            raise ValueError(
                f"steps_per_epoch {self.steps_per_epoch}, no multiple of accumulate {self.optimiser.accumulate}"
            )


def fit(
    dataset: Dataset, net: Mapping[str, Any], settings: TrainSettings, seed: int, output: Path,
    tracking: TrackerSettings, config: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Train, and write metrics.csv, checkpoints and the final weights.

    Returns:
        Facts for the manifest: `weights_sha256`, steps, precision.
    """
    run = RunFolder(output)
    total = settings.epochs * settings.steps_per_epoch
    with global_streams(seed, "weights"):
        built = build_net(net, dataset.plan.topology, 1, dataset.labels.n_channels)
    loss = make_loss(_fitting(settings.loss, dataset.labels.n_channels), dataset.plan.spacing_mm)
    module = Segmenter(built, dataset.labels.names, loss, settings.optimiser, total)
    if settings.data.augmentation.mirror_probability:
        for reason in mirroring(dataset.labels).dropped:
            say(f"training: {reason}")
    precision = _precision(settings.precision)
    last = run.checkpoints / "last.ckpt"
    resumed = last.is_file()
    begun = 0
    if resumed:
        say(f"training: going on from {last}")
        begun = int(torch.load(last, map_location="cpu", weights_only=True)["epoch"]) + 1
    data = PatchModule(dataset, settings.fold, seed, settings.steps_per_epoch, settings.data, begun)
    with trackers(tracking, output, output.name, config) as loggers, _without_advice(), global_streams(seed, "model"):
        deterministic = _run_trainer(module, data, settings, precision, loggers, run, last if resumed else None)
    state = _averaged_weights(last)
    write_bytes(run.weights, save(state))
    return {
        "weights_sha256": weights_sha256(state),
        "parameters": sum(value.numel() for value in built.parameters()),
        "steps": total,
        "precision": precision,
        "deterministic_algorithms": deterministic,
        "resumed": resumed,
    }


def _fitting(loss: LossSettings, channels: int) -> LossSettings:
    """The settings of the loss, if they fit the labels."""
    if loss.class_weights and len(loss.class_weights) != channels:
        raise refuse(
            "USE115", "training.loss.class_weights", f"{len(loss.class_weights)} weights",
            f"{channels}: the background's, then each structure's", "Give one for each, or none.",
        )  # fmt: skip
    return loss


def write_plan(run: RunFolder, dataset: Dataset, net: Mapping[str, Any]) -> None:
    """Write plan.json; a run that was begun on other data is not gone on with."""
    if run.plan.is_file() and read_json(run.plan, "the run")["dataset_sha256"] != dataset.content_sha256:
        raise refuse(
            "USE114", str(run.path), "a run that was begun on other data or another plan", "the data it was begun on",
            "Restore the data, or choose another output=.",
        )  # fmt: skip
    write_json(run.plan, {
        "schema": "isocenter/plan/1",
        "plan": dataset.plan.as_dict(),
        "labels": dataset.labels.as_dict(),
        "net": dict(net),
        "channels_in": 1,
        "dataset_sha256": dataset.content_sha256,
    })  # fmt: skip


def _run_trainer(
    module: Segmenter, data: PatchModule, settings: TrainSettings, precision: str, loggers: list[Logger],
    run: RunFolder, checkpoint: Path | None,
) -> bool:  # fmt: skip
    """Train to the last epoch; whether deterministic algorithms were on. Ctrl-C raises KeyboardInterrupt."""
    trainer = pl.Trainer(
        accelerator=settings.accelerator,
        devices=1,
        precision=precision,  # type: ignore[arg-type]
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.optimiser.accumulate,
        gradient_clip_val=settings.optimiser.clip_norm,
        deterministic=True,
        num_sanity_val_steps=0,
        logger=loggers,
        plugins=[WholeCheckpoints()],
        callbacks=_callbacks(run, settings),
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        log_every_n_steps=10,
        default_root_dir=run.path,
    )
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
        return torch.are_deterministic_algorithms_enabled()
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    finally:
        torch.use_deterministic_algorithms(False)


def _averaged_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The net's averaged weights, as the last epoch saved them; the same whether this process ran it or not."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return {name.removeprefix("net."): value.contiguous() for name, value in saved.items() if name[:4] == "net."}


def _callbacks(run: RunFolder, settings: TrainSettings) -> list[Callback]:
    total = settings.epochs * settings.steps_per_epoch
    watching = BarProgress(total) if sys.stdout.isatty() else PlainProgress(total)
    averaging = EMAWeightAveraging(decay=settings.ema)
    return [Divergence(run), averaging, watching, MetricsTable(run.metrics), Checkpoints(run.checkpoints)]


def _precision(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep Lightning's advice on hardware and loggers off the user's screen."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels):
                logger.setLevel(level)
