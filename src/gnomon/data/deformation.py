"""Turning, scaling, shifting and warping a patch: one spline of places, through which image and label are read.

The places are a uniform cubic B-spline over control points (Rueckert et al., IEEE TMI 1999). Such a spline
reproduces every affine map exactly, so affine and elastic moves are one field and one resampling.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from gnomon.core.geometry import apply_along_axes
from gnomon.core.randomness import generator

_CELLS = 4  # distances between control points along the longest edge of a patch
_AT_A_TIME = 100_000  # voxels, so that what is worked on stays in the processor's cache
_MIXED = -1  # a cell of eight voxels that are not all of one label
_CORNERS = tuple(np.ndindex(2, 2, 2))
Shape = Sequence[int]


@dataclass(frozen=True)
class Deformation:
    """How a patch is moved.

    Attributes:
        matrix: takes output places to input places, in mm about the patch's centre.
        shift: of the input places, as a fraction of the patch, by axis.
        elastic: largest displacement of a control point by axis, as a share of the distance between them;
            below 0.4 nothing folds (Choi and Lee, 2000).
        seed: of the control points' displacements.
    """

    matrix: tuple[tuple[float, ...], ...]
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    elastic: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seed: int = 0


def margin_voxels(how: Deformation, patch: Shape, spacing_mm: Sequence[float]) -> tuple[int, int, int]:
    """How far beyond the patch, on either side of each axis, the move may read."""
    steps, size = np.asarray(spacing_mm), np.asarray(patch)
    half_mm = (size - 1) / 2 * steps
    reach_mm = np.abs(how.matrix) @ half_mm + np.abs(how.shift) * size * steps
    reach_mm = reach_mm + np.asarray(how.elastic) * _control_distance_mm(patch, spacing_mm)
    x, y, z = np.maximum(0, np.ceil((reach_mm - half_mm) / steps)).astype(int) + 1
    return int(x), int(y), int(z)


def deform_patch(
    image: torch.Tensor, label: torch.Tensor, how: Deformation, patch: Shape, spacing_mm: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """A patch of image and label, read through the deformation.

    Args:
        image: (channels, x, y, z), the patch with the same margin on both sides of an axis; linear.
        label: (x, y, z), whole numbers, the same voxels; each value's share is moved linearly, the largest wins.
    """
    first, rest = _field(how, patch, spacing_mm, label.shape)
    first, rest = first.to(image.device), rest.to(image.device)
    out_image, out_label = image.new_empty((len(image), *patch)), label.new_empty(tuple(patch))
    cells = None if label.min() == label.max() else _cells(label)
    out_label.fill_(label.flatten()[0])
    planes = max(1, _AT_A_TIME // (patch[1] * patch[2])) if image.device.type == "cpu" else patch[0]
    for start in range(0, patch[0], planes):
        part = slice(start, start + planes)
        places = torch.matmul(first[part], rest).reshape(3, -1, *patch[1:])
        low = [place.floor().clamp_(0, size - 2) for place, size in zip(places, label.shape)]
        out_image[:, part] = _image_at(image, places, low)
        if cells is not None:
            out_label[part] = _label_at(label, cells, places, low)
    return out_image, out_label


def _control_distance_mm(patch: Shape, spacing_mm: Sequence[float]) -> float:
    return float(max(size * step for size, step in zip(patch, spacing_mm))) / _CELLS


def _field(
    how: Deformation, patch: Shape, spacing_mm: Sequence[float], box: Shape
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where in the box, in voxels, each output voxel is read: weights along x, times (3, control x, y * z)."""
    distance_mm = _control_distance_mm(patch, spacing_mm)
    steps, size = np.asarray(spacing_mm), np.asarray(patch)
    half_mm = (size - 1) / 2 * steps
    counts = (np.floor(2 * half_mm / distance_mm) + 4).astype(int)
    knots = [(np.arange(n) - 1) * distance_mm - half for n, half in zip(counts, half_mm)]
    turns = np.asarray(how.matrix)[:, :, None, None, None]
    x, y, z = knots[0][:, None, None], knots[1][:, None], knots[2]
    moved = turns[:, 0] * x + turns[:, 1] * y + turns[:, 2] * z
    moved += (np.asarray(how.shift) * size * steps)[:, None, None, None]
    if any(how.elastic):
        away = generator(how.seed, "elastic").uniform(-1, 1, moved.shape)
        moved += away * distance_mm * np.asarray(how.elastic)[:, None, None, None]
    moved = moved / steps[:, None, None, None] + ((np.asarray(box) - 1) / 2)[:, None, None, None]
    first, second, third = (
        _basis(n, step / distance_mm, int(count)) for n, step, count in zip(patch, spacing_mm, counts)
    )
    field = apply_along_axes(torch.from_numpy(moved).float(), (torch.eye(int(counts[0])), second, third))
    return first, field.flatten(2)


@functools.lru_cache(maxsize=64)
def _basis(voxels: int, step: float, count: int) -> torch.Tensor:
    """Weights (voxels, control points) of the cubic B-spline for voxels `step` control distances apart."""
    places = np.arange(voxels) * step
    cell = np.minimum(np.floor(places).astype(int), count - 4)
    t = places - cell
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    table = np.zeros((voxels, count), np.float32)
    np.put_along_axis(table, cell[:, None] + np.arange(4), weights.astype(np.float32), axis=1)
    return torch.from_numpy(table)


def _image_at(image: torch.Tensor, places: torch.Tensor, low: list[torch.Tensor]) -> torch.Tensor:
    """The image at places, linearly: bilinear in the two planes about a place, then between them.

    torch samples pictures about eight times as fast as volumes on a processor. So planes lie under each
    other in one picture, a few at a time: coordinates stay small, and exact to a thousandth of a voxel.
    """
    if image.device.type != "cpu":
        scaled = [(2 * places[axis] + 1) / image.shape[axis + 1] - 1 for axis in (2, 1, 0)]
        grid = torch.stack(scaled, dim=-1)[None]
        return functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    _, _, wide, deep = image.shape
    plane = low[0]
    first, last = int(plane.min()), int(plane.max()) + 1
    rows = (last - first) * wide
    grid = image.new_empty((*plane.shape, 2))
    grid[..., 0] = places[2] * (2 / deep) + (1 / deep - 1)
    grid[..., 1] = (places[1] + plane * wide) * (2 / rows) + ((1 - 2 * first * wide) / rows - 1)
    parts = _parts(len(grid))
    grid, between = grid.view(parts, -1, plane.shape[2], 2), places[0] - plane
    out = image.new_empty((len(image), *plane.shape))
    for one, target in zip(image[:, first : last + 1].contiguous(), out):
        planes = one.as_strided((parts, 2, rows, deep), (0, wide * deep, deep, 1))  # a plane, and the next one
        pair = functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
        near, far = pair.view(parts, 2, -1, *plane.shape[1:]).unbind(1)
        torch.lerp(near, far, between.view_as(near), out=target.view_as(near))
    return out


def _parts(length: int) -> int:
    """How many equal parts a slab is cut into: torch samples the entries of a batch on several threads."""
    return next(n for n in range(torch.get_num_threads(), 0, -1) if length % n == 0)


def _label_at(label: torch.Tensor, cells: torch.Tensor, places: torch.Tensor, low: list[torch.Tensor]) -> torch.Tensor:
    """The label whose linear share is largest at each place.

    Only where the eight voxels about a place differ do shares have to be reckoned: at the surfaces.
    """
    _, wide, deep = cells.shape
    exact = low if label.numel() < 2**24 else [one.double() for one in low]
    cell = ((exact[0] * wide + exact[1]) * deep + exact[2]).long()
    out = cells.take(cell).flatten()
    mixed = (out == _MIXED).nonzero()[:, 0]
    corner = torch.stack([one.flatten()[mixed] for one in low])
    part = (places.reshape(3, -1)[:, mixed] - corner).clamp_(0, 1)
    corner = corner.long()
    at = (corner[0] * (wide + 1) + corner[1]) * (deep + 1) + corner[2]
    steps = [(dx * (wide + 1) + dy) * (deep + 1) + dz for dx, dy, dz in _CORNERS]
    out[mixed] = _largest_share(label.take(at + at.new_tensor(steps)[:, None]), part)
    return out.view_as(cell)


def _cells(label: torch.Tensor) -> torch.Tensor:
    """For each cell of eight voxels the one label they share, or `_MIXED`; one shorter along every axis."""
    low = high = label
    for axis in range(3):
        size = low.shape[axis] - 1
        low = torch.minimum(low.narrow(axis, 0, size), low.narrow(axis, 1, size))
        high = torch.maximum(high.narrow(axis, 0, size), high.narrow(axis, 1, size))
    return low + (low != high).to(low.dtype) * (_MIXED - low)


def _largest_share(value: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Of the labels (8, places) at the corners of cells and the ways (3, places) along them, the weightiest."""
    ways = torch.stack((1 - part, part))
    x, y, z = zip(*_CORNERS)
    weight = ways[list(x), 0] * ways[list(y), 1] * ways[list(z), 2]
    lowest, highest = value.amin(0), value.amax(0)
    high = value == highest
    out = torch.where((weight * high).sum(0) > 0.5, highest, lowest)
    several = (~((value == lowest) | high).all(0)).nonzero()[:, 0]  # three labels or more meet
    value, weight = value[:, several], weight[:, several]
    shares = torch.stack([(weight * (value == one)).sum(0) for one in value])
    out[several] = value.gather(0, shares.argmax(0, keepdim=True))[0]
    return out
