"""Names of the nets and losses that a configuration can choose, found without importing any of them."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from gnomon.core.extensions import extension_names

_PACKAGE = Path(__file__).parents[1]


def built_in_nets() -> list[str]:
    """Names of the built-in nets: the modules of `nets/zoo`."""
    return _modules("nets/zoo")


def net_names() -> list[str]:
    """Every net: built in, or added by an installed package (`gnomon.nets`)."""
    return sorted([*built_in_nets(), *extension_names("nets", built_in_nets())])


def built_in_losses() -> list[str]:
    """Names of the built-in loss terms: the modules of `training/losses/zoo`."""
    return _modules("training/losses/zoo")


def loss_names() -> list[str]:
    """Every loss term: built in, or added by an installed package (`gnomon.losses`)."""
    return sorted([*built_in_losses(), *extension_names("losses", built_in_losses())])


def _modules(folder: str) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules([str(_PACKAGE / folder)]))
