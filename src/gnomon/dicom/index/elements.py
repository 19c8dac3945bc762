"""The elements of one header by tag: where each value lies in the bytes, decoded on access."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import CRITICAL, getLogger
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.values import convert_SQ

IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, EXPLICIT_BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"

_CHARSET = 0x00080005
_NUMBER_FORMATS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d", b"UV": "Q", b"SV": "q"}

Numbers = tuple[float, ...]


class HeaderProblem(Exception):  # noqa: N818 - a problem of the file, not an error of the program
    """A header that cannot be used; the message says why."""


@dataclass(frozen=True)
class PixelElement:
    """Location of the pixel data in the file; `length` is None if it is undefined (encapsulated)."""

    keyword: str
    vr: str
    offset: int
    length: int | None


@dataclass
class Elements:
    """The top-level elements of one file's header.

    Attributes:
        buffer: the bytes that hold the values (inflated, for the deflated syntax).
        transfer_syntax: UID from the file meta group; deduced if that group is missing or wrong.
        deduced: whether the transfer syntax was deduced.
        spans: tag -> (VR or b"", start, end) in the buffer.
        parsed: tag -> element, if pydicom had to parse the header.
        pixels: the pixel data element; None if there is none.
        meta: UIDs of the file meta group by tag.
    """

    buffer: bytes
    transfer_syntax: str
    deduced: bool
    spans: dict[int, tuple[bytes, int, int]] = field(default_factory=dict)
    parsed: dict[int, Any] = field(default_factory=dict)
    pixels: PixelElement | None = None
    meta: dict[int, str] = field(default_factory=dict)
    _encodings: list[str] | None = None

    @property
    def implicit(self) -> bool:
        """Whether elements are stored without their VR."""
        return self.transfer_syntax == IMPLICIT_LITTLE

    def __contains__(self, tag: int) -> bool:
        return tag in self.spans or tag in self.parsed

    def private_tags(self) -> list[int]:
        """Tags of odd groups, ascending."""
        return sorted(tag for tag in (self.parsed or self.spans) if tag & 0x10000)

    def raw(self, tag: int) -> tuple[bytes, bytes]:
        """(VR or b"", value) as stored; empty if absent or a sequence that pydicom parsed."""
        if (span := self.spans.get(tag)) is not None:
            return span[0], self.buffer[span[1] : span[2]]
        element = self.parsed.get(tag)
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            return (element.VR or "").encode(), element.value
        return b"", b""

    def text(self, tag: int) -> str:
        """The value as text, stripped; multiple values remain separated by backslashes."""
        if tag not in self:
            return ""
        value = self.raw(tag)[1]
        if not value:
            return ""
        try:
            return value.decode("ascii").rstrip("\0 ").lstrip(" ")
        except UnicodeDecodeError:
            return decode_bytes(value, self._charset(), {0x5C, 0x5E, 0x3D}).strip("\0 ")

    def _charset(self) -> list[str]:
        if self._encodings is None:
            names = self.raw(_CHARSET)[1].decode("ascii", "replace").strip("\0 ").split("\\")
            try:
                self._encodings = convert_encodings(names)
            except Exception:  # an unknown character set: text only, never a number
                self._encodings = ["latin-1"]
        return self._encodings

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values of a multi-valued element as texts, each stripped."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def numbers(self, tag: int, count: int | None = None) -> Numbers | None:
        """The values as finite numbers; None if absent, unreadable or, given `count`, not that many."""
        if tag not in self:
            return None
        numbers = self._binary(tag)
        if numbers is None:
            try:
                numbers = tuple(float(part) for part in self.texts(tag))
            except ValueError:  # a decimal comma, or text where a number should be
                return None
        if not numbers or (count is not None and len(numbers) != count) or not all(map(math.isfinite, numbers)):
            return None
        return numbers

    def _binary(self, tag: int) -> Numbers | None:
        vr, value = self.raw(tag)
        code = _NUMBER_FORMATS.get(vr) or (_IMPLICIT_NUMBERS.get(tag) if not vr or vr == b"UN" else None)
        if code is None:
            return None
        order = ">" if self.transfer_syntax == EXPLICIT_BIG else "<"
        count = len(value) // struct.calcsize(code)
        return tuple(map(float, struct.unpack_from(f"{order}{count}{code}", value)))

    def number(self, tag: int) -> float | None:
        """A single finite number, or None."""
        numbers = self.numbers(tag, 1)
        return numbers[0] if numbers else None

    def integer(self, tag: int) -> int | None:
        """A single whole number, or None."""
        number = self.number(tag)
        return int(number) if number is not None and number == int(number) else None

    def sequence(self, tag: int) -> Sequence[Dataset]:
        """The items of a sequence; empty if absent."""
        if (span := self.spans.get(tag)) is not None:
            with quiet_pydicom():
                return list(convert_SQ(self.buffer[span[1] : span[2]], self.implicit, True, self._charset()))
        element = self.parsed.get(tag)
        if element is None:
            return ()
        if isinstance(element, RawDataElement):
            return list(
                convert_SQ(element.value or b"", element.is_implicit_VR, element.is_little_endian, self._charset())
            )
        return list(element.value) if element.VR == "SQ" else ()


# Binary numbers, whose VR an implicit file does not state. (US or SS elements are read as unsigned: see padding.)
_IMPLICIT_NUMBERS = (
    dict.fromkeys(
        (
            0x00280002,
            0x00280006,
            0x00280010,
            0x00280011,
            0x00280100,
            0x00280101,
            0x00280102,
            0x00280103,
            0x00280120,
            0x00280121,
            0x00209162,
            0x00209163,
        ),
        "H",
    )
    | dict.fromkeys((0x00189087, 0x00189089, 0x00280123, 0x00280125), "d")
    | {
        0x00209228: "I",
        0x00280122: "f",
        0x00280124: "f",
    }
)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's warnings: they quote header values and paths, which may name a patient."""
    logger = getLogger("pydicom")
    level = logger.level
    logger.setLevel(CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
