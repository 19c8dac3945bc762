"""The surface of a mask, element by element: the eight voxels around a corner form one of 256 patterns.

Each pattern holds a small surface element. Usually it is that of marching cubes, which passes midway between voxels
and is nearly as large as a smooth surface there (Lorensen and Cline, 1987). Where two flat faces meet at a right
angle, the faces of the voxels are used instead: marching cubes would cut off the edge of a box and lose up to 3 % of
its area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes

Mask = NDArray[np.bool_]
Triangles = NDArray[np.float64]
_CORNERS = tuple(product((0, 1), repeat=3))
_AXES = range(3)


@dataclass(frozen=True, eq=False)
class Cells:
    """The corners between voxels that the surface passes, in the order of their patterns.

    Attributes:
        places: (n, 3) indices; corner (i, j, k) lies before voxel (i, j, k).
        patterns: (n,) bit x * 4 + y * 2 + z is set where the voxel on that side of the corner is inside; 256 more
            where the surface has an edge there.
    """

    places: NDArray[np.int64]
    patterns: NDArray[np.int64]


def cells_of(mask: Mask, *, edges: bool = False) -> Cells:
    """The corners that the surface of a mask (x, y, z) passes; beyond the mask all is outside.

    Args:
        edges: look for right-angled edges and corners of flat faces.
    """
    codes: NDArray[np.uint8] = np.pad(mask, 1).view(np.uint8)
    codes = codes[:, :, :-1] | np.left_shift(codes[:, :, 1:], np.uint8(1))
    codes = codes[:, :-1] | np.left_shift(codes[:, 1:], np.uint8(2))
    codes = codes[:-1] | np.left_shift(codes[1:], np.uint8(4))
    flat = codes.reshape(-1)
    where = np.flatnonzero(flat + np.uint8(1) > 1)  # neither 0 nor 255
    patterns = flat[where].astype(np.int64)
    if edges:
        patterns += 256 * _at_edges(codes, where, patterns)
    order = np.argsort(patterns, kind="stable")
    places = np.stack(np.unravel_index(where[order], codes.shape), axis=1)
    return Cells(places, patterns[order])


@lru_cache(maxsize=64)
def areas_mm2(spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Area of the surface of each pattern, (512,)."""
    areas = np.array([triangle_areas(one * np.asarray(spacing_mm)).sum() for one in pieces()])
    areas.setflags(write=False)
    return areas


def triangle_areas(triangles: Triangles) -> NDArray[np.float64]:
    """Areas of triangles (n, 3 points, 3 axes)."""
    one, other = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    normal = np.cross(one, other)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", normal, normal)) / 2)


@lru_cache(maxsize=1)
def pieces() -> tuple[Triangles, ...]:
    """Triangles (n, 3 points, 3 axes) of each pattern, between voxel centres at 0 and 1: 256, and 256 with edges."""
    return (*(_marching_cubes(code) for code in range(256)), *(_faces(code) for code in range(256)))


def _voxels(code: int) -> NDArray[np.float32]:
    return np.array([(code >> bit) & 1 for bit in range(8)], np.float32).reshape(2, 2, 2)


def _marching_cubes(code: int) -> Triangles:
    if code in (0, 255):
        return np.zeros((0, 3, 3))
    points, faces, _, _ = marching_cubes(_voxels(code), 0.5)
    return np.asarray(points[faces], dtype=np.float64)


def _faces(code: int) -> Triangles:
    """The quarters of voxel faces about the corner: each between an inner and an outer voxel."""
    inside, found = _voxels(code), []
    for axis in _AXES:
        for one in (corner for corner in _CORNERS if corner[axis] == 0):
            other = tuple(1 if a == axis else end for a, end in enumerate(one))
            if inside[one] == inside[other]:
                continue
            across = [a for a in _AXES if a != axis]
            square = np.full((4, 3), 0.5)  # from the face's middle line to the corner between the voxels
            square[[0, 1], across[0]] = one[across[0]]
            square[[0, 3], across[1]] = one[across[1]]
            found += [square[[0, 1, 2]], square[[0, 2, 3]]]
    return np.array(found, dtype=np.float64).reshape(-1, 3, 3)


def _at_edges(codes: NDArray[np.uint8], where: NDArray[np.intp], patterns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the cells are edges or corners of flat faces, each face at least two voxels wide."""
    padded = np.pad(codes, 1)
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    here = (np.stack(np.unravel_index(where, codes.shape), axis=1) + 1) @ strides
    around, found = padded.reshape(-1), np.zeros(len(where), bool)
    for edge, sides in _EDGES:
        for code, flats in ((edge, sides), (255 - edge, tuple((way, 255 - flat) for way, flat in sides))):
            own = np.flatnonzero(patterns == code)
            goes_on = [around[here[own] + np.array(way) @ strides] == flat for way, flat in flats]
            found[own] = goes_on[0] & goes_on[1]
    at_edge = np.zeros(padded.size, bool)
    at_edge[here[found]] = True
    for corner in _CORNERS:
        for code in (_code([corner]), 255 - _code([corner])):
            own = np.flatnonzero(patterns == code)
            ways = np.diag(2 * np.array(corner) - 1) @ strides
            found[own] = at_edge[here[own][:, None] + ways].all(axis=1)
    return found


def _code(corners: Sequence[tuple[int, ...]]) -> int:
    return sum(1 << (x * 4 + y * 2 + z) for x, y, z in corners)


def _edges() -> tuple[tuple[int, tuple[tuple[tuple[int, ...], int], ...]], ...]:
    """Each pattern of two voxels in a row, and how its two faces go on: the way there, the flat pattern there."""
    found = []
    for axis in _AXES:
        first, second = (a for a in _AXES if a != axis)
        for one, other in product((0, 1), repeat=2):
            code = _code([c for c in _CORNERS if c[first] == one and c[second] == other])
            flat_first, flat_second = (
                _code([c for c in _CORNERS if c[a] == end]) for a, end in ((first, one), (second, other))
            )
            along_second = tuple(2 * other - 1 if a == second else 0 for a in _AXES)
            along_first = tuple(2 * one - 1 if a == first else 0 for a in _AXES)
            found.append((code, ((along_second, flat_first), (along_first, flat_second))))
    return tuple(found)


_EDGES = _edges()
