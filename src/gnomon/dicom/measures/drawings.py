"""Burned-in graphics: marks identical in every slice of a stack, and lines of text in a single image.

Annotations have a single value, the highest; anatomy has noise. Text is detected but not read, so no name is stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_EIGHT_CONNECTED = np.ones((3, 3))
_MIN_SLICES = 5
_MAX_DRAWN = 0.1  # fraction of the image
_LETTER_HEIGHT_PIXELS = (5, 80)
_MAX_WIDTH, _MAX_HALF_STROKE = 2.0, 0.18  # width and half the stroke width, per letter height
_MIN_HEIGHT_RATIO, _MAX_BASELINE_OFFSET, _MAX_GAP = 0.6, 0.35, 1.5  # of neighbouring letters, per height
_MIN_LETTERS = 4


def count_static_marks(voxels: NDArray[np.float32]) -> int:
    """Number of separate bright marks at the same pixels of every slice (slices, rows, columns)."""
    if len(voxels) < _MIN_SLICES:
        return 0
    static = (voxels == voxels[0]).all(0) & (voxels[0] == voxels.max())
    return int(ndimage.label(static, _EIGHT_CONNECTED)[1]) if 0 < static.mean() < _MAX_DRAWN else 0


def count_text_letters(image: NDArray[np.float32]) -> int:
    """Number of letters in lines of text (four or more of similar height in a row) in an image (rows, columns)."""
    drawn = image == image.max()
    if not 0 < drawn.mean() < _MAX_DRAWN:
        return 0
    parts, count = ndimage.label(drawn, _EIGHT_CONNECTED)
    half_stroke = ndimage.distance_transform_cdt(np.pad(drawn, 1), "chessboard")[1:-1, 1:-1]
    letters: list[tuple[int, int, int, int]] = []  # bottom, height, left, right
    thickness = np.asarray(ndimage.maximum(half_stroke, parts, range(1, count + 1)))
    for (rows, columns), half_stroke in zip(ndimage.find_objects(parts), thickness):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        fits = _LETTER_HEIGHT_PIXELS[0] <= height <= _LETTER_HEIGHT_PIXELS[1] and width <= _MAX_WIDTH * height
        if fits and half_stroke <= max(1.0, _MAX_HALF_STROKE * height):
            letters.append((rows.stop, height, columns.start, columns.stop))
    return sum(run for run in _runs(letters) if run >= _MIN_LETTERS)


def _runs(letters: list[tuple[int, int, int, int]]) -> list[int]:
    """Lengths of runs of letters on a line."""
    runs: list[tuple[tuple[int, int, int, int], int]] = []  # last letter, letters so far
    for letter in sorted(letters, key=lambda one: one[2]):
        bottom, height, left, _ = letter
        for i, ((last_bottom, last_height, _, last_right), count) in enumerate(runs):
            taller = max(height, last_height)
            similar = min(height, last_height) >= _MIN_HEIGHT_RATIO * taller
            if (
                similar
                and abs(bottom - last_bottom) <= _MAX_BASELINE_OFFSET * taller
                and 0 <= left - last_right <= _MAX_GAP * taller
            ):
                runs[i] = (letter, count + 1)
                break
        else:
            runs.append((letter, 1))
    return [count for _, count in runs]
