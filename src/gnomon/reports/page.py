"""What a report is made of, and its form as a self-contained HTML page: no link to anywhere, pictures inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead { font-size: 1.1rem; } .quiet { color: var(--quiet); }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; } tr:target { background: #fc06; }
img { max-width: 100%; background: #fff; border-radius: 4px; } figure { margin: 1rem 0; }
td img { height: 6rem; max-width: none; }
figcaption { color: var(--quiet); font-size: .9rem; }
pre { overflow-x: auto; font-size: .8rem; border: 1px solid var(--line); padding: .8rem; border-radius: 4px; }
code { font-size: .9em; overflow-wrap: anywhere; } .wide { overflow-x: auto; }
.slice { background-color: #000; border-radius: 4px; cursor: ns-resize; } .viewer input { width: 16rem; }
"""
_SCROLL = """
for (const viewer of document.querySelectorAll('.viewer')) {
  const slice = viewer.querySelector('.slice'), range = viewer.querySelector('input');
  const place = viewer.querySelector('output');
  const show = () => {
    slice.style.backgroundPositionY = -slice.clientHeight * range.value + 'px';
    place.textContent = 'slice ' + (+range.value + 1) + ' of ' + (+range.max + 1);
  };
  range.oninput = show;
  slice.onwheel = event => { event.preventDefault(); range.value = +range.value - Math.sign(event.deltaY); show(); };
  show();
}
"""
_FILTER = """
for (const bar of document.querySelectorAll('.filters')) {
  const rows = [...bar.nextElementSibling.querySelectorAll('tbody tr')], count = bar.querySelector('output');
  const choices = [...bar.querySelectorAll('select')];
  const show = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = choices.every(one => !one.value ||
        row.children[one.dataset.column].textContent.split(' ').includes(one.value) ||
        row.children[one.dataset.column].textContent === one.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown + ' of ' + rows.length;
  };
  for (const one of choices) one.onchange = show;
  show();
}
"""


@dataclass(frozen=True)
class Heading:
    """A heading of a level from 1."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` is 'lead' or 'quiet'."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Link:
    """A cell that leads to the row of a table whose anchor it names."""

    value: Any
    anchor: str


@dataclass(frozen=True)
class Thumbnail:
    """A cell that holds a small picture (PNG)."""

    png: bytes
    text: str


@dataclass(frozen=True)
class Table:
    """A table; columns of numbers stand right. `anchors` name its rows; those of `filters` can be chosen by value.

    A cell of several words in a column to filter by is found by each of them.
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
    """Slices to scroll through: one below the other in a JPEG, each `width` x `height`; `first` is shown first."""

    jpeg: bytes
    width: int
    height: int
    count: int
    first: int
    caption: str


@dataclass(frozen=True)
class Folded:
    """Parts behind a summary that opens."""

    summary: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Values:
    """Plain values as they are."""

    values: Mapping[str, Any]


Part = Heading | Paragraph | Table | Picture | Slices | Folded | Values


def html(title: str, parts: Iterable[Part]) -> str:
    """A whole document."""
    body = "\n".join(_html(part) for part in parts)
    wanted = [code for mark, code in (('class="viewer"', _SCROLL), ('class="filters"', _FILTER)) if mark in body]
    script = f"<script>{''.join(wanted)}</script>\n" if wanted else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n{script}</body></html>\n"
    )


def text_of(value: Any) -> str:
    """A cell's text."""
    if isinstance(value, Link):
        return text_of(value.value)
    if isinstance(value, Thumbnail):
        return value.text
    if value is None:
        return "–"  # noqa: RUF001 - a dash for 'not there'
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def numeric_columns(table: Table) -> list[bool]:
    """Which columns hold numbers alone, or nothing."""
    plain = [[cell.value if isinstance(cell, Link) else cell for cell in row] for row in table.rows]
    return [
        any(row[i] is not None for row in plain)
        and all(row[i] is None or (isinstance(row[i], (int, float)) and not isinstance(row[i], bool)) for row in plain)
        for i in range(len(table.columns))
    ]


def _html(part: Part) -> str:
    match part:
        case Heading():
            return f"<h{part.level}>{escape(part.text)}</h{part.level}>"
        case Paragraph():
            kind = f' class="{part.kind}"' if part.kind else ""
            return f"<p{kind}>{escape(part.text)}</p>"
        case Table():
            return _table(part)
        case Picture():
            text = escape(part.caption)
            source = f"data:image/png;base64,{base64.b64encode(part.png).decode()}"
            return f'<figure><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'
        case Slices():
            return _viewer(part)
        case Folded():
            inner = "\n".join(_html(one) for one in part.parts)
            return f"<details><summary>{escape(part.summary)}</summary>{inner}</details>"
        case Values():
            return f"<pre>{escape(json.dumps(part.values, indent=1))}</pre>"


def _table(part: Table) -> str:
    kinds = [' class="number"' if number else "" for number in numeric_columns(part)]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(part.columns, kinds))
    anchors = [f' id="{escape(anchor)}"' for anchor in part.anchors] or [""] * len(part.rows)
    lines = [
        f"<tr{anchor}>" + "".join(f"<td{kind}>{_cell(value)}</td>" for value, kind in zip(row, kinds)) + "</tr>"
        for row, anchor in zip(part.rows, anchors)
    ]
    return (
        _filters(part)
        + f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _filters(part: Table) -> str:
    """A choice of values for each column to filter by."""
    if not part.filters or len(part.rows) < 2:
        return ""
    bars = []
    for name in part.filters:
        column = list(part.columns).index(name)
        values = sorted({word for row in part.rows for word in _words(text_of(row[column]))})
        options = "".join(f"<option>{escape(value)}</option>" for value in values)
        bars.append(f'{escape(name)} <select data-column="{column}"><option value="">all</option>{options}</select> ')
    return f'<p class="filters">{"".join(bars)}<output></output></p>'


def _words(text: str) -> list[str]:
    """What a cell is found by: its text, and each rule where it lists rules."""
    words = text.split(" ")
    return words if len(words) > 1 and all(word[:3].isupper() and word[3:].isdigit() for word in words) else [text]


def _cell(value: Any) -> str:
    if isinstance(value, Thumbnail):
        source = f"data:image/png;base64,{base64.b64encode(value.png).decode()}"
        return f'<img loading="lazy" alt="{escape(value.text)}" src="{source}">'
    text = escape(text_of(value))
    return f'<a href="#{escape(value.anchor)}">{text}</a>' if isinstance(value, Link) else text


def _viewer(part: Slices) -> str:
    source = f"data:image/jpeg;base64,{base64.b64encode(part.jpeg).decode()}"
    style = f"width:{part.width}px;height:{part.height}px;background-image:url({source})"
    return (
        f'<figure class="viewer"><div class="slice" style="{style}"></div>'
        f'<input type="range" min="0" max="{part.count - 1}" value="{part.first}"> <output></output>'
        f"<figcaption>{escape(part.caption)}</figcaption></figure>"
    )
