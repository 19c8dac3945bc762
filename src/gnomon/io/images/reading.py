"""Read an image of any format: the reader is chosen by the file's ending.

Readers of other packages are found through entry points in the group `gnomon.readers`, each a `Reader`; an ending
that is read here stays with the reader here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.extensions import load_group
from gnomon.core.geometry import Grid
from gnomon.io.images.image import Image
from gnomon.io.images.itk import METAIMAGE, NRRD
from gnomon.io.images.nifti import NIFTI
from gnomon.io.images.reader import Reader
from gnomon.rules.catalogue.images import NOT_FINITE, NOT_INTEGER_LABELS, UNREADABLE_NIFTI

_BUILT_IN = {"nifti": NIFTI, "nrrd": NRRD, "metaimage": METAIMAGE}


def read_grid(path: Path) -> Grid:
    """The grid (RAS+ mm) of an image file, from its header alone. Raises Refusal as `read_image` does."""
    return _reader_of(path).read_grid(path)


def read_image(path: Path) -> Image:
    """Read an image in the unit it was measured in, as float32.

    Raises:
        Refusal: unreadable, truncated or of an unknown format (NII101), not 3D (NII102), no stated orientation
            (NII103), sform and qform that disagree (NII104), an impossible affine (NII105), or voxels that are not
            finite (NII106).
    """
    image = _reader_of(path).read(path)
    if image.voxels.dtype.kind not in "biuf":
        raise UNREADABLE_NIFTI.refusal(
            path.name, found=f"voxels of type {image.voxels.dtype}", expected="one real number per voxel"
        )
    voxels = np.asarray(image.voxels, dtype=np.float32)
    if bad := int(np.count_nonzero(~np.isfinite(voxels))):
        raise NOT_FINITE.refusal(path.name, found=f"{bad} voxels that are NaN or infinite")
    return Image(voxels, image.grid, image.header)


def read_label(path: Path) -> Image:
    """Read a label map as whole numbers (uint16). Raises Refusal as `read_image`, or NII107."""
    image = read_image(path)
    voxels = image.voxels
    if voxels.min() < 0 or voxels.max() > 65535 or not np.array_equal(voxels, np.rint(voxels)):
        raise NOT_INTEGER_LABELS.refusal(
            path.name,
            found=f"values from {voxels.min():g} to {voxels.max():g}, some negative, fractional or above 65535",
        )
    return Image(voxels.astype(np.uint16), image.grid, image.header)


def images_in_folder(folder: Path) -> dict[str, Path]:
    """The image files of a folder by name without ending, sorted; hidden files are not images.

    Of files that differ in their ending alone, the NIfTI file is taken.
    """
    files = sorted((path for path in folder.iterdir() if path.name[0] != "."), reverse=True)
    found: dict[str, Path] = {}
    for reader in _readers():
        mine = {image_stem(path): path for path in files if path.name.endswith(reader.endings)}
        found = {**mine, **found}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def image_stem(path: Path) -> str:
    """The name of an image file without its ending, as `case` of `case.nii.gz`."""
    endings = [ending for reader in _readers() for ending in reader.endings if path.name.endswith(ending)]
    return path.name.removesuffix(max(endings, key=len)) if endings else path.stem


def _reader_of(path: Path) -> Reader:
    for reader in _readers():
        if path.name.endswith(reader.endings):
            return reader
    known = ", ".join(ending for reader in _readers() for ending in reader.endings)
    raise UNREADABLE_NIFTI.refusal(path.name, found="a file ending that no reader takes", expected=f"one of {known}")


def _readers() -> Iterator[Reader]:
    """The readers here, then those of other packages; one that cannot be loaded is reported by `gnomon doctor`."""
    yield from _BUILT_IN.values()
    usable, _ = load_group("readers", _is_reader, "a gnomon.io.images.Reader", _BUILT_IN)
    yield from usable.values()


def _is_reader(candidate: Any) -> bool:
    return isinstance(candidate, Reader)
