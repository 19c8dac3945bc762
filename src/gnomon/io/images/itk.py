"""NRRD and MetaImage (MHA, MHD), decoded by SimpleITK.

ITK assumes the identity for a file that states no directions, and LPS for a frame that it does not know. So the
header is read here too: what it does not say is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnomon.core.geometry import Grid, grid_from_itk, permute_axes
from gnomon.io.images.image import Image
from gnomon.io.images.nifti import header_from_grid
from gnomon.io.images.reader import Reader
from gnomon.rules.catalogue.images import (
    IMPOSSIBLE_AFFINE,
    NO_ORIENTATION,
    NOT_THREE_DIMENSIONAL,
    UNREADABLE_NIFTI,
)
from gnomon.rules.finding import Refusal

_HEADER_BYTES = 1 << 16
_NRRD_SPACES = {
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
    "left-posterior-superior",
    "lps",
}


def _read_nrrd_grid(path: Path) -> Grid:
    return _grid(_open(path, "NrrdImageIO"), path, _nrrd_problem(_header(path, ":", "")))


def _read_nrrd(path: Path) -> Image:
    return _read(path, "NrrdImageIO", _read_nrrd_grid(path))


def _read_metaimage_grid(path: Path) -> Grid:
    return _grid(_open(path, "MetaImageIO"), path, _metaimage_problem(_header(path, "=", "elementdatafile")))


def _read_metaimage(path: Path) -> Image:
    return _read(path, "MetaImageIO", _read_metaimage_grid(path))


NRRD = Reader(endings=(".nrrd", ".nhdr"), read_grid=_read_nrrd_grid, read=_read_nrrd)
METAIMAGE = Reader(endings=(".mha", ".mhd"), read_grid=_read_metaimage_grid, read=_read_metaimage)


def _read(path: Path, image_io: str, grid: Grid) -> Image:
    import SimpleITK  # here, because few commands meet such files

    try:
        voxels = SimpleITK.GetArrayFromImage(_open(path, image_io).Execute())  # (z, y, x)
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    return Image(permute_axes(voxels, (2, 1, 0)), grid, header_from_grid(grid))


def _open(path: Path, image_io: str) -> Any:
    """ITK's reader of a file with its header read; `image_io` keeps other formats from being tried."""
    import SimpleITK

    if not path.is_file():
        raise UNREADABLE_NIFTI.refusal(str(path), found="no such file", expected="an image file")
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, error) from None
    return reader


def _grid(reader: Any, path: Path, problem: str) -> Grid:
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) != 3 or components != 1:
        several = f" of {components} components" if components != 1 else ""
        raise NOT_THREE_DIMENSIONAL.refusal(path.name, found=f"an image of shape {tuple(size)}{several}")
    if problem:
        raise NO_ORIENTATION.refusal(
            path.name, found=problem, expected="a header that places the voxels in the patient, in mm"
        )
    try:
        return grid_from_itk(size, reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection())
    except ValueError as error:
        raise IMPOSSIBLE_AFFINE.refusal(path.name, found=str(error)) from None


def _nrrd_problem(header: Mapping[str, str]) -> str:
    """Why a NRRD header does not place its voxels in the patient; empty where it does."""
    if "space directions" not in header:
        return "no `space directions`"
    if (space := header.get("space", "").lower()) not in _NRRD_SPACES:
        return f"space {space!r}" if space else "no `space`"
    units = {unit.strip('"') for unit in header.get("space units", "").split()}
    return f"space units {', '.join(sorted(units))}" if units - {"mm"} else ""


def _metaimage_problem(header: Mapping[str, str]) -> str:
    """Why a MetaImage header does not place its voxels in the patient; empty where it does."""
    return "" if {"transformmatrix", "orientation", "rotation"} & set(header) else "no TransformMatrix"


def _header(path: Path, separator: str, last: str) -> dict[str, str]:
    """Fields of a text header by name in lower case, up to the field `last`, or where that is empty to a blank line."""
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        lines = stream.read(_HEADER_BYTES).decode("latin-1").splitlines()
    fields: dict[str, str] = {}
    for line in lines:
        name, found, value = line.partition(separator)
        if found and not line.startswith("#"):
            fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == last:
            break
    return fields


def _unreadable(path: Path, error: Exception) -> Refusal:
    reason = str(error).strip().splitlines()[-1]
    return UNREADABLE_NIFTI.refusal(
        path.name, found=f"a file that cannot be read ({reason})", expected=f"a complete {path.suffix} file"
    )
