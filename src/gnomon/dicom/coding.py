"""How pixel data are encoded, from the transfer syntax and the first bytes of a compressed stream.

A JPEG 2000 stream states its wavelet transform (ISO 15444-1 A.6.1), JPEG its process (ISO 10918-1 B.2.2), JPEG-LS its
NEAR parameter (ISO 14495-1 C.2.3). Nothing is decoded. A reversible stream truncated to a bit rate is not detected.
"""

from __future__ import annotations

import struct

FIRST_BYTES = 16 << 10
_ITEM = b"\xfe\xff\x00\xe0"
_LOSSLESS_PROCESSES = (0xC3, 0xC7, 0xCB, 0xCF)


def is_native(transfer_syntax: str) -> bool:
    """Whether pixel data are stored uncompressed (deflated files included: they are inflated as a whole)."""
    return transfer_syntax in (
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
    )


def coding_of(transfer_syntax: str, start: bytes) -> str:
    """`wavelet 5-3`, `wavelet 9-7`, `DCT (SOF1)`, `prediction (SOF3)`, `NEAR 2`, `RLE`; empty if unknown.

    Args:
        transfer_syntax: UID of a compressed transfer syntax.
        start: the beginning of the pixel data element's value, at most `FIRST_BYTES`.
    """
    if transfer_syntax == "1.2.840.10008.1.2.5":
        return "RLE"
    stream = _first_fragment(start)
    if (at := stream.find(b"\xff\x4f\xff\x51")) >= 0:
        return _jpeg_2000_wavelet(stream[at:])
    if stream[:2] == b"\xff\xd8":
        return _jpeg_process(stream)
    return ""


def _first_fragment(start: bytes) -> bytes:
    """The bytes of the first fragment, without the basic offset table and the item header (PS3.5 A.4)."""
    if start[:4] != _ITEM or len(start) < 16:
        return start
    at = 8 + struct.unpack_from("<I", start, 4)[0]
    return start[at + 8 :] if start[at : at + 4] == _ITEM else b""


def _jpeg_2000_wavelet(stream: bytes) -> str:
    at = stream.find(b"\xff\x52")
    if at < 0 or len(stream) <= at + 13:
        return ""
    return "wavelet 9-7" if stream[at + 13] == 0 else "wavelet 5-3"


def _jpeg_process(stream: bytes) -> str:
    at, jpeg_ls = 2, False
    while at + 9 < len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xF7:  # JPEG-LS: the scan header states NEAR, 0 for lossless
            jpeg_ls = True
        elif marker == 0xDA and jpeg_ls:
            near = at + 5 + 2 * stream[at + 4]
            return f"NEAR {stream[near]}" if near < len(stream) else ""
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            kind = "prediction" if marker in _LOSSLESS_PROCESSES else "DCT"
            return f"{kind} (SOF{marker - 0xC0})"
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    return ""
