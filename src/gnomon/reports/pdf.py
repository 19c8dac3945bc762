"""The same parts as a PDF for a submission file: folded sections are open, slice viewers are left out."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, SimpleDocTemplate, Spacer
from reportlab.platypus import Paragraph as FlowParagraph
from reportlab.platypus import Table as FlowTable
from reportlab.platypus.tables import TableStyle

from gnomon.reports.page import (
    Folded,
    Heading,
    Paragraph,
    Part,
    Picture,
    Slices,
    Table,
    Values,
    numeric_columns,
    text_of,
)

_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=9, leading=12, spaceAfter=4)
_LEAD = ParagraphStyle("lead", _TEXT, fontSize=11, leading=15)
_QUIET = ParagraphStyle("quiet", _TEXT, fontSize=8, leading=10, textColor=colors.HexColor("#666666"))
_CELL = ParagraphStyle("cell", _TEXT, fontSize=7, leading=8.5, spaceAfter=0, splitLongWords=1)
_NUMBER = ParagraphStyle("number", _CELL, alignment=2)
_HEADS = {
    level: ParagraphStyle(
        f"h{level}",
        _TEXT,
        fontName="Helvetica-Bold",
        fontSize=size,
        leading=size * 1.3,
        spaceBefore=8,
        spaceAfter=4,
        keepWithNext=1,
    )
    for level, size in ((1, 16), (2, 12), (3, 10))
}


def pdf(title: str, parts: Iterable[Part]) -> bytes:
    """A whole document, A4; the same bytes for the same parts."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author="",
        creator="Gnomon",
        invariant=1,
    )
    flow = [flowable for part in parts for flowable in _flowables(part)]
    document.build(flow or [Spacer(1, 1)], onFirstPage=_number_page, onLaterPages=_number_page)
    return out.getvalue()


def _number_page(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, str(canvas.getPageNumber()))


def _flowables(part: Part) -> Sequence[Flowable]:
    match part:
        case Heading():
            return [FlowParagraph(_latin(part.text), _HEADS[part.level])]
        case Paragraph():
            return [FlowParagraph(_latin(part.text), {"lead": _LEAD, "quiet": _QUIET}.get(part.kind, _TEXT))]
        case Table():
            return [_table(part), Spacer(1, 6)] if part.rows else []
        case Picture():
            width, height = ImageReader(io.BytesIO(part.png)).getSize()
            return [
                Image(io.BytesIO(part.png), _WIDTH, _WIDTH * height / width),
                FlowParagraph(_latin(part.caption), _QUIET),
            ]
        case Folded():
            inner = [flowable for one in part.parts for flowable in _flowables(one)]
            return [FlowParagraph(_latin(part.summary), _HEADS[3]), *inner] if inner else []
        case Slices() | Values():
            return []


def _table(part: Table) -> Flowable:
    numeric = numeric_columns(part)
    styles = [_NUMBER if number else _CELL for number in numeric]
    cells = [[FlowParagraph(f"<b>{_latin(name)}</b>", style) for name, style in zip(part.columns, styles)]]
    cells += [[FlowParagraph(_latin(text_of(cell)), style) for cell, style in zip(row, styles)] for row in part.rows]
    lengths = [
        max(6, min(40, max(len(text_of(row[i])) for row in [part.columns, *part.rows]))) for i in range(len(numeric))
    ]
    widths = [_WIDTH * length / sum(lengths) for length in lengths]
    lines = TableStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.lightgrey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ]
    )
    return FlowTable(cells, colWidths=widths, repeatRows=1, style=lines)


def _latin(text: str) -> str:
    """Text in Latin letters: characters that the standard fonts lack are replaced."""
    replacements = {"…": "...", "–": "-", "±": "+/-", "≥": "at least", "≤": "at most", "×": "x"}  # noqa: RUF001
    for sign, replacement in replacements.items():
        text = text.replace(sign, replacement)
    return escape(text.encode("latin-1", "replace").decode("latin-1"))
