"""Stored values -> real-world values in float32, with the padding mask. Pure functions.

A quantity is never inverted, clipped or windowed. Only where values are meant for display (projection X-ray)
does MONOCHROME1 mean the negative of the same image in MONOCHROME2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.dicom.index import FrameFacts, Instance
from gnomon.dicom.pixels.stored import PixelFormat

Values = NDArray[np.int64] | NDArray[np.float64]

_DISPLAY_MODALITIES = {"CR", "DX", "IO", "MG", "PX", "RF", "XA"}


@dataclass(frozen=True, eq=False)
class Frame:
    """One plane: values (rows, columns) in float32, and padding of the same shape or None."""

    values: NDArray[np.float32]
    padding: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A Modality LUT (C.11.1): stored value `first` maps to `entries[0]`; values beyond either end map to that end."""

    first: int
    entries: NDArray[np.float64]


def to_real_world(
    stored: Values, instance: Instance, facts: FrameFacts, fmt: PixelFormat | None, table: LookupTable | None
) -> Frame:
    """Apply the header's value transformation in float64: Modality LUT, rescale, or real-world value mapping.

    Args:
        stored: (rows, columns) stored values.
        instance, facts: the header of the file, and that of this frame.
        fmt: the pixel format; None for float pixel data.
        table: the Modality LUT, if the header has one.
    """
    padding = padding_mask(stored, instance)
    if fmt is not None and instance.photometric == "MONOCHROME1" and instance.modality in _DISPLAY_MODALITIES:
        stored = fmt.lowest + fmt.highest - stored
    rescaled = facts.slope is not None and facts.intercept is not None
    if table is not None:
        values = table.entries[np.clip(stored - table.first, 0, len(table.entries) - 1).astype(np.int64)]
    elif rescaled:
        values = stored * np.float64(facts.slope or 0.0) + np.float64(facts.intercept or 0.0)
    elif facts.mappings:
        mapping = facts.mappings[0]
        outside = (stored < mapping.first) | (stored > mapping.last)
        padding = outside if padding is None else padding | outside
        values = stored * np.float64(mapping.slope or 0.0) + np.float64(mapping.intercept or 0.0)
    else:
        values = stored.astype(np.float64)
    return Frame(values.astype(np.float32), padding if padding is not None and padding.any() else None)


def padding_mask(stored: Values, instance: Instance) -> NDArray[np.bool_] | None:
    """Mask of PixelPaddingValue up to PixelPaddingRangeLimit, inclusive, in stored values (C.7.5.1.1.2)."""
    if instance.padding_value is None:
        return None
    ends = [
        instance.padding_value,
        instance.padding_value if instance.padding_limit is None else instance.padding_limit,
    ]
    if stored.dtype.kind == "i":
        ends = [_as_stored(end, instance) for end in ends]
    mask: NDArray[np.bool_] = (stored >= min(ends)) & (stored <= max(ends))
    return mask


def _as_stored(value: float, instance: Instance) -> int:
    """A padding value as stored in the pixels: some writers encode it with the wrong VR, US instead of SS."""
    bits = instance.bits_allocated or 16
    pattern = int(value) % (1 << bits)
    return pattern - (1 << bits) if instance.signed and pattern >= 1 << (bits - 1) else pattern
