"""Finds a loss term by name: a module of `zoo/`, or an entry point of an installed package (`gnomon.losses`)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

import torch

from gnomon.core.extensions import load_extension
from gnomon.settings import LossSettings
from gnomon.settings.names import built_in_losses, loss_names
from gnomon.training.losses import zoo
from gnomon.training.losses.inputs import LossInputs

LossTerm = Callable[[LossInputs, LossSettings], torch.Tensor]
"""(inputs, settings of the loss) -> a scalar that falls as predictions improve."""
_EXPECTED = "a function of (inputs: LossInputs, settings: LossSettings) that returns a scalar tensor"


def find_loss(name: str) -> LossTerm:
    """The loss term of a name; a built-in name always means the built-in term.

    Raises:
        ValueError: no term has this name.
        Refusal: EXT101 to EXT103, the package that provides it is broken.
    """
    if name in built_in_losses():
        return cast(LossTerm, importlib.import_module(f"{zoo.__name__}.{name}").loss)
    found = load_extension("losses", name, callable, _EXPECTED)
    if found is None:
        raise ValueError(f"no loss is named {name!r}; there are {', '.join(loss_names())}")
    return cast(LossTerm, found)
