"""Sections as YAML with comments, and as tables of documentation. Pure functions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

import yaml

from gnomon.core.settings import REQUIRED, Declaration, declaration, type_name

_WIDTH = 120
_COMMENT_COLUMN = 33


def yaml_lines(kind: Any, values: Mapping[str, Any] | None = None, indent: int = 0) -> list[str]:
    """A section as YAML, one key per line, each with its comment.

    Args:
        values: values in place of the defaults.
        indent: spaces before each key.
    """
    lines = []
    for one in fields(kind):
        declared, nested = declaration(one), nested_section(kind, one.name)
        if declared.option:
            continue
        value = default_of(one) if values is None else values.get(one.name, default_of(one))
        if nested is not None:
            lines.append(f"{' ' * indent}{one.name}:")
            lines += yaml_lines(nested, value if isinstance(value, Mapping) else None, indent + 2)
        else:
            lines += _yaml_line(f"{' ' * indent}{one.name}: {scalar(value)}", comment(declared), indent)
    return lines


def command_lines(kind: Any, overrides: tuple[str, ...] = ()) -> list[str]:
    """The main YAML file of a command: usage, defaults list, its own keys."""
    options = [f"{one.name}: {declaration(one).option}" for one in fields(kind) if declaration(one).option]
    defaults = [f"  - {entry}" for entry in [*options, "_self_", *overrides]]
    own = yaml_lines(kind)
    return [
        *(f"# {line}".rstrip() for line in usage(kind) if line),
        "defaults:",
        *defaults,
        *([""] if own else []),
        *own,
    ]


def usage(kind: Any) -> list[str]:
    """The docstring of a command's section: how it is called, and what it does."""
    first, _, rest = str(kind.__doc__).partition("\n")
    return [first, *textwrap.dedent(rest).strip("\n").rstrip().splitlines()]


def comment(declared: Declaration) -> str:
    """The sentence of a setting, and what is allowed."""
    text = declared.text.rstrip(".")
    allowed = brief(declared)
    return f"{text} [{allowed}]" if allowed else text


def brief(declared: Declaration) -> str:
    """What is allowed, briefly: choices, bounds and unit."""
    if declared.choices is not None:
        return " | ".join(map(str, declared.choices))
    bounds = declared.describe_allowed() if declared.bounds is not None else declared.unit
    return f"{declared.length} values, {bounds}" if declared.length and bounds else bounds


def reference(kind: Any, prefix: str) -> list[str]:
    """Rows of a Markdown table, one per setting, with their full keys."""
    rows = []
    for key, hint, one in settings_of(kind, prefix):
        declared = declaration(one)
        cells = (f"`{key}`", type_name(hint), _default(default_of(one)), brief(declared), declared.text)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def settings_of(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any, Field[Any]]]:
    """Every setting of a section and its subsections: full key, type, field; without sections of other files."""
    hints = get_type_hints(kind)
    for one in fields(kind):
        key, nested = f"{prefix}.{one.name}" if prefix else one.name, nested_section(kind, one.name)
        if nested is not None:
            if not declaration(one).option:
                yield from settings_of(nested, key)
        elif not declaration(one).option:
            yield key, hints[one.name], one


def nested_section(kind: Any, name: str) -> Any:
    """The type of a field that holds a section; None where it holds a value."""
    hint = get_type_hints(kind)[name]
    return hint if is_dataclass(hint) else None


def default_of(one: Field[Any]) -> Any:
    """The default of a field."""
    return one.default if one.default_factory is MISSING else one.default_factory()


def scalar(value: Any) -> str:
    """A value as YAML on one line."""
    if value == REQUIRED:
        return "???"
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, sort_keys=False)
    return str(text).removesuffix("\n").removesuffix("\n...")


def _default(value: Any) -> str:
    return "required" if value == REQUIRED else f"`{scalar(value)}`"


def _yaml_line(entry: str, text: str, indent: int) -> list[str]:
    if not text:
        return [entry]
    line = f"{entry.ljust(_COMMENT_COLUMN - 1)} # {text}"
    if len(line) <= _WIDTH:
        return [line]
    room = " " * indent
    return [*textwrap.wrap(text, _WIDTH, initial_indent=f"{room}# ", subsequent_indent=f"{room}# "), entry]
