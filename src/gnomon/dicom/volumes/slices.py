"""The common record of every kind of image: a plane of pixels with its geometry.

A single-frame file is one slice, an enhanced multi-frame object one per frame, a Siemens mosaic one per tile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gnomon.dicom.index import FrameFacts, Instance


@dataclass(frozen=True)
class Tile:
    """A slice's rectangle in a mosaic: first row, first column, and size."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Slice:
    """One plane: the index row of its file, its frame, its header values, and its tile if it is part of a mosaic."""

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
    """Whether the single frame of a file holds many slices as tiles."""
    return "MOSAIC" in instance.image_type or "VFRAME" in instance.image_type


def mosaic_problem(instance: Instance) -> str:
    """What prevents splitting a mosaic into slices; empty if nothing does."""
    facts = instance.frames[0]
    if instance.mosaic_tiles < 1 or instance.mosaic_normal is None:
        return "no vendor header with the number of slices and their normal"
    if None in (instance.rows, instance.columns, facts.position_mm, facts.orientation, facts.pixel_spacing_mm):
        return "no size, position, orientation or spacing"
    if not instance.slice_spacing_mm or instance.slice_spacing_mm <= 0:
        return "no SpacingBetweenSlices"
    tiles_per_side = math.isqrt(instance.mosaic_tiles - 1) + 1
    if (
        min(instance.rows or 0, instance.columns or 0) < tiles_per_side
        or (instance.rows or 0) % tiles_per_side
        or (instance.columns or 0) % tiles_per_side
    ):
        return f"{instance.rows} x {instance.columns} pixels that do not divide by {tiles_per_side}"
    return ""


def slices_of(instance: Instance) -> Iterator[Slice]:
    """Every slice in a file."""
    if is_mosaic(instance) and not mosaic_problem(instance):
        yield from _tiles(instance)
    else:
        yield from (Slice(instance, frame, facts) for frame, facts in enumerate(instance.frames))


def _tiles(instance: Instance) -> Iterator[Slice]:
    """Split a mosaic: tiles are in row-major order, and the header's position is that of the whole picture's corner.

    That corner is where the first pixel of the first slice would be if the slice were as large as the mosaic
    with the same centre; so each slice's own corner is half the difference further in.
    """
    facts = instance.frames[0]
    tiles_per_side = math.isqrt(instance.mosaic_tiles - 1) + 1
    rows, columns = (instance.rows or 0) // tiles_per_side, (instance.columns or 0) // tiles_per_side
    row_mm, column_mm = facts.pixel_spacing_mm or (0.0, 0.0)
    cosines = np.asarray(facts.orientation)
    inward = (
        cosines[:3] * column_mm * ((instance.columns or 0) - columns) / 2
        + cosines[3:] * row_mm * ((instance.rows or 0) - rows) / 2
    )
    step = np.asarray(instance.mosaic_normal) * (instance.slice_spacing_mm or 0.0)
    for k in range(instance.mosaic_tiles):
        position = np.asarray(facts.position_mm) + inward + k * step
        tile = Tile(k // tiles_per_side * rows, k % tiles_per_side * columns, rows, columns)
        yield Slice(instance, 0, replace(facts, position_mm=tuple(float(value) for value in position)), tile)
