"""The elements of one data set, found by their tags in bytes already in memory (PS3.5 section 7).

The walk goes over the top level only and keeps where each value lies; a value is decoded when it is asked
for. Whatever is not plain little-endian DICOM as PS3.5 has it goes to pydicom's parser instead. Nothing is
read beyond the buffer: a length is checked before it is believed.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import CRITICAL, getLogger
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pydicom.values import convert_SQ

IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, EXPLICIT_BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"

_UNDEFINED = 0xFFFFFFFF
_PIXEL_TAGS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_CHARSET = 0x00080005
_INFLATED_LIMIT_BYTES = 256 << 20
_NESTING_LIMIT = 32
_SHORT_VR = {
    name.encode()
    for name in [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
        "US",
    ]
}
_LONG_VR = {name.encode() for name in ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]}
_NUMBER_FORMATS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d", b"UV": "Q", b"SV": "q"}

Numbers = tuple[float, ...]


class HeaderProblem(Exception):  # noqa: N818 - it is the file's, not ours
    """A header that parses and cannot be used; the text says why."""


class Truncated(HeaderProblem):
    """The bytes at hand end before the header does; `needed` is how many there would have to be."""

    def __init__(self, what: str, needed: int) -> None:
        self.needed = needed
        super().__init__(what)


class _Irregular(Exception):  # noqa: N818 - a turn to the other parser
    """Not plain DICOM: to be parsed by pydicom."""


@dataclass(frozen=True)
class PixelElement:
    """Where pixel data lie in the file: `length` is None where it is undefined (encapsulated)."""

    keyword: str
    vr: str
    offset: int
    length: int | None


@dataclass
class Elements:
    """The top-level elements of one file's header.

    Attributes:
        buffer: the bytes that the values lie in (inflated, for the deflated syntax).
        transfer_syntax: UID from the file meta group; what was deduced where that group is missing.
        deduced: whether the transfer syntax is a deduction.
        places: tag -> (VR or b"", start, end) in the buffer.
        parsed: tag -> element, for what pydicom had to parse.
        pixels: the pixel data element, None where there is none.
        meta: file meta texts by tag.
    """

    buffer: bytes
    transfer_syntax: str
    deduced: bool
    places: dict[int, tuple[bytes, int, int]] = field(default_factory=dict)
    parsed: dict[int, Any] = field(default_factory=dict)
    pixels: PixelElement | None = None
    meta: dict[int, str] = field(default_factory=dict)
    _encodings: list[str] | None = None

    @property
    def implicit(self) -> bool:
        """Whether values come without their VR."""
        return self.transfer_syntax == IMPLICIT_LITTLE

    def __contains__(self, tag: int) -> bool:
        return tag in self.places or tag in self.parsed

    def tags(self) -> Iterator[int]:
        """Every tag there is, ascending."""
        yield from sorted(self.places.keys() | self.parsed.keys())

    def raw(self, tag: int) -> tuple[bytes, bytes]:
        """(VR or b"", value) as stored; empty where absent or a sequence that pydicom parsed."""
        if (place := self.places.get(tag)) is not None:
            return place[0], self.buffer[place[1] : place[2]]
        element = self.parsed.get(tag)
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            return (element.VR or "").encode(), element.value
        return b"", b""

    def text(self, tag: int) -> str:
        """The value as text, stripped; values of a multi-valued element stay joined by a backslash."""
        value = self.raw(tag)[1]
        if not value:
            return ""
        try:
            return value.decode("ascii").rstrip("\0 ").lstrip(" ")
        except UnicodeDecodeError:
            return decode_bytes(value, self._charset(), {"\\", "^", "="}).strip("\0 ")

    def _charset(self) -> list[str]:
        if self._encodings is None:
            names = self.raw(_CHARSET)[1].decode("ascii", "replace").strip("\0 ").split("\\")
            try:
                self._encodings = convert_encodings(names)
            except Exception:  # an unknown character set: text only, never a number
                self._encodings = ["latin-1"]
        return self._encodings

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values as texts, each stripped."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def numbers(self, tag: int, count: int | None = None) -> Numbers | None:
        """The values as finite numbers; None where absent, unreadable or (with `count`) of another count."""
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
        """The items of a sequence; empty where absent."""
        if (place := self.places.get(tag)) is not None:
            with quiet_pydicom():
                return list(convert_SQ(self.buffer[place[1] : place[2]], self.implicit, True, self._charset()))
        element = self.parsed.get(tag)
        if element is None:
            return ()
        if isinstance(element, RawDataElement):
            return list(
                convert_SQ(element.value or b"", element.is_implicit_VR, element.is_little_endian, self._charset())
            )
        return list(element.value) if element.VR == "SQ" else ()


# Binary numbers whose VR an implicit file does not say. (US or SS elements are read as unsigned: see padding.)
_IMPLICIT_NUMBERS = dict.fromkeys(
    (0x00280002, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
     0x00280120, 0x00280121, 0x00209162, 0x00209163), "H",
) | dict.fromkeys((0x00189087, 0x00189089, 0x00280123, 0x00280125), "d") | {
    0x00209228: "I", 0x00280122: "f", 0x00280124: "f",
}  # fmt: skip


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings to ourselves: they quote header values and paths, which may name a patient."""
    logger = getLogger("pydicom")
    level = logger.level
    logger.setLevel(CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)


def looks_like_dicom(start: bytes) -> bool:
    """Whether bytes begin as a DICOM file does: with the prefix, or (without it) with a first group's element."""
    if start[128:132] == b"DICM":
        return True
    plausible = len(start) >= 8 and start[0:4] in _FIRST_TAGS
    if not plausible:
        return False
    return start[4:6] in _SHORT_VR | _LONG_VR or start[6:8] == b"\0\0" or start[4:6] == b"\0\0"


_FIRST_TAGS = {
    struct.pack(f"{order}HH", group, element)
    for order in "<>"
    for group, elements in ((0x0002, (0x0000, 0x0001, 0x0002, 0x0010)), (0x0008, (0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0016)))
    for element in elements
}  # fmt: skip


def read_elements(buffer: bytes, size_bytes: int) -> Elements:
    """The header in `buffer`, the first bytes of a file of `size_bytes`.

    Raises:
        Truncated: the header goes on beyond the buffer, or a declared length goes beyond the file.
        Exception: anything, where the header is damaged: the parsers raise many types.
    """
    if buffer[128:132] != b"DICM":
        return _by_pydicom(buffer, size_bytes, 0)
    try:
        meta, begin = _file_meta(buffer, size_bytes)
        syntax = meta.get(0x00020010, "")
        if syntax == DEFLATED:
            return _inflated(buffer, size_bytes, begin, meta)
        if syntax in ("", EXPLICIT_BIG):
            raise _Irregular
        found = Elements(buffer, syntax, False, meta=meta)
        _walk(found, begin, size_bytes, implicit=syntax == IMPLICIT_LITTLE)
        return found
    except _Irregular:
        return _by_pydicom(buffer, size_bytes, 128)


def _file_meta(buffer: bytes, size_bytes: int) -> tuple[dict[int, str], int]:
    at, meta = 132, {}
    while buffer[at : at + 2] == b"\x02\x00":
        tag, vr, begin, length = _explicit_head(buffer, at, size_bytes)
        if length == _UNDEFINED:
            raise _Irregular
        at = begin + length
        _within(at, len(buffer), size_bytes, tag)
        meta[tag] = buffer[begin:at].decode("latin-1").strip("\0 ") if vr == b"UI" else ""
    return meta, at


def _walk(found: Elements, at: int, size_bytes: int, *, implicit: bool) -> None:
    buffer, places = found.buffer, found.places
    head, last = (_implicit_head if implicit else _explicit_head), -1
    while at < size_bytes:
        tag, vr, begin, length = head(buffer, at, size_bytes)
        if tag <= last or tag >> 16 == 0xFFFE:
            raise _Irregular  # out of order: a writer's slip, or damage
        last = tag
        if tag in _PIXEL_TAGS:
            found.pixels = PixelElement(
                _PIXEL_TAGS[tag], vr.decode() or "OW", begin, None if length == _UNDEFINED else length
            )
            return
        if length == _UNDEFINED:
            end, after = _end_of_sequence(buffer, begin, size_bytes, implicit, 0)
        else:
            end = after = begin + length
            _within(end, len(buffer), size_bytes, tag)
        places[tag] = (vr, begin, end)
        at = after


def _explicit_head(buffer: bytes, at: int, size_bytes: int) -> tuple[int, bytes, int, int]:
    """(tag, VR, where the value begins, its length) of an explicit little-endian element."""
    _within(at + 8, len(buffer), size_bytes, 0)
    group, element, vr, length = _EXPLICIT.unpack_from(buffer, at)
    if vr in _SHORT_VR:
        return group << 16 | element, vr, at + 8, length
    if vr not in _LONG_VR:
        raise _Irregular
    _within(at + 12, len(buffer), size_bytes, group << 16 | element)
    return group << 16 | element, vr, at + 12, _LENGTH.unpack_from(buffer, at + 8)[0]


def _implicit_head(buffer: bytes, at: int, size_bytes: int) -> tuple[int, bytes, int, int]:
    _within(at + 8, len(buffer), size_bytes, 0)
    group, element, length = _IMPLICIT.unpack_from(buffer, at)
    if length != _UNDEFINED and buffer[at + 4 : at + 6] in _SHORT_VR and buffer[at + 5] > 0x40:
        raise _Irregular  # reads like explicit VR in a file that says implicit
    return group << 16 | element, b"", at + 8, length


_EXPLICIT, _IMPLICIT, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<HHI"), struct.Struct("<I")


def _end_of_sequence(buffer: bytes, at: int, size_bytes: int, implicit: bool, depth: int) -> tuple[int, int]:
    """(end of the items, place after the delimiter) of a sequence of undefined length that begins at `at`."""
    if depth > _NESTING_LIMIT:
        raise ValueError("sequences nested too deep")
    head = _implicit_head if implicit else _explicit_head
    while True:
        group, element, length = _item_head(buffer, at, size_bytes)
        if (group, element) == (0xFFFE, 0xE0DD):
            return at, at + 8
        if (group, element) != (0xFFFE, 0xE000):
            raise _Irregular
        at += 8
        if length != _UNDEFINED:
            at += length
            _within(at, len(buffer), size_bytes, 0xFFFEE000)
            continue
        while buffer[at : at + 4] != b"\xfe\xff\x0d\xe0":
            tag, vr, begin, length = head(buffer, at, size_bytes)
            if length == _UNDEFINED:
                if vr == b"UN":
                    raise _Irregular
                _, at = _end_of_sequence(buffer, begin, size_bytes, implicit, depth + 1)
            else:
                at = begin + length
                _within(at, len(buffer), size_bytes, tag)
        at += 8


def _item_head(buffer: bytes, at: int, size_bytes: int) -> tuple[int, int, int]:
    _within(at + 8, len(buffer), size_bytes, 0xFFFEE000)
    group, element, length = _IMPLICIT.unpack_from(buffer, at)
    return group, element, length


def _within(end: int, at_hand: int, size_bytes: int, tag: int) -> None:
    if end > size_bytes:
        raise Truncated(
            f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) that ends at byte {end} of a file of {size_bytes} bytes", end
        )
    if end > at_hand:
        raise Truncated("more header than was read", end)


def _inflated(buffer: bytes, size_bytes: int, begin: int, meta: dict[int, str]) -> Elements:
    """The deflated syntax: all after the meta group is one stream; pixel offsets are those of the inflated bytes."""
    if len(buffer) < size_bytes:
        raise Truncated("a deflated file is read whole", size_bytes)
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    data = engine.decompress(buffer[begin:], _INFLATED_LIMIT_BYTES)
    if engine.unconsumed_tail:
        raise ValueError(f"a deflated file of more than {_INFLATED_LIMIT_BYTES >> 20} MiB")
    found = Elements(data, DEFLATED, False, meta=meta)
    _walk(found, 0, len(data), implicit=False)
    return found


def _by_pydicom(buffer: bytes, size_bytes: int, preamble: int) -> Elements:
    """What pydicom makes of an unusual header; it wants to see the whole of it."""
    stream = io.BytesIO(buffer)
    with quiet_pydicom():
        data = dcmread(stream, stop_before_pixels=True, force=True)
    if stream.tell() >= len(buffer) and len(buffer) < size_bytes:
        raise Truncated("more header than was read", min(size_bytes, 4 * len(buffer)))
    implicit, little = data.original_encoding
    declared = str(data.file_meta.get("TransferSyntaxUID", ""))
    if declared == DEFLATED:
        raise ValueError("a deflated header that is not plain")
    syntax = declared
    if not declared or (declared in (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)):
        syntax = (IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE) if little else EXPLICIT_BIG
    found = Elements(buffer, syntax, syntax != declared)
    found.meta = {int(element.tag): str(element.value) for element in data.file_meta if element.VR == "UI"}
    for tag in data.keys():  # noqa: SIM118 - iterating a data set parses its elements
        element = data.get_item(tag)
        if isinstance(element, RawDataElement) and len(element.value or b"") < min(element.length, _UNDEFINED):
            end = element.value_tell + element.length
            raise Truncated(f"element {tag} that ends at byte {end} of a file of {size_bytes} bytes", end)
        found.parsed[int(tag)] = element
    if not found.parsed:
        raise ValueError("no element at all")
    found.pixels = _pixels_at(buffer, stream.tell(), implicit, little)
    return found


def _pixels_at(buffer: bytes, at: int, implicit: bool, little: bool) -> PixelElement | None:
    order = "<" if little else ">"
    if at + 12 > len(buffer):
        return None
    group, element = struct.unpack_from(f"{order}HH", buffer, at)
    keyword = _PIXEL_TAGS.get(group << 16 | element)
    if keyword is None:
        return None
    if implicit:
        vr, begin, length = "OW", at + 8, struct.unpack_from(f"{order}I", buffer, at + 4)[0]
    else:
        vr, begin, length = (
            buffer[at + 4 : at + 6].decode("latin-1"),
            at + 12,
            struct.unpack_from(f"{order}I", buffer, at + 8)[0],
        )
    return PixelElement(keyword, vr, begin, None if length == _UNDEFINED else length)
