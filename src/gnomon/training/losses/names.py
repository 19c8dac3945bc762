"""Names of the loss terms, found without importing any of them."""

from __future__ import annotations

import pkgutil

from gnomon.core.extensions import extension_names
from gnomon.training.losses import zoo


def built_in_losses() -> list[str]:
    """Names of the built-in loss terms: the modules of `zoo/`."""
    return sorted(module.name for module in pkgutil.iter_modules(zoo.__path__))


def loss_names() -> list[str]:
    """Every loss term that a configuration can choose: built in, or added by an installed package."""
    built_in = built_in_losses()
    return sorted([*built_in, *extension_names("losses", built_in)])
