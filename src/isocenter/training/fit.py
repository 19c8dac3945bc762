"""The stage: dataset/ -> run/. Runs to its last step, or goes on from its last checkpoint."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging, RichProgressBar
from safetensors.torch import save_file

from isocenter.artifacts import RunFolder, replacing, write_json
from isocenter.console import say
from isocenter.data import DataSettings, PatchModule
from isocenter.nets import build_net
from isocenter.preparation import Dataset
from isocenter.provenance import weights_sha256
from isocenter.randomness import global_streams
from isocenter.training.callbacks import Checkpoints, MetricsTable, PlainProgress
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
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    data: DataSettings = field(default_factory=DataSettings)


def fit(
    dataset: Dataset, net: Mapping[str, Any], settings: TrainSettings, seed: int, output: Path,
    tracking: TrackerSettings, config: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Train, and write plan.json, metrics.csv, checkpoints and the final weights.

    Returns:
        Facts for the manifest: `weights_sha256`, steps, precision.
    """
    run = RunFolder(output)
    write_json(run.plan, {
        "schema": "isocenter/plan/1",
        "plan": dataset.plan.as_dict(),
        "labels": dataset.labels.as_dict(),
        "net": dict(net),
        "channels_in": 1,
        "dataset_sha256": dataset.content_sha256,
    })  # fmt: skip
    total = settings.epochs * settings.steps_per_epoch
    with global_streams(seed, "weights"):
        built = build_net(net, dataset.plan.topology, 1, dataset.labels.n_channels)
    module = Segmenter(built, dataset.labels.names, settings.optimiser, total)
    data = PatchModule(dataset, settings.fold, seed, settings.steps_per_epoch, settings.data)
    precision = _precision(settings.precision)
    last = run.checkpoints / "last.ckpt"
    if last.is_file():
        say(f"training: going on from {last}")
    with trackers(tracking, output, output.name, config) as loggers, _quiet(), global_streams(seed, "model"):
        trainer = pl.Trainer(
            accelerator=settings.accelerator,
            devices=1,
            precision=precision,  # type: ignore[arg-type]
            max_epochs=settings.epochs,
            gradient_clip_val=settings.optimiser.clip_norm,
            deterministic=True,
            num_sanity_val_steps=0,
            logger=loggers,
            callbacks=_callbacks(run, settings, total),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=sys.stdout.isatty(),
            log_every_n_steps=10,
            default_root_dir=output,
        )
        trainer.fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=True)
        deterministic = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)
    if trainer.interrupted:
        raise KeyboardInterrupt
    state = _averaged_weights(last)
    with replacing(run.weights) as temporary:
        save_file(state, temporary)
    return {
        "weights_sha256": weights_sha256(state),
        "parameters": sum(value.numel() for value in built.parameters()),
        "steps": total,
        "precision": precision,
        "deterministic_algorithms": deterministic,
    }


def _averaged_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The net's averaged weights, as the last epoch saved them; the same whether this process ran it or not."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return {name.removeprefix("net."): value.contiguous() for name, value in saved.items() if name[:4] == "net."}


def _callbacks(run: RunFolder, settings: TrainSettings, total: int) -> list[Callback]:
    watching = RichProgressBar() if sys.stdout.isatty() else PlainProgress(total)
    averaging = EMAWeightAveraging(decay=settings.ema)
    return [averaging, watching, MetricsTable(run.metrics), Checkpoints(run.checkpoints)]


def _precision(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"


class _quiet:  # noqa: N801 - a context manager
    """Keep Lightning's advice on hardware and loggers off the user's screen."""

    _NAMES = ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda", "pytorch_lightning")

    def __enter__(self) -> None:
        self._levels = {name: logging.getLogger(name).level for name in self._NAMES}
        for name in self._NAMES:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.filterwarnings("ignore", module="pytorch_lightning")

    def __exit__(self, *exception: object) -> None:
        self._warnings.__exit__(None, None, None)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
