"""NIfTI, read and written by nibabel; a header keeps its affine to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid
from gnomon.io.artifacts import atomic_replacement
from gnomon.io.images.image import Image
from gnomon.io.images.reader import Reader
from gnomon.rules.catalogue.images import (
    CONFLICTING_AFFINES,
    IMPOSSIBLE_AFFINE,
    NO_ORIENTATION,
    NOT_THREE_DIMENSIONAL,
    UNREADABLE_NIFTI,
)
from gnomon.rules.finding import Refusal

NIFTI_ENDINGS = (".nii.gz", ".nii")


def _read_grid(path: Path) -> Grid:
    return _grid(_open(path), path)


def _read(path: Path) -> Image:
    """Real-world values: scl_slope and scl_inter are applied."""
    image = _open(path)
    grid = _grid(image, path)
    return Image(_voxels(image, path).reshape(grid.shape), grid, image.header.copy())


NIFTI = Reader(endings=NIFTI_ENDINGS, read_grid=_read_grid, read=_read)


def header_from_grid(grid: Grid) -> nib.Nifti1Header:
    """A header with the grid in its sform, and in its qform where the grid is not sheared."""
    image = nib.Nifti1Image(np.zeros(grid.shape, np.uint8), np.array(grid.affine))
    return _with_affine(image, grid).header


def smallest_type(voxels: NDArray[np.float32]) -> NDArray[Any]:
    """The same numbers as int16 where every one of them is a whole number that fits: half the bytes, nothing lost."""
    if voxels.min() >= -32768 and voxels.max() <= 32767:
        whole = voxels.astype(np.int16)
        if np.array_equal(whole, voxels):
            return whole
    return voxels


def write_image(path: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write voxels on a grid, sform and qform set where both can hold it."""
    image = _with_affine(nib.Nifti1Image(voxels, np.array(grid.affine)), grid)
    with atomic_replacement(path) as temporary:
        nib.save(image, temporary)


def write_like(path: Path, voxels: NDArray[Any], header: nib.Nifti1Header) -> None:
    """Write voxels under another image's header, so that its affine is kept bit for bit."""
    header = header.copy()
    header.set_data_dtype(voxels.dtype)
    header.set_slope_inter(1.0, 0.0)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b""
    with atomic_replacement(path) as temporary:
        nib.save(nib.Nifti1Image(voxels, None, header), temporary)


def write_probabilities(path: Path, probabilities: NDArray[np.float32], header: nib.Nifti1Header) -> None:
    """Write probabilities (x, y, z) under another image's header, in 16 bits with a slope."""
    header = header.copy()
    header.set_data_dtype(np.uint16)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b""
    with atomic_replacement(path) as temporary:
        nib.save(nib.Nifti1Image(probabilities.clip(0, 1), None, header), temporary)


def _with_affine(image: nib.Nifti1Image, grid: Grid) -> nib.Nifti1Image:
    image.header.set_xyzt_units("mm")
    image.set_sform(np.array(grid.affine), code=1)
    if grid.shear < 1e-6:
        image.set_qform(np.array(grid.affine), code=1)
    return image


def _open(path: Path) -> nib.Nifti1Image:
    try:
        image = nib.load(path)
    except FileNotFoundError:
        raise UNREADABLE_NIFTI.refusal(str(path), found="no such file") from None
    except Exception as error:
        raise _unreadable(path, error) from None
    if not isinstance(image, nib.Nifti1Image):
        raise _unreadable(path, ValueError(f"a {type(image).__name__}"))
    return image


def _stated_spacing(image: nib.Nifti1Image, path: Path) -> bool:
    """Whether the file itself states a spacing; nibabel puts 1 mm in place of 0 when it reads a header."""
    with nib.openers.ImageOpener(str(path)) as stream:
        raw = type(image.header).from_fileobj(stream, check=False)
    return bool((np.asarray(raw["pixdim"][1:4]) > 0).all())


def _voxels(image: nib.Nifti1Image, path: Path) -> NDArray[Any]:
    try:
        return np.asanyarray(image.dataobj)
    except Exception as error:  # zlib, gzip, OSError and ValueError all mean the same here
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> Refusal:
    return UNREADABLE_NIFTI.refusal(
        path.name, found=f"a file that cannot be read as NIfTI ({type(error).__name__}: {error})"
    )


def _grid(image: nib.Nifti1Image, path: Path) -> Grid:
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise NOT_THREE_DIMENSIONAL.refusal(path.name, found=f"an image of shape {image.shape}")
    header = image.header
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        raise NO_ORIENTATION.refusal(path.name, found="sform_code 0 and qform_code 0")
    if int(header["sform_code"]) == 0 and not _stated_spacing(image, path):
        raise IMPOSSIBLE_AFFINE.refusal(path.name, found="a spacing of 0 or less")
    try:
        grid = Grid((shape[0], shape[1], shape[2]), np.asarray(image.affine, dtype=np.float64))
        quaternion = Grid(grid.shape, header.get_qform()) if int(header["qform_code"]) else grid
    except ValueError as error:
        raise IMPOSSIBLE_AFFINE.refusal(path.name, found=str(error)) from None
    apart_mm = grid.corner_displacement_mm(quaternion)
    if apart_mm > 0.1 * min(grid.spacing_mm) and grid.shear < 1e-3:
        raise CONFLICTING_AFFINES.refusal(
            path.name,
            found=f"an sform and a qform that place a corner {apart_mm:.3g} mm apart",
            expected=f"at most {0.1 * min(grid.spacing_mm):.3g} mm",
        )
    return grid
