"""A mask's surface as triangles in mm, and distances from points on it to the triangles of another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from isocenter.evaluation.patterns import Mask, Triangles, cells_of, pieces, triangle_areas

_LONGEST = 1.5  # edge of a triangle in smallest spacings: longer ones are cut, so that its centroid stands for it
_NEAREST = 12  # triangles that are looked at, by their centroids; more change ASSD by less than 0.02 %
_POINTS = 200_000  # at a time, so that memory does not grow with the surface


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles (n, 3 points, 3 axes) in mm, in a frame that two masks on one grid share."""

    triangles: Triangles

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """(n, 3) mm."""
        return np.asarray(self.triangles.mean(axis=1))

    @cached_property
    def areas_mm2(self) -> NDArray[np.float64]:
        """(n,)."""
        return triangle_areas(self.triangles)

    def distances_to(self, other: Mesh) -> NDArray[np.float64]:
        """From the centroid of each triangle to the nearest point on another mesh, mm."""
        tree = cKDTree(other.centroids, balanced_tree=False, compact_nodes=False)
        apart = other.triangles - other.centroids[:, None]
        radii = np.sqrt((apart**2).sum(axis=2).max(axis=1))
        parts = [
            _to_triangles(self.centroids[first : first + _POINTS], other.triangles, radii, tree)
            for first in range(0, len(self.centroids), _POINTS)
        ]
        return np.concatenate(parts)


def mesh_of(mask: Mask, spacing_mm: tuple[float, float, float]) -> Mesh:
    """The surface of a mask (x, y, z) that is not empty."""
    cells = cells_of(mask, edges=True)
    patterns, starts = np.unique(cells.patterns, return_index=True)
    found = []
    for pattern, first, last in zip(patterns, starts, [*starts[1:], len(cells.patterns)]):
        placed = cells.places[first:last, None, None] + pieces()[pattern]
        found.append(placed.reshape(-1, 3, 3) * np.asarray(spacing_mm))
    return Mesh(_cut(np.concatenate(found), _LONGEST * min(spacing_mm)))


def _cut(triangles: Triangles, longest_mm: float) -> Triangles:
    """The same surface with no edge longer than allowed: triangles are halved across their longest edge."""
    done = []
    while len(triangles):
        edges = np.linalg.norm(triangles - triangles[:, [1, 2, 0]], axis=2)
        long = edges.max(axis=1) > longest_mm
        done.append(triangles[~long])
        triangles, edges = triangles[long], edges[long]
        row, start = np.arange(len(triangles)), edges.argmax(axis=1)
        a, b, c = (triangles[row, (start + step) % 3] for step in range(3))
        middle = (a + b) / 2
        triangles = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    return np.concatenate(done)


def _to_triangles(
    points: NDArray[np.float64], triangles: Triangles, radii: NDArray[np.float64], tree: cKDTree
) -> NDArray[np.float64]:
    """From points (n, 3) to the nearest of triangles, by those whose centroids are nearest."""
    count = min(_NEAREST, len(triangles))
    to_centroid, index = tree.query(points, k=[*range(1, count + 1)], workers=-1)
    best = _squared(points, triangles[index[:, 0]])
    for rank in range(1, count):
        closer = np.flatnonzero(to_centroid[:, rank] - radii[index[:, rank]] < np.sqrt(best))
        best[closer] = np.minimum(best[closer], _squared(points[closer], triangles[index[closer, rank]]))
    return np.sqrt(best)


def _squared(points: NDArray[np.float64], triangles: Triangles) -> NDArray[np.float64]:
    """Squared distance of each point (n, 3) to its triangle (n, 3, 3)."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    bb, bc, cc = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    pb, pc = _dot(ap, ab), _dot(ap, ac)
    scale = bb * cc - bc * bc
    with np.errstate(divide="ignore", invalid="ignore"):
        v, w = (cc * pb - bc * pc) / scale, (bb * pc - bc * pb) / scale
        above = (v >= 0) & (w >= 0) & (v + w <= 1)  # the foot of the point lies in the triangle
    across = ap - v[:, None] * ab - w[:, None] * ac
    squared = _dot(across, across)
    beside = np.flatnonzero(~above)
    p, corners = points[beside], (a[beside], b[beside], c[beside])
    squared[beside] = np.minimum.reduce(
        [_squared_to_edge(p, corners[i], corners[j]) for i, j in ((0, 1), (1, 2), (2, 0))]
    )
    return squared


def _squared_to_edge(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    way, there = end - start, points - start
    length = _dot(way, way)
    along = np.clip(_dot(there, way) / np.where(length > 0, length, 1), 0, 1)
    apart = there - along[:, None] * way
    return _dot(apart, apart)


def _dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", one, other))
