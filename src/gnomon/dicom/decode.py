"""Decoding a volume, once: real-world values of all frames in one array, with padding mask, findings and hash."""

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
        slices: the source of each plane, in order.
        voxels: (slices, rows, columns), real-world values in float32.
        padding: mask of the same shape, or None if nothing is padding.
        findings: found while decoding, sorted by rule.
        pixels_sha256: hash of the pixel data as stored in the files.
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
    for k, slice_ in enumerate(slices):
        frame = reader.read(slice_.instance, sources[slice_.instance.file], slice_.frame, slice_.facts)
        block[k] = _crop_tile(frame.values, slice_)
        if frame.padding is not None:
            padding = np.zeros(block.shape, bool) if padding is None else padding
            padding[k] = _crop_tile(frame.padding, slice_)
    if n_bad := int(np.count_nonzero(~np.isfinite(block))):
        raise NOT_FINITE.refusal("the decoded pixels", found=f"{n_bad} values that are NaN or infinite")
    findings = tuple(finding for _, finding in sorted(reader.findings.items()))
    return DecodedVolume(tuple(slices), block, padding, findings, reader.source_sha256)


def hash_pixels(slices: Sequence[Slice], sources: Mapping[str, Source], reader: FrameReader) -> str:
    """`DecodedVolume.pixels_sha256` without decoding: only reads and hashes the bytes of the frames.

    Raises:
        Exception: of any type, if files are damaged or missing.
    """
    reader.begin()
    for slice_ in slices:
        if slice_.tile is None or slice_ is slices[0]:  # the tiles of a mosaic share one frame
            reader.hash_frame(slice_.instance, sources[slice_.instance.file], slice_.frame)
    return reader.source_sha256


def _crop_tile(plane: NDArray[Any], slice_: Slice) -> NDArray[Any]:
    if slice_.tile is None:
        return plane
    tile = slice_.tile
    return plane[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]
