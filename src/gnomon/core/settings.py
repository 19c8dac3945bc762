"""Declaration and checking of settings: type, default, bounds or choices, unit and sentence in one place.

    @section
    class Length:
        '''How long a training is.'''

        epochs: int = setting(20, "Number of epochs.", bounds=(1, 1_000_000))

A section is a frozen dataclass that checks its fields when it is built. The YAML files of defaults, `--help` and
docs/settings.md are written from the declarations.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, cast, dataclass_transform, get_args, get_origin, get_type_hints

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gnomon.rules.catalogue.usage import INVALID_VALUE, MISSING_SETTING, TRAINER_ARGUMENT, UNKNOWN_SETTING
from gnomon.rules.finding import Refusal

Section = TypeVar("Section")

REQUIRED: Any = MISSING
"""The default of a setting that the user has to give."""

_KEY, _NO_VALUE = "gnomon", "no value"
_NAMES = {int: "whole number", float: "number", bool: "true or false", str: "text", Any: "value"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}


class SettingError(ValueError):
    """A setting with a value that it cannot have.

    Attributes:
        key: the setting within its section, as `epochs` or `class_weights`.
        found: the value, in words.
        expected: what it can be, in words.
    """

    def __init__(self, key: str, found: str, expected: str) -> None:
        self.key, self.found, self.expected = key, found, expected
        super().__init__(f"{key}: found {found}; expected {expected}")


@dataclass(frozen=True)
class Declaration:
    """What a field of a section declares besides its type and default.

    Attributes:
        text: the sentence that explains the setting.
        bounds: lowest and highest value, both allowed; of each value where the setting holds several.
        choices: the values that are allowed; of each value where the setting holds several.
        unit: unit of the value, as `mm`.
        length: how many values a list has.
        regular_expression: whether the text is one.
        path: `file`, `folder` or `file or folder` where the setting names one that has to exist.
        option: of a section or a net that comes from a folder of configs/, the file taken by default.
        positional: whether the first word after the command is the value.
    """

    text: str = ""
    bounds: tuple[float, float] | None = None
    choices: tuple[Any, ...] | None = None
    unit: str = ""
    length: int | None = None
    regular_expression: bool = False
    path: str = ""
    option: str = ""
    positional: bool = False

    def describe_allowed(self) -> str:
        """The values that are allowed, in words; empty where any value of the type is."""
        if self.choices is not None:
            return alternatives(self.choices)
        if self.bounds is not None:
            lowest, highest = (_number(value) for value in self.bounds)
            unit = f" {self.unit}" if self.unit else ""
            return f"{lowest}{unit} or more" if math.isinf(self.bounds[1]) else f"{lowest} to {highest}{unit}"
        if self.length is not None:
            return f"{self.length} values"
        return "a regular expression" if self.regular_expression else ""


def setting(
    default: Any,
    text: str,
    *,
    bounds: tuple[float, float] | None = None,
    choices: Sequence[Any] | None = None,
    unit: str = "",
    length: int | None = None,
    regular_expression: bool = False,
    path: str = "",
    option: str = "",
    positional: bool = False,
) -> Any:
    """Declare a field of a section; arguments as in `Declaration`. `default` may be `REQUIRED`, a list or a dict."""
    declared = Declaration(
        text=text,
        bounds=bounds,
        choices=None if choices is None else tuple(choices),
        unit=unit,
        length=length,
        regular_expression=regular_expression,
        path=path,
        option=option,
        positional=positional,
    )
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata={_KEY: declared})
    return field(default=default, metadata={_KEY: declared})


def subsection(kind: Callable[[], Any], text: str = "", *, option: str = "") -> Any:
    """Declare a field that holds a section of its own, with all its defaults."""
    return field(default_factory=kind, metadata={_KEY: Declaration(text=text, option=option)})


@dataclass_transform(frozen_default=True)
def section(kind: type[Section]) -> type[Section]:
    """Make a class a section: a frozen dataclass whose fields are checked when it is built, then by its own
    `__post_init__`, which raises SettingError.
    """
    own_checks = kind.__dict__.get("__post_init__")

    def check(self: Any) -> None:
        check_fields(self)
        if own_checks is not None:
            own_checks(self)

    kind.__post_init__ = check  # type: ignore[attr-defined]
    return dataclass(frozen=True)(kind)


def declaration(declared: Field[Any]) -> Declaration:
    """What a field of a section declares."""
    return cast(Declaration, declared.metadata.get(_KEY, Declaration()))


def check_fields(values: Any) -> None:
    """Check every field of a section against its declaration.

    Raises:
        SettingError: the first field that does not keep it.
    """
    for one in fields(values):
        declared, value = declaration(one), getattr(values, one.name)
        if value is None or value == REQUIRED:
            continue
        several = isinstance(value, list | tuple | dict)
        items = list(value.values() if isinstance(value, dict) else value) if several else [value]
        if declared.length is not None and len(items) != declared.length:
            raise SettingError(one.name, f"{len(items)} values", f"{declared.length} values")
        for item in items:
            if declared.choices is not None and item not in declared.choices:
                raise SettingError(one.name, repr(item), closest_first(item, declared.choices))
            if declared.bounds is not None and not declared.bounds[0] <= item <= declared.bounds[1]:
                raise SettingError(one.name, f"{item:g}", declared.describe_allowed())
        if declared.regular_expression:
            try:
                re.compile(value)
            except re.error as error:
                raise SettingError(one.name, f"{value!r} ({error})", declared.describe_allowed()) from None


def settings_from(kind: type[Section], values: DictConfig | Mapping[str, Any], where: str = "") -> Section:
    """A section with values from a configuration.

    Args:
        where: full key of the section, as `training`, for the message; empty for a whole configuration.

    Raises:
        Refusal: USE108 an unknown key or a value of another type, USE109 a value that is required, USE115 a value
            that is not allowed.
    """
    plain = OmegaConf.to_container(values, resolve=True) if isinstance(values, DictConfig) else values
    _check_keys(kind, plain, where)
    schema = OmegaConf.structured(kind)
    _unlock(schema)  # frozen dataclasses make read-only schemas, which nothing can be merged into
    try:
        merged = OmegaConf.merge(schema, plain)
    except OmegaConfBaseException as error:
        key = str(error.full_key or "")
        raise _wrong_type(kind, plain, key, where, str(error.msg or error)) from None
    if missing := sorted(OmegaConf.missing_keys(merged)):
        raise missing_value(kind, missing[0], where)
    return cast(Section, _build(kind, cast(dict[str, Any], OmegaConf.to_container(merged)), where))


def plain_values(values: Any) -> dict[str, Any]:
    """A section as a dictionary of plain values, as YAML and JSON hold them."""
    return cast(dict[str, Any], _plain(asdict(values)))


def section_of(kind: Any, key: str) -> tuple[Any, Field[Any]] | None:
    """The type and the field that a dotted key names within a section; None where there is no such field."""
    name, _, rest = key.partition(".")
    found = next((one for one in fields(kind) if one.name == name), None)
    if found is None:
        return None
    hint = get_type_hints(kind)[name]
    if not rest or not is_dataclass(hint):
        return (hint, found) if not rest or get_origin(hint) is not None or hint is Any else None
    return section_of(hint, rest)


def unknown_key(kind: Any, key: str, where: str = "") -> Refusal:
    """The refusal of a key that a section does not have; a section may say why in `refused_keys`."""
    full, reasons = _join(where, key), getattr(kind, "refused_keys", {})
    if key in reasons:
        return TRAINER_ARGUMENT.refusal(full, found=f"an argument that is not passed on: {reasons[key]}")
    return UNKNOWN_SETTING.refusal(
        full,
        found="no such setting",
        expected=closest_first(key, [one.name for one in fields(kind)]),
        remedy="Correct the key, or see the settings with --help.",
    )


def missing_value(kind: Any, key: str, where: str = "") -> Refusal:
    """The refusal of a configuration without a value that is required."""
    found = section_of(kind, key)
    text = declaration(found[1]).text if found else ""
    full = _join(where, key)
    return MISSING_SETTING.refusal(
        full,
        found=_NO_VALUE,
        expected=f"a value: {as_clause(text)}" if text else "a value",
        remedy=f"Set {full}=...",
    )


def closest_first(given: Any, allowed: Iterable[Any]) -> str:
    """All the allowed values in words, the most similar to what was given first."""
    names = [str(one) for one in allowed]
    similar = difflib.get_close_matches(str(given), names, n=3, cutoff=0.5)
    return alternatives([*similar, *(name for name in names if name not in similar)])


def alternatives(values: Iterable[Any]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *rest, last = [str(value) for value in values] or ["nothing"]
    return f"{', '.join(rest)} or {last}" if rest else last


def type_name(hint: Any) -> str:
    """A type in words, as `whole number or null`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return alternatives("null" if one is type(None) else type_name(one) for one in arguments)
    if origin in (list, tuple):
        return f"list of {_PLURALS.get(arguments[0], 'values')}"
    if origin is dict:
        return f"mapping of names to {_PLURALS.get(arguments[1], 'values')}"
    return _NAMES.get(hint, "section")


def _check_keys(kind: Any, given: Any, where: str) -> None:
    """Refuse keys that a section does not have."""
    if not isinstance(given, Mapping):
        raise UNKNOWN_SETTING.refusal(
            where or "configuration",
            found=repr(given),
            expected="a section with keys",
            remedy="See the settings with --help.",
        )
    hints = {one.name: get_type_hints(kind)[one.name] for one in fields(kind)}
    for key, value in given.items():
        if key not in hints:
            raise unknown_key(kind, str(key), where)
        if is_dataclass(hints[key]):
            _check_keys(hints[key], value, _join(where, str(key)))


def _wrong_type(kind: Any, given: Any, key: str, where: str, message: str) -> Refusal:
    found, value = section_of(kind, re.sub(r"\[.*", "", key)), given
    for name in re.sub(r"\[.*", "", key).split("."):
        value = value.get(name) if isinstance(value, Mapping) else value
    return UNKNOWN_SETTING.refusal(
        _join(where, key) or "configuration",
        found=repr(value) if found else message.splitlines()[0],
        expected=type_name(found[0]) if found else "a value of its type",
        remedy="Correct the value, or see the settings with --help.",
    )


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    """The section, its own sections built first."""
    hints, built = get_type_hints(kind), {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            built[name] = _build(hints[name], value, _join(where, name))
        else:
            built[name] = tuple(value) if get_origin(hints[name]) is tuple else value
    try:
        return kind(**built)
    except SettingError as error:
        if error.found == _NO_VALUE:
            raise MISSING_SETTING.refusal(
                _join(where, error.key),
                found=_NO_VALUE,
                expected=error.expected,
                remedy=f"Set {_join(where, error.key)}=...",
            ) from None
        raise INVALID_VALUE.refusal(
            _join(where, error.key),
            found=error.found,
            expected=error.expected,
            remedy="Correct the value, or see the settings with --help.",
        ) from None
    except ValueError as error:  # a section of another package that checks itself
        raise INVALID_VALUE.refusal(
            where,
            found=str(error),
            expected="a value that is allowed",
            remedy="Correct the value, or see the settings with --help.",
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _unlock(node: Any) -> None:
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _unlock(child)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where and key else where or key


def as_clause(text: str) -> str:
    """A sentence as a part of another: without full stop, and in lower case unless it begins with an acronym."""
    first = text[:1] if text[1:2].isupper() else text[:1].lower()
    return first + text[1:].rstrip(".")


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e7 else f"{value:g}"
