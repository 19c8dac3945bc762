"""NIfTI in and out: voxels, their grid, and the header that keeps a grid to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid
from gnomon.io.artifacts import replacing
from gnomon.rules.finding import Refusal, refuse

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
        raise refuse(
            rule="NII106",
            where=path.name,
            found=f"{bad} voxels that are NaN or infinite",
            expected="finite values",
            remedy="Find the tool that wrote them; a value must be chosen by someone who knows what is missing.",
        )
    return NiftiImage(voxels, grid, image.header.copy())


def read_label(path: Path) -> NiftiImage:
    """Read a label image as whole numbers (uint16). Raises Refusal as `read_image`, or NII107."""
    image = read_image(path)
    voxels = image.voxels
    if voxels.min() < 0 or voxels.max() > 65535 or not np.array_equal(voxels, np.rint(voxels)):
        raise refuse(
            rule="NII107",
            where=path.name,
            found=f"label values from {voxels.min():g} to {voxels.max():g}, some not whole",
            expected="whole numbers in 0..65535",
            remedy="Export the label map as integers, without interpolation.",
        )
    return NiftiImage(voxels.astype(np.uint16), image.grid, image.header)


def write_image(path: Path, voxels: NDArray[Any], grid: Grid) -> None:
    """Write voxels on a grid, sform and qform set where both can hold it."""
    image = nib.Nifti1Image(voxels, np.array(grid.affine))
    image.header.set_xyzt_units("mm")
    image.set_sform(np.array(grid.affine), code=1)
    if grid.shear < 1e-6:
        image.set_qform(np.array(grid.affine), code=1)
    with replacing(path) as temporary:
        nib.save(image, temporary)


def write_like(path: Path, voxels: NDArray[Any], header: nib.Nifti1Header) -> None:
    """Write voxels under another image's header, so that its affine is kept bit for bit."""
    header = header.copy()
    header.set_data_dtype(voxels.dtype)
    header.set_slope_inter(1.0, 0.0)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b""
    with replacing(path) as temporary:
        nib.save(nib.Nifti1Image(voxels, None, header), temporary)


def write_shares(path: Path, shares: NDArray[np.float32], header: nib.Nifti1Header) -> None:
    """Write values from 0 to 1 under another image's header, in 16 bits with a slope."""
    header = header.copy()
    header.set_data_dtype(np.uint16)
    header["cal_min"] = header["cal_max"] = 0.0
    header["descrip"] = b""
    with replacing(path) as temporary:
        nib.save(nib.Nifti1Image(shares.clip(0, 1), None, header), temporary)


def _open(path: Path) -> nib.Nifti1Image:
    try:
        image = nib.load(path)
    except FileNotFoundError:
        raise refuse(
            rule="NII101",
            where=str(path),
            found="no such file",
            expected="a NIfTI image",
            remedy="Check the path.",
        ) from None
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
    return refuse(
        rule="NII101",
        where=path.name,
        found=f"a file that cannot be read as NIfTI ({type(error).__name__}: {error})",
        expected="a whole .nii or .nii.gz file",
        remedy="Copy or export the file again.",
    )


def _grid(image: nib.Nifti1Image, path: Path) -> Grid:
    shape = image.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise refuse(
            rule="NII102",
            where=path.name,
            found=f"an image of shape {image.shape}",
            expected="three dimensions",
            remedy="Store one volume a file; split time points or channels first.",
        )
    header = image.header
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        raise refuse(
            rule="NII103",
            where=path.name,
            found="no orientation: sform_code and qform_code are both 0",
            expected="a header that says where the voxels lie in the patient",
            remedy="Convert the image again from its DICOM series; left and right cannot be told from this file.",
        )
    if int(header["sform_code"]) == 0 and not _stated_spacing(image, path):
        raise refuse(
            rule="NII105",
            where=path.name,
            found="an impossible header: a spacing of 0 or less",
            expected="distances between voxels in mm",
            remedy="Convert the image again from its source.",
        )
    try:
        grid = Grid((shape[0], shape[1], shape[2]), np.asarray(image.affine, dtype=np.float64))
        quaternion = Grid(grid.shape, header.get_qform()) if int(header["qform_code"]) else grid
    except ValueError as error:
        raise refuse(
            rule="NII105",
            where=path.name,
            found=f"an impossible header: {error}",
            expected="an affine that spans space",
            remedy="Convert the image again from its source.",
        ) from None
    apart_mm = grid.corner_displacement_mm(quaternion)
    if apart_mm > 0.1 * min(grid.spacing_mm) and grid.shear < 1e-3:
        raise refuse(
            rule="NII104",
            where=path.name,
            found=f"sform and qform that place a corner {apart_mm:.3g} mm apart",
            expected=f"at most {0.1 * min(grid.spacing_mm):.3g} mm",
            remedy="Decide which of the two is right and set both to it.",
        )
    return grid
