"""What a file format has to provide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gnomon.core.geometry import Grid
from gnomon.io.images.image import Image


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A file format: how its files end, and how they are read.

    Attributes:
        endings: file endings with their dot, in lower case, as `.nii.gz`.
        read_grid: path -> grid in RAS+ mm, from the header alone.
        read: path -> image in the unit it was measured in; any real type. Both raise Refusal for a file that they
            cannot place in the patient: no orientation, not three-dimensional, unreadable.
    """

    endings: tuple[str, ...]
    read_grid: Callable[[Path], Grid]
    read: Callable[[Path], Image]
