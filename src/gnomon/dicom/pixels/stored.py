"""Bits -> stored values (PS3.5 section 8.1, PS3.3 C.7.6.3), exact for every depth, sign, high bit and byte order.

Stored values are int64 arrays (rows, columns), or float for float pixel data. Native pixel data are decoded
here from their bytes; the output of codecs is converted to the same form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.dicom.index.elements import EXPLICIT_BIG
from gnomon.dicom.index.instances import Instance

_WORDS = {8: "u1", 16: "u2", 32: "u4", 64: "u8"}
_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


@dataclass(frozen=True)
class PixelFormat:
    """Layout of a stored value in its word: `bits_stored` bits, the highest at `high_bit`."""

    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def usable(self) -> bool:
        """Whether the layout is valid and supported."""
        return (
            self.bits_allocated in (1, 8, 16, 32)
            and 1 <= self.bits_stored <= self.bits_allocated
            and self.bits_stored - 1 <= self.high_bit < self.bits_allocated
        )

    @property
    def lowest(self) -> int:
        """The smallest value that the format can represent."""
        return -(1 << (self.bits_stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value that the format can represent."""
        return (1 << (self.bits_stored - int(self.signed))) - 1


def pixel_format(instance: Instance) -> PixelFormat | None:
    """The pixel format that a header declares; None where an element is missing."""
    allocated, stored = instance.bits_allocated, instance.bits_stored
    if allocated is None or stored is None:
        return None
    high_bit = stored - 1 if instance.high_bit is None else instance.high_bit
    return PixelFormat(allocated, stored, high_bit, instance.signed)


def native_frame_bytes(instance: Instance) -> int:
    """Size of one native frame in bytes; single-bit frames are rounded up to whole bytes."""
    pixels = (instance.rows or 0) * (instance.columns or 0) * instance.samples
    if (floating := _FLOATS.get(instance.pixel_keyword)) is not None:
        return pixels * int(floating[1])
    return (pixels * (instance.bits_allocated or 0) + 7) // 8


def native_values(data: bytes, instance: Instance, fmt: PixelFormat) -> NDArray[np.int64] | NDArray[np.float64]:
    """One native frame (rows, columns).

    Args:
        data: the `native_frame_bytes` bytes of the frame.
        instance: the header.
        fmt: the format to decode with.
    """
    shape = (instance.rows or 0, instance.columns or 0)
    order = ">" if instance.transfer_syntax == EXPLICIT_BIG else "<"
    if (floating := _FLOATS.get(instance.pixel_keyword)) is not None:
        return np.frombuffer(data, order + floating).reshape(shape).astype(np.float64)
    if fmt.bits_allocated == 1:
        return (
            np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: shape[0] * shape[1]]
            .reshape(shape)
            .astype(np.int64)
        )
    if fmt.bits_allocated == 8 and order == ">" and instance.pixel_vr == "OW":
        data = _swap_bytes(data)  # 8-bit values in 16-bit words, most significant byte first (PS3.5 8.1.1)
    return extract_stored_values(_words(data, order, fmt).reshape(shape), fmt)


def _words(data: bytes, order: str, fmt: PixelFormat) -> NDArray[np.unsignedinteger]:
    words: NDArray[np.unsignedinteger] = np.frombuffer(data, order + _WORDS[fmt.bits_allocated])
    return words


def unused_bits_are_set(data: bytes, instance: Instance, fmt: PixelFormat) -> bool:
    """Whether the bits above the stored ones hold anything but zeros or the sign (PS3.5 8.1.1).

    Args:
        data: one native frame.
        instance: the header.
        fmt: the format to decode with.
    """
    if fmt.bits_allocated not in (16, 32) or fmt.high_bit >= fmt.bits_allocated - 1:
        return False
    order = ">" if instance.transfer_syntax == EXPLICIT_BIG else "<"
    above = _words(data, order, fmt) >> (fmt.high_bit + 1)
    if not above.any():
        return False
    full = (1 << (fmt.bits_allocated - fmt.high_bit - 1)) - 1
    sign = (_words(data, order, fmt) >> fmt.high_bit) & 1
    allowed = (above == 0) | (fmt.signed & (above == sign * above.dtype.type(full)))
    return not allowed.all()


def _swap_bytes(data: bytes) -> bytes:
    even = len(data) // 2 * 2
    return np.frombuffer(data[:even], "<u2").byteswap().tobytes() + data[even:]


def extract_stored_values(words: NDArray[np.unsignedinteger], fmt: PixelFormat) -> NDArray[np.int64]:
    """Stored values of words: shifted down, unused bits dropped, two's complement resolved."""
    if fmt.bits_stored == fmt.bits_allocated and words.dtype.itemsize * 8 == fmt.bits_allocated:
        plain = words.astype(words.dtype.newbyteorder("="), copy=False)
        return (plain.view(f"i{words.dtype.itemsize}") if fmt.signed else plain).astype(np.int64)
    values = words.astype(np.int64)
    values >>= fmt.high_bit + 1 - fmt.bits_stored
    values &= (1 << fmt.bits_stored) - 1
    if fmt.signed:
        sign = np.int64(1 << (fmt.bits_stored - 1))
        values = (values ^ sign) - sign
    return values
