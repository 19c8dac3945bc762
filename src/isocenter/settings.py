"""A section of the configuration -> frozen settings; unknown, missing or ill-typed keys fail by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from isocenter.findings import refuse

Settings = TypeVar("Settings")


def settings_from(kind: type[Settings], section: DictConfig | Mapping[str, Any], where: str) -> Settings:
    """The settings `kind` (a frozen dataclass) with the values of `section`.

    Args:
        where: name of the section in the configuration, for the message.

    Raises:
        Refusal: a key is unknown, missing or of another type.
    """
    schema = OmegaConf.structured(kind)
    _unlock(schema)  # frozen dataclasses make read-only schemas, which nothing can be merged into
    try:
        values = OmegaConf.to_container(section, resolve=True) if isinstance(section, DictConfig) else dict(section)
        return cast(Settings, OmegaConf.to_object(OmegaConf.merge(schema, values)))
    except OmegaConfBaseException as error:
        key = f"{where}.{error.full_key}" if error.full_key else where
        raise refuse(
            "USE108", key, str(error.msg or error).splitlines()[0].rstrip("."), "a known key with a value of its type",
            "See the settings with --help.",
        ) from None  # fmt: skip


def _unlock(node: Any) -> None:
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _unlock(child)
