"""The first bytes of a file -> its elements (PS3.5 section 7, PS3.10 section 7.1).

The parser walks over the top level only and records where each value lies. A file that is not plain little-endian DICOM
is parsed by pydicom instead. Nothing is read beyond the buffer: every length is checked before it is used.
"""

from __future__ import annotations

import io
import struct
import zlib

from pydicom.dataelem import RawDataElement
from pydicom.filereader import dcmread

from gnomon.dicom.index.elements import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Elements,
    HeaderProblem,
    PixelElement,
    quiet_pydicom,
)

_UNDEFINED = 0xFFFFFFFF
_PIXEL_TAGS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_FIRST_PIXEL_TAG = min(_PIXEL_TAGS)
_INFLATED_LIMIT_BYTES = 256 << 20
_NESTING_LIMIT = 32
_SHORT_VR = set(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VR = set(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


class Truncated(HeaderProblem):
    """The header extends beyond the bytes that were read; `needed` is how many bytes it takes."""

    def __init__(self, message: str, needed: int) -> None:
        self.needed = needed
        super().__init__(message)


class _NeedsPydicom(Exception):  # noqa: N818 - a signal to change the parser
    """Not plain little-endian DICOM: pydicom has to parse it."""


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file begins like DICOM: with the prefix, or else with an element of a group that comes first."""
    if start[128:132] == b"DICM":
        return True
    plausible = len(start) >= 8 and start[0:4] in _FIRST_TAGS
    if not plausible:
        return False
    return start[4:6] in _SHORT_VR | _LONG_VR or start[6:8] == b"\0\0" or start[4:6] == b"\0\0"


_FIRST_TAGS = {
    struct.pack(f"{order}HH", group, element)
    for order in "<>"
    for group, elements in ((0x0002, (0x00, 0x01, 0x02, 0x10)), (0x0008, (0x00, 0x01, 0x05, 0x08, 0x12, 0x16)))
    for element in elements
}


def read_elements(buffer: bytes, size_bytes: int) -> Elements:
    """Parse the header in `buffer`, the first bytes of a file of `size_bytes`.

    Raises:
        Truncated: the header extends beyond the buffer, or a declared length beyond the file.
        Exception: of any type, if the header is damaged.
    """
    if buffer[128:132] != b"DICM":
        return _parse_unusual(buffer, size_bytes)
    try:
        meta, begin = _file_meta(buffer, size_bytes)
        syntax = meta.get(0x00020010, "")
        if syntax == DEFLATED:
            return _parse_deflated(buffer, size_bytes, begin, meta)
        if syntax in ("", EXPLICIT_BIG):
            raise _NeedsPydicom
        elements = Elements(buffer, syntax, False, meta=meta)
        _walk(elements, begin, size_bytes, implicit=syntax == IMPLICIT_LITTLE)
        return elements
    except _NeedsPydicom:
        return _parse_unusual(buffer, size_bytes)


def _file_meta(buffer: bytes, size_bytes: int) -> tuple[dict[int, str], int]:
    at, meta = 132, {}
    while buffer[at : at + 2] == b"\x02\x00":
        tag, vr, begin, length = _explicit_header(buffer, at, size_bytes)
        if length == _UNDEFINED:
            raise _NeedsPydicom
        at = begin + length
        _require_bytes(at, len(buffer), size_bytes, tag)
        meta[tag] = buffer[begin:at].decode("latin-1").strip("\0 ") if vr == b"UI" else ""
    return meta, at


def _walk(elements: Elements, at: int, size_bytes: int, *, implicit: bool) -> None:
    buffer, spans = elements.buffer, elements.spans
    read_header, last, available = (_implicit_header if implicit else _explicit_header), -1, len(buffer)
    while at < size_bytes:
        tag, vr, begin, length = read_header(buffer, at, size_bytes)
        if tag <= last or tag >> 16 == 0xFFFE:
            raise _NeedsPydicom  # out of order: a careless writer, or damage
        last = tag
        if tag >= _FIRST_PIXEL_TAG and tag in _PIXEL_TAGS:
            elements.pixels = PixelElement(
                _PIXEL_TAGS[tag], vr.decode() or "OW", begin, None if length == _UNDEFINED else length
            )
            return
        if length == _UNDEFINED:
            end, at = _end_of_sequence(buffer, begin, size_bytes, implicit, 0)
        else:
            end = at = begin + length
            if end > available:
                _require_bytes(end, available, size_bytes, tag)
        spans[tag] = (vr, begin, end)


def _explicit_header(buffer: bytes, at: int, size_bytes: int) -> tuple[int, bytes, int, int]:
    """(tag, VR, offset of the value, its length) of an explicit little-endian element."""
    if at + 12 > len(buffer):
        _require_bytes(at + 8, len(buffer), size_bytes, 0)
    group, element, vr, length = _EXPLICIT.unpack_from(buffer, at)
    if vr in _SHORT_VR:
        return group << 16 | element, vr, at + 8, length
    if vr not in _LONG_VR:
        raise _NeedsPydicom
    _require_bytes(at + 12, len(buffer), size_bytes, group << 16 | element)
    return group << 16 | element, vr, at + 12, _LENGTH.unpack_from(buffer, at + 8)[0]


def _implicit_header(buffer: bytes, at: int, size_bytes: int) -> tuple[int, bytes, int, int]:
    if at + 8 > len(buffer):
        _require_bytes(at + 8, len(buffer), size_bytes, 0)
    group, element, length = _IMPLICIT.unpack_from(buffer, at)
    if length != _UNDEFINED and buffer[at + 4 : at + 6] in _SHORT_VR and buffer[at + 5] > 0x40:
        raise _NeedsPydicom  # looks like explicit VR in a file declared implicit
    return group << 16 | element, b"", at + 8, length


_EXPLICIT, _IMPLICIT, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<HHI"), struct.Struct("<I")


def _end_of_sequence(buffer: bytes, at: int, size_bytes: int, implicit: bool, depth: int) -> tuple[int, int]:
    """(end of the items, offset after the delimiter) of a sequence of undefined length that begins at `at`."""
    if depth > _NESTING_LIMIT:
        raise ValueError("sequences nested too deep")
    read_header = _implicit_header if implicit else _explicit_header
    while True:
        group, element, length = _item_header(buffer, at, size_bytes)
        if (group, element) == (0xFFFE, 0xE0DD):
            return at, at + 8
        if (group, element) != (0xFFFE, 0xE000):
            raise _NeedsPydicom
        at += 8
        if length != _UNDEFINED:
            at += length
            _require_bytes(at, len(buffer), size_bytes, 0xFFFEE000)
            continue
        while buffer[at : at + 4] != b"\xfe\xff\x0d\xe0":
            tag, vr, begin, length = read_header(buffer, at, size_bytes)
            if length == _UNDEFINED:
                if vr == b"UN":
                    raise _NeedsPydicom
                _, at = _end_of_sequence(buffer, begin, size_bytes, implicit, depth + 1)
            else:
                at = begin + length
                _require_bytes(at, len(buffer), size_bytes, tag)
        at += 8


def _item_header(buffer: bytes, at: int, size_bytes: int) -> tuple[int, int, int]:
    _require_bytes(at + 8, len(buffer), size_bytes, 0xFFFEE000)
    group, element, length = _IMPLICIT.unpack_from(buffer, at)
    return group, element, length


def _require_bytes(end: int, available: int, size_bytes: int, tag: int) -> None:
    if end > size_bytes:
        raise Truncated(
            f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) that ends at byte {end} of a file of {size_bytes} bytes", end
        )
    if end > available:
        raise Truncated("more header than was read", end)


def _parse_deflated(buffer: bytes, size_bytes: int, begin: int, meta: dict[int, str]) -> Elements:
    """Deflated syntax: one stream follows the meta group; pixel offsets refer to the inflated bytes."""
    if len(buffer) < size_bytes:
        raise Truncated("a deflated file is read whole", size_bytes)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(buffer[begin:], _INFLATED_LIMIT_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError(f"a deflated file of more than {_INFLATED_LIMIT_BYTES >> 20} MiB")
    elements = Elements(data, DEFLATED, False, meta=meta)
    _walk(elements, 0, len(data), implicit=False)
    return elements


def _parse_unusual(buffer: bytes, size_bytes: int) -> Elements:
    """Parse an unusual header with pydicom, silently."""
    with quiet_pydicom():
        return _parse_with_pydicom(buffer, size_bytes)


def _parse_with_pydicom(buffer: bytes, size_bytes: int) -> Elements:
    stream = io.BytesIO(buffer)
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
    elements = Elements(buffer, syntax, syntax != declared)
    elements.meta = {int(element.tag): str(element.value) for element in data.file_meta if element.VR == "UI"}
    for tag in data.keys():  # noqa: SIM118 - iterating a data set parses its elements
        element = data.get_item(tag)
        if isinstance(element, RawDataElement) and len(element.value or b"") < min(element.length, _UNDEFINED):
            end = element.value_tell + element.length
            raise Truncated(f"element {tag} that ends at byte {end} of a file of {size_bytes} bytes", end)
        elements.parsed[int(tag)] = element
    if not elements.parsed:
        raise ValueError("no element at all")
    elements.pixels = _pixel_element(buffer, stream.tell(), bool(implicit), bool(little))
    return elements


def _pixel_element(buffer: bytes, at: int, implicit: bool, little: bool) -> PixelElement | None:
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
