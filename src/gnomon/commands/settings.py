"""What the commands take from the configuration besides the stages' settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from gnomon.core.labels import LabelScheme
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES


def plain(config: DictConfig) -> dict[str, Any]:
    """The configuration with everything resolved, as plain values."""
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True))


def scheme_from(names: Mapping[str, int] | None) -> LabelScheme | None:
    """A label scheme from `{name: value}`; None from None."""
    if not names:
        return None
    try:
        return LabelScheme.from_names(names)
    except ValueError as error:
        raise INVALID_LABEL_NAMES.refusal("label_names", found=str(error)) from None


def folder_from(value: str | None) -> Path | None:
    """A path, or None."""
    return None if value is None else Path(value).expanduser()
