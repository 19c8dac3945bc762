"""Finds a net by name: a module of `nets/zoo/` or of an installed package, with `Settings` and `build`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from torch import nn

from gnomon.core.extensions import load_extension
from gnomon.core.settings import settings_from
from gnomon.dataset.topology import Topology
from gnomon.nets import zoo
from gnomon.nets.ushape import UShape
from gnomon.rules.catalogue.usage import NO_ACTIVATION_CHECKPOINTING, UNKNOWN_NET
from gnomon.settings.names import built_in_nets, net_names

_EXPECTED = "a module with a frozen dataclass `Settings` and a function `build`, as docs/extending.md shows"


def build_net(
    config: Mapping[str, Any],
    plan: Topology,
    channels_in: int,
    channels_out: int,
    *,
    activation_checkpointing: bool = False,
) -> nn.Module:
    """Build the net that `config` describes by its `name` and its settings.

    Args:
        activation_checkpointing: keep only each stage's input and recompute its features in the backward pass.

    Raises:
        Refusal: as `net_settings`; USE119, a net that does not support activation checkpointing.
    """
    settings = net_settings(config)
    net: nn.Module = _net_module(str(config["name"])).build(settings, plan, channels_in, channels_out)
    if activation_checkpointing:
        if not isinstance(net, UShape):
            raise NO_ACTIVATION_CHECKPOINTING.refusal(
                "training.activation_checkpointing", found=f"the net {config['name']}"
            )
        net.activation_checkpointing = True
    return net


def net_settings(config: Mapping[str, Any]) -> Any:
    """The settings of the net that `config` names.

    Raises:
        Refusal: no such net, a net whose package is broken (EXT101 to EXT103), or settings that do not fit it.
    """
    name = str(config.get("name"))
    if name not in net_names():
        raise UNKNOWN_NET.refusal("net.name", found=repr(name), expected=f"one of {', '.join(net_names())}")
    chosen = {key: value for key, value in config.items() if key != "name"}
    return settings_from(_net_module(name).Settings, chosen, "net")


def _net_module(name: str) -> Any:
    """The module of a net; a built-in name always means the built-in net."""
    if name in built_in_nets():
        return importlib.import_module(f"{zoo.__name__}.{name}")
    return load_extension("nets", name, _is_net, _EXPECTED)


def _is_net(value: Any) -> bool:
    return is_dataclass(getattr(value, "Settings", None)) and callable(getattr(value, "build", None))
