"""Graphics in the pixels: marks identical in every slice of a stack, and lines of text in a single image.

Annotations have a single value, the highest; anatomy has noise. Text is detected but not read, so no name is stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_EIGHT = np.ones((3, 3))
_LEAST_SLICES = 5
_MOST_DRAWN = 0.1  # of the picture
_LETTER_PIXELS = (5, 80)  # height
_WIDEST, _THICKEST = 2.0, 0.18  # of a letter's height: its width, and half the width of its strokes
_ALIKE, _ON_LINE, _GAP = 0.6, 0.35, 1.5  # heights of neighbours, their baselines, the space between them
_LEAST_LETTERS = 4


def stamped_parts(voxels: NDArray[np.float32]) -> int:
    """Number of separate bright marks at the same pixels of every slice (slices, rows, columns)."""
    if len(voxels) < _LEAST_SLICES:
        return 0
    still = (voxels == voxels[0]).all(0) & (voxels[0] == voxels.max())
    return int(ndimage.label(still, _EIGHT)[1]) if 0 < still.mean() < _MOST_DRAWN else 0


def text_letters(picture: NDArray[np.float32]) -> int:
    """Number of letters in lines of text (four or more of similar height in a row) in an image (rows, columns)."""
    drawn = picture == picture.max()
    if not 0 < drawn.mean() < _MOST_DRAWN:
        return 0
    parts, count = ndimage.label(drawn, _EIGHT)
    half = ndimage.distance_transform_cdt(np.pad(drawn, 1), "chessboard")[1:-1, 1:-1]
    letters: list[tuple[int, int, int, int]] = []  # bottom, height, left, right
    thickness = np.asarray(ndimage.maximum(half, parts, range(1, count + 1)))
    for (rows, columns), half in zip(ndimage.find_objects(parts), thickness):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        fits = _LETTER_PIXELS[0] <= height <= _LETTER_PIXELS[1] and width <= _WIDEST * height
        if fits and half <= max(1.0, _THICKEST * height):
            letters.append((rows.stop, height, columns.start, columns.stop))
    return sum(run for run in _runs(letters) if run >= _LEAST_LETTERS)


def _runs(letters: list[tuple[int, int, int, int]]) -> list[int]:
    """Lengths of runs of letters on a line."""
    runs: list[tuple[tuple[int, int, int, int], int]] = []  # last letter, letters so far
    for letter in sorted(letters, key=lambda one: one[2]):
        bottom, height, left, _ = letter
        for i, ((last_bottom, last_height, _, last_right), count) in enumerate(runs):
            tall = max(height, last_height)
            alike = min(height, last_height) >= _ALIKE * tall
            if alike and abs(bottom - last_bottom) <= _ON_LINE * tall and 0 <= left - last_right <= _GAP * tall:
                runs[i] = (letter, count + 1)
                break
        else:
            runs.append((letter, 1))
    return [count for _, count in runs]
