"""Predictions that would score better mirrored, shifted by a voxel, or with two labels exchanged: pipeline errors.

A network does not make them; a flipped array under an unflipped header or a misread label table does.
Only the voxels that the prediction labels are moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, flip_index
from gnomon.rules.catalogue.evaluation import BETTER_EXCHANGED, BETTER_MIRRORED, BETTER_SHIFTED
from gnomon.rules.finding import Finding
from gnomon.rules.rule import Rule

_GAIN = BETTER_MIRRORED.tolerance  # in mean Dice, of a mirror image or exchanged labels
_SHIFT_GAIN = BETTER_SHIFTED.tolerance  # correct predictions of small structures gain up to 0.013
_SIDES = {"R": "left and right", "L": "left and right", "A": "front and back", "P": "front and back"}


@dataclass(frozen=True)
class _Overlap:
    """Reference channels, voxels per channel on both sides, and the positions and channels of the predicted voxels."""

    truth: NDArray[np.intp]
    in_truth: NDArray[np.int64]
    in_found: NDArray[np.int64]
    places: tuple[NDArray[np.intp], ...]
    channels: NDArray[np.intp]

    def table(self, places: Sequence[NDArray[np.intp]]) -> NDArray[np.int64]:
        """Overlap in voxels of reference channels (rows) and predicted channels, with the prediction at `places`."""
        inside = np.ones(len(self.channels), bool)
        for axis, index in enumerate(places):
            inside &= (index >= 0) & (index < self.truth.shape[axis])
        size = len(self.in_found)
        pairs = self.truth[tuple(index[inside] for index in places)] * size + self.channels[inside]
        return np.bincount(pairs, minlength=size * size).reshape(size, size)

    def mean_dice(self, table: NDArray[np.int64], order: NDArray[np.intp] | None = None) -> float:
        """Mean Dice over the structures present on either side; `order` renames the predicted channels."""
        names = np.arange(len(self.in_found)) if order is None else order
        taken = np.zeros_like(self.in_found)
        taken[names] = self.in_found
        hits = np.zeros_like(self.in_found)
        hits[names] = table[names, np.arange(len(names))]
        total = (self.in_truth + taken)[1:]
        present = total > 0
        return float(np.mean(2 * hits[1:][present] / total[present]))


def find_pipeline_error(
    case: str, reference: NDArray[Any], prediction: NDArray[Any], grid: Grid, labels: Mapping[str, int]
) -> Finding | None:
    """The change that would improve a prediction most, if it exceeds what correct predictions gain; else None.

    Args:
        reference, prediction: label values (x, y, z) on `grid`.
        labels: value by name of the evaluated structures; any other value counts as background.
    """
    values = list(labels.values())
    truth, found = _channels(reference, values), _channels(prediction, values)
    places = np.nonzero(found)
    if not len(places[0]) or not truth.any():
        return None
    counts = [np.bincount(one.ravel(), minlength=len(values) + 1) for one in (truth, found)]
    overlap = _Overlap(truth, counts[0], counts[1], places, found[places])
    table = overlap.table(places)
    here = overlap.mean_dice(table)
    candidates = list(_candidates(overlap, table, here, grid, list(labels)))
    if not candidates:
        return None
    rule, what, there, needed = max(candidates, key=lambda one: one[2] - one[3])
    if there - here <= needed:
        return None
    return rule.at(f"case {case}", found=f"a mean Dice of {here:.3f} that would be {there:.3f} {what}")


def _candidates(
    overlap: _Overlap, table: NDArray[np.int64], here: float, grid: Grid, names: Sequence[str]
) -> Iterator[tuple[Rule, str, float, float]]:
    """Rule, change, mean Dice after the change, and the gain above which it is reported."""
    shape = overlap.truth.shape
    for axis in range(3):
        if here + _GAIN < 1:
            mirrored = list(overlap.places)
            mirrored[axis] = flip_index(mirrored[axis], shape[axis])
            way = _SIDES.get(grid.orientation[axis], "up and down")
            yield BETTER_MIRRORED, f"mirrored across {way}", overlap.mean_dice(overlap.table(mirrored)), _GAIN
        for step in (-1, 1) if here + _SHIFT_GAIN < 1 else ():
            shifted = list(overlap.places)
            shifted[axis] = shifted[axis] + step
            dice = overlap.mean_dice(overlap.table(shifted))
            yield BETTER_SHIFTED, f"shifted by one voxel along axis {'ijk'[axis]}", dice, _SHIFT_GAIN
    for one, other in combinations(range(1, len(names) + 1), 2):
        if here + _GAIN < 1:
            order = np.arange(len(names) + 1)
            order[[one, other]] = other, one
            dice = overlap.mean_dice(table, order)
            yield BETTER_EXCHANGED, f"with {names[one - 1]} and {names[other - 1]} exchanged", dice, _GAIN


def _channels(label: NDArray[Any], values: Sequence[int]) -> NDArray[np.intp]:
    """Label values -> 0 for all else, 1 for the first value, and so on."""
    table = np.zeros(int(max(label.max(), *values)) + 1, np.intp)
    table[list(values)] = np.arange(1, len(values) + 1)
    return np.asarray(table[label])
