"""What a training needs to know about its task. The tasks themselves are in `gnomon.tasks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn

from gnomon.core.labels import LabelScheme
from gnomon.data import Items
from gnomon.dataset.dataset import Dataset
from gnomon.dataset.plan import Plan
from gnomon.settings import TrainSettings
from gnomon.training.module_parts import ModuleParts

BuildNet = Callable[[Mapping[str, Any], Plan, LabelScheme, bool], nn.Module]
"""(configuration of the net, plan, labels, activation checkpointing) -> net."""


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """The learning part of a task; functions of modules, so that it can be sent to other processes.

    Attributes:
        name: name of the task, as in the data set and in plan.json.
        items: what a batch is made of.
        build_net: builds the net; its weights come from torch's global generator.
        build_loss: the loss that the module minimises, for a data set and the settings of the training.
        build_module: the LightningModule around net and loss.
        mirrors: whether patches may be mirrored.
        pictures: whether validation patches can be shown with reference and prediction.
    """

    name: str
    items: Items
    build_net: BuildNet
    build_loss: Callable[[Dataset, TrainSettings], Callable[..., torch.Tensor]]
    build_module: Callable[[ModuleParts], pl.LightningModule]
    mirrors: bool
    pictures: bool
