"""The colours of labels, in figures and in training pictures."""

from __future__ import annotations

LABEL_COLOURS = ("#e6550d", "#3182bd", "#31a354", "#756bb1", "#d6a000", "#17a2a2", "#c51b7d", "#636363")


def label_colour(index: int) -> str:
    """The colour (#rrggbb) of a label, by its position in the label scheme from 0; colours repeat."""
    return LABEL_COLOURS[index % len(LABEL_COLOURS)]


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue between 0 and 1 of a colour `#rrggbb`."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue
