"""Where voxels lie in the patient.

The only file that flips or permutes axes, or converts between LPS (DICOM, ITK) and RAS+ (NIfTI, this
program). Lengths are millimetres; affines are 4 x 4, float64, and map the index (i, j, k) of a voxel's
centre to RAS+ (DICOM PS3.3 C.7.6.2.1.1 gives the same map in LPS).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Affine = NDArray[np.float64]
Array = NDArray[Any]

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_CODES = ("LR", "PA", "IS")  # negative, positive end of the RAS+ axes

ORIENTATIONS: tuple[str, ...] = tuple(
    "".join(_CODES[axis][end] for axis, end in zip(axes, ends))
    for axes in permutations(range(3))
    for ends in product(range(2), repeat=3)
)
"""The 48 three-letter codes; each letter names the side that its index axis points to."""


def lps_from_ras(affine: Affine) -> Affine:
    """The same index map with its outputs in LPS (or, the map being its own inverse, RAS from LPS)."""
    return np.asarray(_LPS_RAS @ affine, dtype=np.float64)


ras_from_lps = lps_from_ras


def lps_point(point_mm: Array) -> Array:
    """A point in RAS+ mm -> LPS mm, or back."""
    return np.asarray(point_mm * np.array([-1.0, -1.0, 1.0]))


@dataclass(frozen=True)
class Reorientation:
    """A lossless reordering of the voxel axes, with its exact inverse.

    Attributes:
        source_axis: for each axis of the result, the axis of the input that it comes from.
        flip: for each axis of the result, whether it runs against that input axis.
    """

    source_axis: tuple[int, int, int]
    flip: tuple[bool, bool, bool]

    def apply(self, array: Array) -> Array:
        """Reorder the last three axes of `array`; leading axes (channels) stay."""
        lead = array.ndim - 3
        moved = array.transpose(*range(lead), *(lead + axis for axis in self.source_axis))
        steps = tuple(slice(None, None, -1 if flipped else 1) for flipped in self.flip)
        return np.ascontiguousarray(moved[..., steps[0], steps[1], steps[2]])

    def inverse(self) -> Reorientation:
        """The reordering that undoes this one to the bit."""
        source, flip = [0, 0, 0], [False, False, False]
        for result_axis, axis in enumerate(self.source_axis):
            source[axis], flip[axis] = result_axis, self.flip[result_axis]
        return Reorientation((source[0], source[1], source[2]), (flip[0], flip[1], flip[2]))

    def index_map(self, shape: Sequence[int]) -> Affine:
        """4 x 4 map from indices of the result to indices of an input of this `shape`."""
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1.0
        for result_axis, axis in enumerate(self.source_axis):
            matrix[axis, result_axis] = -1.0 if self.flip[result_axis] else 1.0
            matrix[axis, 3] = shape[axis] - 1.0 if self.flip[result_axis] else 0.0
        return matrix


@dataclass(frozen=True, eq=False)
class Grid:
    """A block of voxels in the patient: its shape and its affine.

    Attributes:
        shape: number of voxels along the index axes (i, j, k).
        affine: 4 x 4, float64, index -> RAS+ mm. Kept read-only.

    Raises:
        ValueError: the shape is empty, or the affine is not finite, not affine, or singular.
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        shape = tuple(int(size) for size in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"a grid has three positive sizes, not {self.shape}")
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise ValueError("the affine is not a finite 4 x 4 matrix")
        if not np.array_equal(affine[3], [0, 0, 0, 1]):
            raise ValueError(f"the affine's last row is {affine[3].tolist()}, not 0 0 0 1")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() <= 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
            raise ValueError("the affine is singular: its axes do not span space")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes()))

    @classmethod
    def from_parts(
        cls,
        shape: Sequence[int],
        spacing_mm: Sequence[float],
        origin_mm: Sequence[float] = (0.0, 0.0, 0.0),
        directions: Array | None = None,
    ) -> Grid:
        """A grid from its spacing, the RAS+ position of voxel (0, 0, 0), and unit axes as columns."""
        affine = np.eye(4)
        affine[:3, :3] = (np.eye(3) if directions is None else directions) * np.asarray(spacing_mm)
        affine[:3, 3] = origin_mm
        return cls((shape[0], shape[1], shape[2]), affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along each index axis."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def directions(self) -> Affine:
        """3 x 3: unit vectors of the index axes in RAS+, as columns."""
        return np.asarray(self.affine[:3, :3] / np.asarray(self.spacing_mm), dtype=np.float64)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel; exact for sheared grids too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def shear(self) -> float:
        """Largest |cosine| between two index axes: 0 where they are perpendicular."""
        cosines = self.directions.T @ self.directions
        return float(np.abs(cosines - np.eye(3)).max())

    @property
    def orientation(self) -> str:
        """Three letters: the side of the patient that each index axis points to, as 'RAS' or 'LPI'."""
        return "".join(nib.aff2axcodes(self.affine))

    def points_mm(self, indices: Array) -> Array:
        """RAS+ positions, (..., 3), of voxel indices, (..., 3), which may be fractional."""
        return np.asarray(indices @ self.affine[:3, :3].T + self.affine[:3, 3])

    def corners_mm(self) -> Array:
        """(8, 3): outer corners of the block, half a voxel beyond the outermost centres."""
        ends = [(-0.5, size - 0.5) for size in self.shape]
        return self.points_mm(np.array(list(product(*ends))))

    def corner_displacement_mm(self, other: Grid) -> float:
        """Largest distance between corresponding corners; infinite where the shapes differ."""
        if self.shape != other.shape:
            return float("inf")
        return float(np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1).max())

    def reorientation_to(self, code: str = "RAS") -> Reorientation:
        """The reordering of this grid's axes after which `orientation` is `code`."""
        if code not in ORIENTATIONS:
            raise ValueError(f"{code!r} is none of the 48 orientation codes")
        own = nib.io_orientation(self.affine)
        wanted = nib.orientations.axcodes2ornt(code)
        change = nib.orientations.ornt_transform(own, wanted)  # one row per axis of the input
        source, flip = [0, 0, 0], [False, False, False]
        for axis, (result_axis, sign) in enumerate(change):
            source[int(result_axis)], flip[int(result_axis)] = axis, bool(sign < 0)
        return Reorientation((source[0], source[1], source[2]), (flip[0], flip[1], flip[2]))

    def reorient(self, change: Reorientation) -> Grid:
        """The grid of the array that `change.apply` returns: the same voxels at the same positions."""
        sizes = [self.shape[axis] for axis in change.source_axis]
        return Grid((sizes[0], sizes[1], sizes[2]), self.affine @ change.index_map(self.shape))

    def with_spacing(self, spacing_mm: Sequence[float]) -> Grid:
        """The grid over the same block at another spacing, aligned with the edges of the block.

        Sizes are rounded to whole voxels, at least 1 (a half is rounded down, so that every voxel centre stays in the
        block); the first corner of the block is kept.
        """
        ratio = np.asarray(spacing_mm, dtype=np.float64) / np.asarray(self.spacing_mm)
        sizes = [max(1, int(np.ceil(size / r - 0.5))) for size, r in zip(self.shape, ratio)]
        scale = np.diag([*ratio, 1.0])
        scale[:3, 3] = 0.5 * (ratio - 1.0)
        return Grid((sizes[0], sizes[1], sizes[2]), self.affine @ scale)

    def indices_of(self, other: Grid) -> Affine:
        """4 x 4 map from voxel indices of `other` to (fractional) voxel indices of this grid."""
        return np.asarray(np.linalg.solve(self.affine, other.affine), dtype=np.float64)

    def as_dict(self) -> dict[str, Any]:
        """Shape and affine as plain lists, exact in JSON."""
        return {"shape": list(self.shape), "affine": self.affine.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Grid:
        """The grid that `as_dict` wrote."""
        i, j, k = values["shape"]
        return cls((i, j, k), np.array(values["affine"], dtype=np.float64))

    def __str__(self) -> str:
        """Shape, spacing, orientation and position of the first voxel, for messages."""
        shape = " x ".join(str(size) for size in self.shape)
        spacing = " x ".join(f"{step:.4g}" for step in self.spacing_mm)
        origin = ", ".join(f"{place:.1f}" for place in self.affine[:3, 3])
        return f"{shape} voxels of {spacing} mm, {self.orientation}, first at ({origin}) mm RAS+"


def dicom_grid(
    shape: Sequence[int],
    row_cosine: Array,
    column_cosine: Array,
    first_mm: Array,
    last_mm: Array,
    row_spacing_mm: float,
    column_spacing_mm: float,
) -> Grid:
    """The grid of a stack of DICOM slices in order along their normal (C.7.6.2.1.1).

    Args:
        shape: (columns, rows, slices).
        row_cosine, column_cosine: ImageOrientationPatient; the row cosine is the direction along a row,
            in which the column index i grows.
        first_mm, last_mm: ImagePositionPatient of the first and last slice, LPS. The slice axis is taken
            from them, so that a sheared stack stays exact.
        row_spacing_mm, column_spacing_mm: PixelSpacing, in its order: distance between rows, then columns.
    """
    steps = int(shape[2]) - 1
    apart = np.asarray(last_mm) - np.asarray(first_mm)
    affine = np.eye(4)
    affine[:3, 0] = np.asarray(row_cosine) * column_spacing_mm
    affine[:3, 1] = np.asarray(column_cosine) * row_spacing_mm
    affine[:3, 2] = apart / steps if steps else np.cross(row_cosine, column_cosine)
    affine[:3, 3] = first_mm
    return Grid((shape[0], shape[1], shape[2]), ras_from_lps(affine))


def grid_from_itk(
    size: Sequence[int], spacing_mm: Sequence[float], origin_mm: Sequence[float], direction: Sequence[float]
) -> Grid:
    """The grid of an ITK image.

    Args:
        size: voxels (x, y, z).
        spacing_mm: distance of neighbouring voxels along each index axis.
        origin_mm: centre of voxel (0, 0, 0), LPS.
        direction: 3 x 3, row by row; its columns are the unit vectors of the index axes, LPS.
    """
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(direction, (3, 3)) * np.asarray(spacing_mm)
    affine[:3, 3] = origin_mm
    return Grid((size[0], size[1], size[2]), ras_from_lps(affine))


def volume_from_frames(frames: Sequence[Array] | Array) -> Array:
    """Frames, each (rows, columns) as pixel data lie in a DICOM file -> array (columns, rows, frames).

    A block (frames, rows, columns) is transposed without a copy.
    """
    block = frames if isinstance(frames, np.ndarray) else np.stack(list(frames))
    return np.asarray(block.T)


def frames_from_volume(volume: Array) -> list[Array]:
    """Array (columns, rows, frames) -> its frames, each (rows, columns): undoes `volume_from_frames`."""
    return [np.ascontiguousarray(volume[:, :, k].T) for k in range(volume.shape[2])]


def orthogonal_grid(grid: Grid) -> Grid:
    """An orthogonal grid that covers a sheared stack; slice planes, pixel size and slice distance are kept.

    The slice axis becomes the normal of the planes; the planes are enlarged by whole pixels until every slice of
    the sheared stack fits.
    """
    row, column, lean = grid.affine[:3, :3].T
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    upright = (lean @ normal) * normal
    in_plane = np.stack([row, column], axis=1)
    drift, *_ = np.linalg.lstsq(in_plane, lean - upright, rcond=None)  # pixels per slice
    total = drift * (grid.shape[2] - 1)
    before = np.ceil(np.maximum(-total, 0) - 1e-6)
    after = np.ceil(np.maximum(total, 0) - 1e-6)
    affine = np.array(grid.affine)
    affine[:3, 2] = upright
    affine[:3, 3] -= in_plane @ before
    i, j = (int(size + b + a) for size, b, a in zip(grid.shape, before, after))
    return Grid((i, j, grid.shape[2]), affine)


def resample_voxels(voxels: Array, grid: Grid, target: Grid, outside: float) -> Array:
    """Voxels resampled onto another grid by linear interpolation, float32; `outside` beyond the outermost centres."""
    matrix = grid.indices_of(target)
    return np.asarray(
        ndimage.affine_transform(
            np.asarray(voxels, np.float32),
            matrix[:3, :3],
            matrix[:3, 3],
            target.shape,
            order=1,
            mode="constant",
            cval=outside,
        )
    )


def flip_axes(array: Any, axes: Sequence[int]) -> Any:
    """An array or tensor flipped along some of its last three axes (0, 1, 2); flipping again restores it."""
    dims = tuple(axis - 3 for axis in axes)
    if isinstance(array, np.ndarray):
        return np.ascontiguousarray(np.flip(array, dims))
    return array.flip(dims)


def flip_index(index: Array, size: int) -> Array:
    """Indices along an axis of `size` voxels after the axis was flipped."""
    return size - 1 - index


def permute_axes(array: Any, order: Sequence[int]) -> Any:
    """An array or tensor with its last three axes permuted: axis i is the former axis `order[i]`.

    Nothing is flipped. (2, 1, 0) turns the (z, y, x) of ITK's arrays into (x, y, z), and back.
    """
    lead = array.ndim - 3
    axes = (*range(lead), *(lead + axis for axis in order))
    if isinstance(array, np.ndarray):
        return np.ascontiguousarray(array.transpose(axes))
    return array.permute(axes).contiguous()


def apply_along_axes(volume: Any, matrices: Sequence[Any]) -> Any:
    """A matrix (out, in) applied along each of the last three axes of an array or tensor (n, x, y, z)."""
    first, second, third = matrices
    n, x, y, z = len(volume), first.shape[0], second.shape[0], third.shape[0]
    inner = second @ (volume @ third.T)
    return (first @ inner.reshape(n, volume.shape[1], y * z)).reshape(n, x, y, z)


def picture_plane(volume: Array, axis: int, index: int) -> Array:
    """The plane of an array in RAS+ order at `index` of `axis`, as a picture: rows run upwards, columns across.

    Across x: columns run to anterior, rows to superior. Across y: to right, to superior. Across z: to
    right, to anterior. The caller decides which side is drawn on the left.
    """
    return np.asarray(np.take(volume, index, axis).T)


def to_display(plane: Array, *, flip_columns: bool = False) -> Array:
    """A picture plane with its rows from top to bottom, as screens have them.

    Args:
        flip_columns: let the columns run from right to left.
    """
    return np.ascontiguousarray(plane[::-1, ::-1] if flip_columns else plane[::-1])
