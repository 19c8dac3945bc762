"""Images that are needed several times and parsed once: in between, their voxels lie uncompressed on disk."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from gnomon.core.geometry import Grid
from gnomon.core.provenance import sha256_of_values
from gnomon.io.artifacts import atomic_replacement, map_array, read_json, remove, write_array, write_json
from gnomon.io.images.image import Image
from gnomon.io.images.nifti import smallest_type
from gnomon.io.images.reading import read_image, read_label

_NIFTI_1_BYTES = 348


@dataclass(frozen=True)
class ImageSpool:
    """A folder of parsed images, known by path, size and time of their files.

    Whoever needs an image last removes it. What a killed process leaves is used by the next one.
    """

    folder: Path

    def read_image(self, path: Path) -> Image:
        """As `read_image`, which is called once for each file."""
        return self._read(path, "image", read_image)

    def read_label(self, path: Path) -> Image:
        """As `read_label`, which is called once for each file."""
        return self._read(path, "label", read_label)

    def remove(self, path: Path) -> None:
        """Remove an image that nobody needs any more."""
        for kind in ("image", "label"):
            remove(self._place(path, kind))

    def _read(self, path: Path, kind: str, read: Callable[[Path], Image]) -> Image:
        if not path.is_file():
            return read(path)  # refuses
        place = self._place(path, kind)
        if not (place / "image.json").is_file():
            image = read(path)
            with atomic_replacement(place) as temporary:
                temporary.mkdir(parents=True)
                stored = smallest_type(image.voxels) if kind == "image" else image.voxels
                write_array(temporary / "voxels.npy", stored)
                text = base64.b64encode(image.header.binaryblock).decode()
                write_json(temporary / "image.json", {"grid": image.grid.as_dict(), "header": text})
            return image
        facts = read_json(place / "image.json", "the spool of images")
        block = base64.b64decode(facts["header"])
        header = nib.Nifti1Header(block) if len(block) == _NIFTI_1_BYTES else nib.Nifti2Header(block)
        dtype = np.float32 if kind == "image" else np.uint16
        voxels = map_array(place / "voxels.npy").astype(dtype, order="F")  # as NIfTI has it: sums keep their order
        return Image(voxels, Grid.from_dict(facts["grid"]), header)

    def _place(self, path: Path, kind: str) -> Path:
        status = path.stat()
        key = sha256_of_values([str(path.resolve()), status.st_size, status.st_mtime_ns, kind])
        return self.folder / key[:32]
