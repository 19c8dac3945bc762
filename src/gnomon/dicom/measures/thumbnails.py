"""Thumbnails: the middle planes of a volume in radiological view, as one small picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gnomon.dicom.measures.volume import VolumeMeasures
from gnomon.io.artifacts import write_bytes

_TILE_PIXELS = 128
_SOFT_HU = (-160.0, 240.0)


def write_thumbnail(path: Path, measures: VolumeMeasures, modality: str) -> None:
    """Write the planes side by side (PNG): soft-tissue window for CT, otherwise the 1st to 99th percentile."""
    if modality == "CT":
        low, high = _SOFT_HU
    else:
        low, high = (float(value) for value in np.percentile(measures.planes[0], (1, 99)))
    tiles = [_tile(plane, mm, low, high) for plane, mm in zip(measures.planes, measures.plane_mm)]
    sheet = Image.new("L", (_TILE_PIXELS * len(tiles), _TILE_PIXELS))
    for position, tile in enumerate(tiles):
        sheet.paste(
            tile, (position * _TILE_PIXELS + (_TILE_PIXELS - tile.width) // 2, (_TILE_PIXELS - tile.height) // 2)
        )
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    write_bytes(path, out.getvalue())


def _tile(plane: NDArray[np.float32], pixel_mm: tuple[float, float], low: float, high: float) -> Image.Image:
    grey = np.clip((plane - low) / max(high - low, 1e-6), 0, 1) * 255
    height, width = plane.shape[0] * pixel_mm[0], plane.shape[1] * pixel_mm[1]
    scale = _TILE_PIXELS / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(np.ascontiguousarray(grey.astype(np.uint8))).resize(size, Image.Resampling.BILINEAR)
