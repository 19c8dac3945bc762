"""The parts of a report, and their rendering as a self-contained HTML page with embedded images."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` is 'lead' or 'quiet'."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Link:
    """A cell that links to a table row by its anchor."""

    value: Any
    anchor: str


@dataclass(frozen=True)
class Thumbnail:
    """A cell with a small picture (PNG); `text` is its alternative text."""

    png: bytes
    text: str


@dataclass(frozen=True)
class Table:
    """A table; numeric columns are aligned right.

    Attributes:
        anchors: a name for each row, for links.
        filters: columns by whose values the rows can be filtered; a cell that lists rules is found by each of them.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    anchors: Sequence[str] = ()
    filters: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A picture (PNG) with its caption."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Slices:
    """Slices to scroll through.

    Attributes:
        jpeg: all slices, one below the other.
        width, height: of one slice, in pixels.
        count: number of slices.
        first: index of the slice that is shown first.
        caption: text below.
    """

    jpeg: bytes
    width: int
    height: int
    count: int
    first: int
    caption: str


@dataclass(frozen=True)
class Folded:
    """Parts behind a summary that opens on click."""

    summary: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Values:
    """Plain values, shown as JSON."""

    values: Mapping[str, Any]

    def as_json(self) -> str:
        """The values, indented."""
        return json.dumps(self.values, indent=1)


Part = Heading | Paragraph | Table | Picture | Slices | Folded | Values


def html(title: str, parts: Iterable[Part]) -> str:
    """A whole document; every text is escaped."""
    listed = list(parts)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            parts=listed,
            has_slices=any(isinstance(part, Slices) for part in flatten(listed)),
            has_filters=any(isinstance(part, Table) and filter_choices(part) for part in flatten(listed)),
        )
    )


def flatten(parts: Iterable[Part]) -> list[Part]:
    """All parts in order, those in folded sections included."""
    found: list[Part] = []
    for part in parts:
        found += [part, *flatten(part.parts)] if isinstance(part, Folded) else [part]
    return found


def text_of(value: Any) -> str:
    """Text of a cell."""
    if isinstance(value, Link):
        return text_of(value.value)
    if isinstance(value, Thumbnail):
        return value.text
    if value is None:
        return "–"  # noqa: RUF001 - a dash where there is no value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def numeric_columns(table: Table) -> list[bool]:
    """Whether each column holds numbers alone, or nothing."""
    plain = [[cell.value if isinstance(cell, Link) else cell for cell in row] for row in table.rows]
    return [
        any(row[i] is not None for row in plain)
        and all(row[i] is None or (isinstance(row[i], (int, float)) and not isinstance(row[i], bool)) for row in plain)
        for i in range(len(table.columns))
    ]


def filter_choices(table: Table) -> list[tuple[str, int, list[str]]]:
    """For each column that can be filtered: its name, its index, and the values to choose from."""
    if len(table.rows) < 2:
        return []
    choices = []
    for name in table.filters:
        column = list(table.columns).index(name)
        values = sorted({word for row in table.rows for word in _filter_words(text_of(row[column]))})
        choices.append((name, column, values))
    return choices


def _filter_words(text: str) -> list[str]:
    """The values by which a cell is found: its text, or each rule where it lists rules."""
    words = text.split(" ")
    return words if len(words) > 1 and all(word[:3].isupper() and word[3:].isdigit() for word in words) else [text]


def _data_url(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gnomon.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": text_of, "data_url": _data_url}
    environment.tests |= {
        "heading": lambda part: isinstance(part, Heading),
        "paragraph": lambda part: isinstance(part, Paragraph),
        "table": lambda part: isinstance(part, Table),
        "picture": lambda part: isinstance(part, Picture),
        "slices": lambda part: isinstance(part, Slices),
        "folded": lambda part: isinstance(part, Folded),
        "values": lambda part: isinstance(part, Values),
        "link": lambda cell: isinstance(cell, Link),
        "thumbnail": lambda cell: isinstance(cell, Thumbnail),
    }
    environment.globals |= {"numeric_columns": numeric_columns, "filter_choices": filter_choices}
    return environment
