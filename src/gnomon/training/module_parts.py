"""What a LightningModule is built from: ours, or one of an installed package (`gnomon.modules`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from gnomon.core.extensions import extension_names, load_extension
from gnomon.dataset.plan import Plan
from gnomon.rules.catalogue.extensions import EXTENSION_OF_WRONG_TYPE
from gnomon.rules.catalogue.usage import INVALID_VALUE
from gnomon.settings import OptimiserSettings
from gnomon.training.optimisation import build_optimiser
from gnomon.training.schedule import Progress

_WHERE = "training.module"
_EXPECTED = "a LightningModule class, or a function, that takes one argument, the ModuleParts"


@dataclass(frozen=True, kw_only=True)
class ModuleParts:
    """What a LightningModule receives, as its only argument.

    The module must keep `net`, this very object, as its attribute `net`, and must not wrap or replace it: checkpoints,
    averaged weights, the shipped weights and prediction refer to its parameters as `net.*`. `training_step` returns
    the loss, or a dictionary with `loss`. State that a resumed training needs lies in parameters, buffers or
    `on_save_checkpoint`. A metric logged as `score` in validation, higher is better, decides `best.ckpt` and early
    stopping; without one, neither takes place. Batches are described in `gnomon.data`.

    Attributes:
        net: the net, a function of images (batch, channels, x, y, z). A segmentation net returns a list of logits
            (batch, labels + 1, x, y, z), in training one per resolution, the finest first; a classifier returns logits
            (batch, classes).
        labels: names of the structures in the order of the channels 1, 2, ...; or of the classes from 0.
        loss: in a segmentation (logits, label, annotated) -> scalar for one resolution, as `gnomon.training.losses`
            describes; in a classification (logits, class) -> scalar.
        optimiser: settings of the optimiser.
        progress: fraction of the training that is done, by batch; learning rates follow it.
        plan: patch, spacing, batch size, normalisation, topology.
    """

    net: nn.Module
    labels: tuple[str, ...]
    loss: Callable[..., torch.Tensor]
    optimiser: OptimiserSettings
    progress: Progress
    plan: Plan

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser of the settings over the net's parameters, with its learning-rate schedule."""
        return build_optimiser(self.net, self.optimiser, self.progress)


BuildModule = Callable[[ModuleParts], pl.LightningModule]


def find_module(name: str) -> BuildModule:
    """The LightningModule class that an installed package provides under a name.

    Raises:
        Refusal: USE115, no package provides it; EXT101 to EXT103, the package is broken.
    """
    found = load_extension("modules", name, callable, _EXPECTED)
    if found is None:
        names = extension_names("modules")
        raise INVALID_VALUE.refusal(
            _WHERE,
            found=repr(name),
            expected=f"one of {', '.join(names)}" if names else "the name of a module; no installed package has any",
            remedy="Install the package that provides it, or leave training.module out.",
        )
    return cast(BuildModule, found)


def check_module(module: Any, parts: ModuleParts, name: str) -> pl.LightningModule:
    """The module, if checkpoints and prediction can work with it.

    Raises:
        Refusal: EXT103, it is no LightningModule, or it does not keep the net as `net`.
    """
    where = f"{_WHERE} {name!r}"
    if not isinstance(module, pl.LightningModule):
        raise EXTENSION_OF_WRONG_TYPE.refusal(
            where, found=f"an object of type {type(module).__name__}", expected="a LightningModule"
        )
    if getattr(module, "net", None) is not parts.net:
        raise EXTENSION_OF_WRONG_TYPE.refusal(
            where,
            found="a module whose attribute `net` is not the net it was given",
            expected="module.net is parts.net",
        )
    return module
