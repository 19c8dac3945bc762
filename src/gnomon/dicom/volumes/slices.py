"""The one record that every kind of image comes down to: a plane of pixels with its place.

A single-frame file is one slice, an enhanced multi-frame object one a frame, a Siemens mosaic one a tile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gnomon.dicom.index import FrameFacts, Instance


@dataclass(frozen=True)
class Tile:
    """A slice's rectangle inside a mosaic: first row and column, and size."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Slice:
    """One plane: its file's row of the index, its frame, its place, and its tile where it is part of a mosaic."""

    instance: Instance
    frame: int
    facts: FrameFacts
    tile: Tile | None = None

    @property
    def shape(self) -> tuple[int | None, int | None]:
        """(rows, columns)."""
        if self.tile:
            return self.tile.rows, self.tile.columns
        return self.instance.rows, self.instance.columns

    @property
    def name(self) -> str:
        """SOPInstanceUID, with the frame (from 1) or tile where the file holds several slices."""
        if self.tile:
            return f"{self.instance.sop_uid}#{self.tile.row},{self.tile.column}"
        if self.instance.number_of_frames > 1:
            return f"{self.instance.sop_uid}#{self.frame + 1}"
        return self.instance.sop_uid


def is_mosaic(instance: Instance) -> bool:
    """Whether the one frame of a file holds many slices side by side."""
    return "MOSAIC" in instance.image_type or "VFRAME" in instance.image_type


def mosaic_problem(instance: Instance) -> str:
    """What a mosaic lacks to be cut up; empty where nothing."""
    facts = instance.frames[0]
    if instance.mosaic_tiles < 1 or instance.mosaic_normal is None:
        return "no vendor header with the number of slices and their normal"
    if None in (instance.rows, instance.columns, facts.position_mm, facts.orientation, facts.pixel_spacing_mm):
        return "no size, position, orientation or spacing"
    if not instance.slice_spacing_mm or instance.slice_spacing_mm <= 0:
        return "no SpacingBetweenSlices"
    side = math.isqrt(instance.mosaic_tiles - 1) + 1
    if (
        min(instance.rows or 0, instance.columns or 0) < side
        or (instance.rows or 0) % side
        or (instance.columns or 0) % side
    ):
        return f"{instance.rows} x {instance.columns} pixels that do not divide by {side}"
    return ""


def slices_of(instance: Instance) -> Iterator[Slice]:
    """Every slice in a file."""
    if is_mosaic(instance) and not mosaic_problem(instance):
        yield from _tiles(instance)
    else:
        yield from (Slice(instance, frame, facts) for frame, facts in enumerate(instance.frames))


def _tiles(instance: Instance) -> Iterator[Slice]:
    """Cut a mosaic: tiles lie in rows, and the header's position is that of the whole picture's corner.

    That corner is where the first pixel of the first slice would be if the slice were as large as the mosaic
    with the same centre; so each slice's own corner is half the difference further in.
    """
    facts = instance.frames[0]
    side = math.isqrt(instance.mosaic_tiles - 1) + 1
    rows, columns = (instance.rows or 0) // side, (instance.columns or 0) // side
    row_mm, column_mm = facts.pixel_spacing_mm or (0.0, 0.0)
    cosines = np.asarray(facts.orientation)
    inward = (
        cosines[:3] * column_mm * ((instance.columns or 0) - columns) / 2
        + cosines[3:] * row_mm * ((instance.rows or 0) - rows) / 2
    )
    step = np.asarray(instance.mosaic_normal) * (instance.slice_spacing_mm or 0.0)
    for k in range(instance.mosaic_tiles):
        place = np.asarray(facts.position_mm) + inward + k * step
        tile = Tile(k // side * rows, k % side * columns, rows, columns)
        yield Slice(instance, 0, replace(facts, position_mm=tuple(float(value) for value in place)), tile)
