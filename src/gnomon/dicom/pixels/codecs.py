"""Decoding of one compressed frame to pixel words by codec libraries; their meaning depends on the header.

A codec given a damaged stream may do anything, so decoding runs in a separate process: this file as a script,
which imports nothing else from Gnomon and therefore starts quickly. It reads requests (a line of JSON and the bytes
of the frame) and answers each with a line of JSON and the bytes of the words, until its input ends.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.integer]
MEMORY_BYTES = 768 << 20
READY = b"ready\n"

_JPEG_BASELINE = ("1.2.840.10008.1.2.4.50",)
_JPEG_OTHER = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (51, 53, 55, 57, 70))
_JPEG_LS = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81))
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
_RLE = ("1.2.840.10008.1.2.5",)
_NAMES = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
    "1.2.840.10008.1.2.4.92": "JPEG 2000 Part 2 Lossless",
    "1.2.840.10008.1.2.4.93": "JPEG 2000 Part 2",
    "1.2.840.10008.1.2.4.94": "JPIP Referenced",
    "1.2.840.10008.1.2.4.95": "JPIP Referenced Deflate",
    **{f"1.2.840.10008.1.2.4.{n}": "video (MPEG)" for n in range(100, 109)},
}


@dataclass(frozen=True)
class Codestream:
    """What a compressed stream declares about itself.

    Attributes:
        precision: bits per value.
        signed: whether its values are signed.
        lossy: whether its coding loses information.
    """

    precision: int
    signed: bool
    lossy: bool


def missing_decoder(transfer_syntax: str) -> str:
    """The name of what is needed to decode a compressed transfer syntax; empty where it can be decoded."""
    for syntaxes, module, _ in _DECODERS:
        if transfer_syntax in syntaxes:
            return "" if importlib.util.find_spec(module) else f"the Python package {module}"
    return f"a decoder for {_NAMES.get(transfer_syntax, 'this transfer syntax')}: none is known"


def decode(transfer_syntax: str, data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    """Decode one frame with one sample per pixel: words (rows, columns), and what the stream declares about itself.

    Raises:
        Exception: of any type, where the stream is damaged or has another shape.
    """
    for syntaxes, _, decoder in _DECODERS:
        if transfer_syntax in syntaxes:
            words, stream = decoder(data, rows, columns, bits_allocated)
            if words.shape != (rows, columns):
                raise ValueError(f"a frame of shape {words.shape}")
            return words, stream
    raise ValueError("no decoder")


def _rle(data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import RLELosslessDecoder

    layout: dict[str, Any] = {
        "rows": rows,
        "columns": columns,
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "pixel_representation": 0,
        "bits_allocated": bits_allocated,
        "bits_stored": bits_allocated,
        "pixel_keyword": "PixelData",
        "photometric_interpretation": "MONOCHROME2",
    }
    array, _ = RLELosslessDecoder.as_array(encapsulate([data]), raw=True, **layout)
    return array, Codestream(bits_allocated, False, False)


def _jpeg_ls(data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    import jpeg_ls

    values, info = jpeg_ls.decode_buffer(data)
    precision = int(info["bits_per_sample"])
    kind = "u1" if precision <= 8 else "<u2"
    near = int(info["allowed_lossy_error"])
    return np.frombuffer(values, kind).reshape(info["height"], info["width"]), Codestream(precision, False, near > 0)


def _jpeg_2000(data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    from openjpeg.utils import decode as decode_jpeg_2000

    stream = _j2k_codestream(data)
    precision, signed, width, height = _j2k_size(stream)
    if (height, width) != (rows, columns):  # before memory is allocated
        raise ValueError(f"a frame of shape {(height, width)}")
    words = decode_jpeg_2000(data)
    return words, Codestream(precision, signed, _j2k_irreversible(stream))


def _j2k_codestream(data: bytes) -> bytes:
    offset = data.find(b"\xff\x4f\xff\x51")
    if offset < 0:
        raise ValueError("no JPEG 2000 codestream")
    return data[offset:]


def _j2k_size(stream: bytes) -> tuple[int, bool, int, int]:
    """(precision, signed, width, height) from the SIZ segment (ISO 15444-1 A.5.1)."""
    x_end, y_end, x, y = struct.unpack_from(">4I", stream, 8)
    depth = stream[42]
    return (depth & 0x7F) + 1, bool(depth & 0x80), x_end - x, y_end - y


def _j2k_irreversible(stream: bytes) -> bool:
    """Whether the COD segment selects the 9-7 wavelet (A.6.1), which is irreversible."""
    offset = stream.find(b"\xff\x52")
    return offset >= 0 and len(stream) > offset + 13 and stream[offset + 13] == 0


def _jpeg_baseline(data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    from PIL import Image

    _, precision, height, width = _jpeg_frame_header(data)
    if (height, width) != (rows, columns):
        raise ValueError(f"a frame of shape {(height, width)}")
    if precision != 8:
        return _jpeg_by_itk(data, rows, columns, bits_allocated)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.asarray(image.convert("L") if image.mode != "L" else image), Codestream(8, False, True)


def _jpeg_by_itk(data: bytes, rows: int, columns: int, bits_allocated: int) -> tuple[Words, Codestream]:
    """Decode lossless, 12-bit and progressive JPEG with SimpleITK's codec, in a minimal DICOM file of one frame."""
    import SimpleITK

    marker, precision, height, width = _jpeg_frame_header(data)
    if (height, width) != (rows, columns):
        raise ValueError(f"a frame of shape {(height, width)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.dcm"
        path.write_bytes(_minimal_file(data, marker, precision, rows, columns))
        image = SimpleITK.ReadImage(str(path))
    words = np.squeeze(SimpleITK.GetArrayFromImage(image))
    if words.min() < 0:
        raise ValueError("values below zero from an unsigned stream")
    return words.astype(np.uint16), Codestream(precision, False, marker not in (0xC3, 0xC7))


def _minimal_file(data: bytes, marker: int, precision: int, rows: int, columns: int) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    syntax = {0xC3: ".70", 0xC2: ".55"}.get(marker, ".51")
    selection = data[data.find(b"\xff\xda") + 7] if marker == 0xC3 else 1
    if marker == 0xC3 and selection != 1:
        syntax = ".57"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.7"), UID("2.25.1")
    meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4" + syntax)
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.Rows, file.Columns = rows, columns
    file.BitsAllocated, file.BitsStored, file.HighBit = 8 if precision <= 8 else 16, precision, precision - 1
    file.PixelData = encapsulate([data])
    file["PixelData"].is_undefined_length = True
    content = io.BytesIO()
    file.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _jpeg_frame_header(data: bytes) -> tuple[int, int, int, int]:
    """(marker, precision, height, width) of the frame header SOFn (ISO 10918-1 B.2.2)."""
    offset = 2
    while offset + 9 < len(data):
        if data[offset] != 0xFF:
            raise ValueError("a JPEG stream without frame header")
        marker = data[offset + 1]
        if marker == 0xFF:
            offset += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            precision, height, width = struct.unpack_from(">BHH", data, offset + 4)
            return marker, precision, height, width
        offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]
    raise ValueError("a JPEG stream without frame header")


_Decoder = Callable[[bytes, int, int, int], tuple[Words, Codestream]]
_DECODERS: tuple[tuple[tuple[str, ...], str, _Decoder], ...] = (
    (_RLE, "pydicom", _rle),
    (_JPEG_LS, "jpeg_ls", _jpeg_ls),
    (_JPEG_2000, "openjpeg", _jpeg_2000),
    (_JPEG_BASELINE, "PIL", _jpeg_baseline),
    (_JPEG_OTHER, "SimpleITK", _jpeg_by_itk),
)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Signal that the process is ready, then answer requests until they end."""
    _limit_memory()
    answers.write(READY)
    answers.flush()
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request.pop("bytes"))
        words = b""
        try:
            array, stream = decode(data=data, **request)
            answer = {"kind": array.dtype.str, "shape": array.shape, "stream": vars(stream)}
            words = np.ascontiguousarray(array).tobytes()
        except Exception as error:  # codecs raise many types, MemoryError among them
            answer = {"error": type(error).__name__}
        answers.write(json.dumps({**answer, "bytes": len(words)}).encode() + b"\n" + words)
        answers.flush()


def _limit_memory() -> None:
    """Limit the address space to its current size plus `MEMORY_BYTES`, where the system supports it."""
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, now + MEMORY_BYTES))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output printed by a codec must not mix with the answers
    serve(sys.stdin.buffer, answers)
