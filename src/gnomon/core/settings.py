"""A section of the configuration -> frozen settings; unknown, missing or ill-typed keys fail by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gnomon.rules.catalogue.usage import INVALID_VALUE, UNKNOWN_SETTING

Settings = TypeVar("Settings")


def settings_from(kind: type[Settings], section: DictConfig | Mapping[str, Any], where: str) -> Settings:
    """The settings `kind` (a frozen dataclass) with the values of `section`.

    Args:
        where: name of the section in the configuration, for the message.

    Raises:
        Refusal: a key is unknown, missing, of another type, or out of bounds.
    """
    schema = OmegaConf.structured(kind)
    _unlock(schema)  # frozen dataclasses make read-only schemas, which nothing can be merged into
    try:
        values = OmegaConf.to_container(section, resolve=True) if isinstance(section, DictConfig) else dict(section)
        return cast(Settings, OmegaConf.to_object(OmegaConf.merge(schema, values)))
    except OmegaConfBaseException as error:
        key = f"{where}.{error.full_key}" if error.full_key else where
        raise UNKNOWN_SETTING.refusal(key, found=str(error.msg or error).splitlines()[0].rstrip(".")) from None
    except ValueError as error:
        raise INVALID_VALUE.refusal(where, found=str(error)) from None


def bounded(settings: object, **bounds: tuple[float, float]) -> None:
    """Check fields of a settings object against (lowest, highest), both allowed; for `__post_init__`.

    Raises:
        ValueError: a field, or one of its values where it holds several, lies outside.
    """
    for name, (lowest, highest) in bounds.items():
        value = getattr(settings, name)
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            if one is not None and not lowest <= one <= highest:
                raise ValueError(f"{name} {one:g}, outside {lowest:g} to {highest:g}")


def chosen(settings: object, **choices: tuple[str, ...]) -> None:
    """Check that fields of a settings object hold one of their choices; for `__post_init__`.

    Raises:
        ValueError: a field holds another value.
    """
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            raise ValueError(f"{name} {getattr(settings, name)!r}, none of {', '.join(allowed)}")


def _unlock(node: Any) -> None:
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _unlock(child)
