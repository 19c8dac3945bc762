"""A net by its name: one file of this package, with `Settings` and `build`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from gnomon.core.settings import settings_from
from gnomon.dataset.topology import Topology
from gnomon.nets.ushape import UShape
from gnomon.rules.finding import refuse

_PACKAGE = __package__
_NOT_NETS = {"building", "classifier", "memory", "normalisation", "topology", "transformers", "ushape"}


def net_names() -> list[str]:
    """The nets that can be asked for: the modules of this package that build one."""
    return sorted(
        module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name not in _NOT_NETS
    )


def build_net(
    config: Mapping[str, Any], plan: Topology, channels_in: int, channels_out: int, *, recompute: bool = False
) -> nn.Module:
    """Build the net that `config` (its `name`, and its settings) describes.

    Args:
        recompute: keep a stage's input only, and compute its features again on the way back.

    Raises:
        Refusal: as `net_settings`; USE119, a net that cannot recompute.
    """
    settings = net_settings(config)
    module = importlib.import_module(f"{_PACKAGE}.{config['name']}")
    net: nn.Module = module.build(settings, plan, channels_in, channels_out)
    if recompute:
        if not isinstance(net, UShape):
            raise refuse(
                rule="USE119",
                where="training.recompute",
                found=f"the net {config['name']}",
                expected="a net of our stages",
                remedy="Set training.recompute=false, or choose another net.",
            )
        net.recompute = True
    return net


def net_settings(config: Mapping[str, Any]) -> Any:
    """The settings of the net that `config` names.

    Raises:
        Refusal: no such net, or settings that do not fit it.
    """
    name = str(config.get("name"))
    if name not in net_names():
        raise refuse(
            rule="USE110",
            where="net.name",
            found=repr(name),
            expected=f"one of {', '.join(net_names())}",
            remedy="Choose a net.",
        )
    module = importlib.import_module(f"{_PACKAGE}.{name}")
    chosen = {key: value for key, value in config.items() if key != "name"}
    return settings_from(module.Settings, chosen, "net")
