"""An image: voxels, their grid, and the header under which a result on that grid is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid


@dataclass(frozen=True, eq=False)
class Image:
    """A 3D image.

    Attributes:
        voxels: (x, y, z), in the order of the file's axes.
        grid: where the voxels lie, RAS+ mm.
        header: NIfTI header of the file, or made from the grid where the file is none; it keeps the affine of a NIfTI
            file to the bit.
    """

    voxels: NDArray[Any]
    grid: Grid
    header: nib.Nifti1Header

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes; a header is sent as its bytes."""
        return _rebuild, (self.voxels, self.grid.shape, np.array(self.grid.affine), self.header.binaryblock)


def _rebuild(voxels: NDArray[Any], shape: tuple[int, int, int], affine: Any, header: bytes) -> Image:
    return Image(voxels, Grid(shape, affine), nib.Nifti1Header(header))
