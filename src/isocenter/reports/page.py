"""A self-contained HTML page: no script, no link to anywhere, pictures inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead { font-size: 1.1rem; } .quiet { color: var(--quiet); }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; }
img { max-width: 100%; background: #fff; border-radius: 4px; } figure { margin: 1rem 0; }
figcaption { color: var(--quiet); font-size: .9rem; }
pre { overflow-x: auto; font-size: .8rem; border: 1px solid var(--line); padding: .8rem; border-radius: 4px; }
code { font-size: .9em; overflow-wrap: anywhere; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole document."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; `kind` is 'lead' or 'quiet'."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers stand right."""
    listed = [list(row) for row in rows]
    numeric = [bool(listed) and all(isinstance(row[i], (int, float)) for row in listed) for i in range(len(columns))]
    kinds = [' class="number"' if number else "" for number in numeric]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(columns, kinds))
    lines = [
        "<tr>" + "".join(f"<td{kind}>{escape(_text(value))}</td>" for value, kind in zip(row, kinds)) + "</tr>"
        for row in listed
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def picture(png: bytes, caption: str) -> str:
    """A picture with its caption."""
    data = base64.b64encode(png).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def folded(summary: str, values: Mapping[str, Any]) -> str:
    """Plain values behind a summary that opens."""
    text = escape(json.dumps(values, indent=1))
    return f"<details><summary>{escape(summary)}</summary><pre>{text}</pre></details>"


def _text(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - a dash for 'not there'
    return f"{value:.3f}" if isinstance(value, float) else str(value)
