"""NIfTI in and out: voxels, their grid, and the header that keeps a grid to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid
from gnomon.io.artifacts import atomic_replacement
from gnomon.rules.catalogue.images import (
    CONFLICTING_AFFINES,
    IMPOSSIBLE_AFFINE,
    NO_ORIENTATION,
    NOT_FINITE,
    NOT_INTEGER_LABELS,
    NOT_THREE_DIMENSIONAL,
    UNREADABLE_NIFTI,
)
from gnomon.rules.finding import Refusal

SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """A 3D image: voxels (x, y, z), their grid (RAS+ mm) and the header they came with."""

    voxels: NDArray[Any]
    grid: Grid
    header: nib.Nifti1Header

    def __reduce__(self) -> tuple[Any, ...]:
        header = self.header.binaryblock
        return _rebuilt, (self.voxels, self.grid.shape, np.array(self.grid.affine), header)


def _rebuilt(voxels: NDArray[Any], shape: tuple[int, int, int], affine: Any, header: bytes) -> NiftiImage:
    return NiftiImage(voxels, Grid(shape, affine), nib.Nifti1Header(header))


def stem(path: Path) -> str:
    """A NIfTI file's name without `.nii` or `.nii.gz`."""
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def images_in(folder: Path) -> dict[str, Path]:
    """The folder's NIfTI files by stem, sorted; hidden files are not images."""
    files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES) and path.name[0] != ".")
    return {stem(path): path for path in files}


def read_grid(path: Path) -> Grid:
    """The grid of a NIfTI file, from its header alone. Raises Refusal as `read_image` does."""
    return _grid(_open(path), path)


def read_image(path: Path) -> NiftiImage:
    """Read an image in real-world values (scl_slope and scl_inter applied), as float32.

    Raises:
        Refusal: unreadable or truncated (NII101), not 3D (NII102), no stated orientation (NII103), sform
            and qform that disagree (NII104), an impossible affine (NII105), or voxels that are not
            finite (NII106).
    """
    image = _open(path)
    grid = _grid(image, path)
    voxels = np.asarray(_voxels(image, path), dtype=np.float32).reshape(grid.shape)
    if bad := int(np.count_nonzero(~np.isfinite(voxels))):
        raise NOT_FINITE.refusal(path.name, found=f"{bad} voxels that are NaN or infinite")
    return NiftiImage(voxels, grid, image.header.copy())


def read_label(path: Path) -> NiftiImage:
    """Read a label image as whole numbers (uint16). Raises Refusal as `read_image`, or NII107."""
    image = read_image(path)
    voxels = image.voxels
    if voxels.min() < 0 or voxels.max() > 65535 or not np.array_equal(voxels, np.rint(voxels)):
        raise NOT_INTEGER_LABELS.refusal(
            path.name,
            found=f"values from {voxels.min():g} to {voxels.max():g}, some negative, fractional or above 65535",
        )
    return NiftiImage(voxels.astype(np.uint16), image.grid, image.header)


def write_image(path: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write voxels on a grid, sform and qform set where both can hold it."""
    image = nib.Nifti1Image(voxels, np.array(grid.affine))
    image.header.set_xyzt_units("mm")
    image.set_sform(np.array(grid.affine), code=1)
    if grid.shear < 1e-6:
        image.set_qform(np.array(grid.affine), code=1)
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


def write_shares(path: Path, shares: NDArray[np.float32], header: nib.Nifti1Header) -> None:
    """Write values from 0 to 1 under another image's header, in 16 bits with a slope."""
    header = header.copy()
    header.set_data_dtype(np.uint16)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b""
    with atomic_replacement(path) as temporary:
        nib.save(nib.Nifti1Image(shares.clip(0, 1), None, header), temporary)


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
