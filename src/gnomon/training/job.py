"""The part of one process in a training: builds net, loss, data and trainer from plain values and trains."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from gnomon.core.randomness import global_streams
from gnomon.core.settings import settings_from
from gnomon.data import PatchModule
from gnomon.dataset.dataset import Dataset
from gnomon.io.folders import RunFolder
from gnomon.settings import TrackerSettings, TrainerSettings, TrainSettings
from gnomon.training.callbacks import AtomicCheckpointIO, Checkpoints, MetricsTable, weight_averaging
from gnomon.training.initial_weights import load_initial_weights
from gnomon.training.learning_task import LearningTask
from gnomon.training.module_parts import ModuleParts, check_module, find_module
from gnomon.training.pictures import ValidationPictures
from gnomon.training.precision import lightning_precision
from gnomon.training.profiling import StepProfiler
from gnomon.training.progress_bar import BarProgress, PlainProgress
from gnomon.training.schedule import Deadline, Progress, progress_by_clock, progress_by_steps
from gnomon.training.trackers import TrackerLogger, open_trackers
from gnomon.training.watching import Divergence, LossChain, Patience

_CHAIN_ENTRIES_PER_EPOCH = 10


@dataclass(frozen=True)
class Job:
    """Everything that one process needs to know for its part."""

    task: LearningTask
    dataset: Dataset
    net: Mapping[str, Any]
    settings: TrainSettings
    seed: int
    output: Path
    tracking: TrackerSettings
    config: Mapping[str, Any]


def train(job: Job, rank: int = 0) -> dict[str, Any]:
    """Train to the last epoch, starting from the last checkpoint if there is one; writes checkpoints and metrics.csv.

    Returns:
        Facts for the manifest. Ctrl-C raises KeyboardInterrupt.
    """
    settings, run = job.settings, RunFolder(job.output)
    trainer_settings = settings_from(TrainerSettings, job.config.get("trainer") or {}, "trainer")
    progress = _progress(settings, trainer_settings.batches_per_epoch(settings.steps_per_epoch))
    net = build_initial_net(job)
    module = _build_module(job, net, progress)
    last = run.checkpoints / "last.ckpt"
    first_epoch = int(torch.load(last, map_location="cpu", weights_only=True)["epoch"]) + 1 if last.is_file() else 0
    data = PatchModule(
        job.dataset,
        settings.fold,
        job.seed,
        settings.steps_per_epoch,
        settings.data,
        first_epoch=first_epoch,
        items=job.task.items,
    )
    chain = LossChain(max(1, settings.steps_per_epoch // _CHAIN_ENTRIES_PER_EPOCH))
    pictures = job.task.pictures and not settings.module
    callbacks = [*_watchers(run, settings, progress, rank, pictures=pictures), chain, *_keepers(run, rank)]
    with (
        open_trackers(job.tracking if rank == 0 else None, job.output, job.output.name, job.config) as loggers,
        _quiet_lightning(),
        global_streams(job.seed, "model"),
    ):
        deterministic = _run(
            module, data, settings, trainer_settings, callbacks, loggers, run, last if first_epoch else None
        )
    return {
        "parameters": sum(value.numel() for value in net.parameters()),
        "knots": [list(knot) for knot in progress.knots],
        "precision": lightning_precision(settings),
        "batches_per_epoch": trainer_settings.batches_per_epoch(settings.steps_per_epoch),
        "deterministic_algorithms": deterministic,
        "loss_chain": {"every": chain.every, "hashes": chain.hashes},
    }


def build_initial_net(job: Job) -> nn.Module:
    """The net before training: weights from the keyed stream, or from another run."""
    plan, labels = job.dataset.plan, job.dataset.labels
    with global_streams(job.seed, "weights"):
        net = job.task.build_net(job.net, plan, labels, job.settings.activation_checkpointing)
    if job.settings.start_from:
        net = load_initial_weights(net, Path(job.settings.start_from).expanduser())
    if job.settings.compile:
        net.compile()
    return net


def _build_module(job: Job, net: nn.Module, progress: Progress) -> pl.LightningModule:
    parts = ModuleParts(
        net=net,
        labels=job.dataset.labels.names,
        loss=job.task.build_loss(job.dataset, job.settings),
        optimiser=job.settings.optimiser,
        progress=progress,
        plan=job.dataset.plan,
    )
    if not job.settings.module:
        return job.task.build_module(parts)
    return check_module(find_module(job.settings.module)(parts), parts, job.settings.module)


def _progress(settings: TrainSettings, batches_per_epoch: int) -> Progress:
    if settings.max_minutes:
        return progress_by_clock()
    if settings.knots:
        return Progress([(int(step), float(fraction)) for step, fraction in settings.knots])
    return progress_by_steps(settings.epochs * batches_per_epoch)


def _watchers(
    run: RunFolder, settings: TrainSettings, progress: Progress, rank: int, *, pictures: bool
) -> list[Callback]:
    """Callbacks that observe the training; the deadline comes before those that save its state."""
    watching: list[Callback] = [Divergence(run)] if rank == 0 else []
    if settings.max_minutes:
        watching.append(Deadline(settings.max_minutes, settings.steps_per_epoch, progress))
    if settings.patience:
        watching.append(Patience(settings.patience))
    if rank == 0:
        watching += [BarProgress(progress) if sys.stdout.isatty() else PlainProgress(progress)]
        watching += [ValidationPictures()] if pictures else []
        watching += [StepProfiler(run.profile)] if settings.profile else []
    return [weight_averaging(settings.ema), *watching]


def _keepers(run: RunFolder, rank: int) -> list[Callback]:
    table: list[Callback] = [MetricsTable(run.metrics)] if rank == 0 else []
    return [*table, Checkpoints(run.checkpoints)]


def _run(
    module: pl.LightningModule,
    data: PatchModule,
    settings: TrainSettings,
    trainer_settings: TrainerSettings,
    callbacks: list[Callback],
    loggers: list[TrackerLogger],
    run: RunFolder,
    checkpoint: Path | None,
) -> bool:
    """Train to the last epoch; returns whether deterministic algorithms were on."""
    epochs = max(1, int(settings.knots[-1][0]) // settings.steps_per_epoch) if settings.knots else settings.epochs
    trainer = pl.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=_strategy(module, settings, trainer_settings.strategy),
        use_distributed_sampler=False,
        precision=lightning_precision(settings),  # type: ignore[arg-type]
        max_epochs=-1 if settings.max_minutes else epochs,
        accumulate_grad_batches=settings.optimiser.accumulate,
        gradient_clip_val=settings.optimiser.clip_norm,
        deterministic=True,
        num_sanity_val_steps=0,
        logger=loggers,
        plugins=[AtomicCheckpointIO()],
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=run.path,
        **trainer_settings.arguments(),
    )
    filling: Any = torch.utils.deterministic
    filled = filling.fill_uninitialized_memory
    filling.fill_uninitialized_memory = False  # a fifth of a step; nothing reads what it fills
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
        return torch.are_deterministic_algorithms_enabled()
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    finally:
        filling.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(False)


def _strategy(module: pl.LightningModule, settings: TrainSettings, chosen: str) -> DDPStrategy | str:
    """The strategy chosen; `auto` is DDP for several processes, where from three resolutions on the head of the
    coarsest takes no part in the loss.
    """
    if chosen != "auto":
        return chosen
    heads = getattr(module.net, "heads", ())
    return DDPStrategy(find_unused_parameters=len(heads) > 2) if settings.devices > 1 else "auto"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's advice on hardware and loggers."""
    names = ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed")
    loggers = [logging.getLogger(name) for name in names]
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
