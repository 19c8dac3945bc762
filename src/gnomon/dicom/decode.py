"""The one decode of a volume: its frames in a block of real-world values, with padding, findings and a hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.dicom.index import Source
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.volumes import Slice
from gnomon.rules.catalogue.values import NOT_FINITE
from gnomon.rules.finding import Finding


@dataclass(frozen=True, eq=False)
class DecodedVolume:
    """The pixels of a volume, decoded.

    Attributes:
        slices: what the planes come from, in order.
        voxels: (slices, rows, columns), real-world values in float32.
        padding: mask of the same shape, or None.
        findings: what decoding showed beyond the headers, by rule.
        pixels_sha256: hash of the pixel data as they lie in the files.
    """

    slices: tuple[Slice, ...]
    voxels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    findings: tuple[Finding, ...]
    pixels_sha256: str


def decode_volume(slices: Sequence[Slice], sources: Mapping[str, Source], reader: FrameReader) -> DecodedVolume:
    """Decode every frame of a volume once.

    Raises:
        Refusal: a frame that cannot be decoded, or values that are not finite.
    """
    reader.begin()
    rows, columns = slices[0].shape
    block = np.empty((len(slices), rows or 0, columns or 0), np.float32)
    padding: NDArray[np.bool_] | None = None
    for k, one in enumerate(slices):
        frame = reader.read(one.instance, sources[one.instance.file], one.frame, one.facts)
        block[k] = _tile_of(frame.values, one)
        if frame.padding is not None:
            padding = np.zeros(block.shape, bool) if padding is None else padding
            padding[k] = _tile_of(frame.padding, one)
    if bad := int(np.count_nonzero(~np.isfinite(block))):
        raise NOT_FINITE.refusal("the decoded pixels", found=f"{bad} values that are NaN or infinite")
    findings = tuple(finding for _, finding in sorted(reader.findings.items()))
    return DecodedVolume(tuple(slices), block, padding, findings, reader.source_sha256)


def hash_pixels(slices: Sequence[Slice], sources: Mapping[str, Source], reader: FrameReader) -> str:
    """`DecodedVolume.pixels_sha256` without decoding: the bytes of the frames are read and hashed.

    Raises:
        Exception: of any type, where the files are damaged or gone.
    """
    reader.begin()
    for one in slices:
        if one.tile is None or one is slices[0]:  # the tiles of a mosaic share one frame
            reader.skim(one.instance, sources[one.instance.file], one.frame)
    return reader.source_sha256


def _tile_of(plane: NDArray[Any], one: Slice) -> NDArray[Any]:
    if one.tile is None:
        return plane
    tile = one.tile
    return plane[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]
