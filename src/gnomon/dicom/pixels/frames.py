"""Reading of frames: from bytes in a file, a zip or a tar to real-world values with a padding mask."""

from __future__ import annotations

import hashlib
from types import TracebackType

import numpy as np
from pydicom.encaps import generate_frames

from gnomon.dicom.coding import is_native
from gnomon.dicom.index import FrameFacts, Instance, Source, SourceReader
from gnomon.dicom.index.elements import DEFLATED, Elements, quiet_pydicom
from gnomon.dicom.index.parse import read_elements
from gnomon.dicom.pixels.codecs import Codestream
from gnomon.dicom.pixels.decoder import DecoderError, FrameDecoder
from gnomon.dicom.pixels.modality import Frame, LookupTable, Values, to_real_world
from gnomon.dicom.pixels.spool import FrameSpool
from gnomon.dicom.pixels.stored import (
    PixelFormat,
    extract_stored_values,
    native_frame_bytes,
    native_values,
    pixel_format,
    unused_bits_are_set,
)
from gnomon.rules.catalogue.compression import UNDECLARED_LOSSY_COMPRESSION
from gnomon.rules.catalogue.encoding import CODESTREAM_CONFLICT, UNUSED_BITS
from gnomon.rules.catalogue.file import DAMAGED_PIXELS, DECODER_STOPPED
from gnomon.rules.finding import Finding

_MODALITY_LUT = 0x00283000
_FRAME_LIMIT_BYTES = 512 << 20
_ENCAPSULATED_LIMIT_BYTES = 2 << 30


class FrameReader:
    """Decodes frames one after another; what the frames of one file share is read once.

    Args:
        spool: frames that were already decoded and are not decoded again.

    Attributes:
        findings: those of decoding since `begin`, by rule; at most one per rule.
    """

    def __init__(self, spool: FrameSpool | None = None) -> None:
        self.findings: dict[str, Finding] = {}
        self._spool = spool
        self._digest = hashlib.sha256()
        self._reader = SourceReader()
        self._decoder = FrameDecoder()
        self._file = ""
        self._content = b""
        self._encapsulated: list[bytes] = []
        self._table: LookupTable | None = None
        self._last: tuple[tuple[str, int], Frame] | None = None

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._decoder.__exit__(kind, error, trace)
        self._reader.__exit__(kind, error, trace)

    def begin(self) -> None:
        """Discard the state of the last volume: findings, hash and last frame."""
        self.findings.clear()
        self._digest, self._last = hashlib.sha256(), None

    @property
    def source_sha256(self) -> str:
        """Hash of the bytes, as stored in the files, of every frame read or hashed since `begin`."""
        return self._digest.hexdigest()

    def hash_frame(self, instance: Instance, source: Source, frame: int) -> None:
        """Hash the bytes of one frame without decoding it."""
        self._open(instance, source)
        self._frame_bytes(instance, source, frame)

    def read(self, instance: Instance, source: Source, frame: int, facts: FrameFacts) -> Frame:
        """One frame in real-world values.

        Raises:
            Refusal: DCM002 where its bytes are missing, damaged or of another shape; DCM006 where the
                decoder had to be stopped.
        """
        if self._last is not None and self._last[0] == (instance.file, frame):
            return self._last[1]
        try:
            self._open(instance, source)
            decoded = self._find_spooled(instance, source, frame) or self._decode(instance, source, frame, facts)
        except DecoderError as error:
            rule = DECODER_STOPPED if error.stopped else DAMAGED_PIXELS
            expected = f"{instance.rows} x {instance.columns} pixels in {instance.transfer_syntax}"
            raise rule.refusal(instance.sop_uid, found=str(error), expected=expected) from None
        except Exception:  # a damaged file may raise anything
            raise DAMAGED_PIXELS.refusal(
                instance.sop_uid,
                found="pixel data that cannot be decoded",
                expected=f"{instance.rows} x {instance.columns} pixels of {instance.bits_allocated} bits",
            ) from None
        self._last = ((instance.file, frame), decoded)
        return decoded

    def _find_spooled(self, instance: Instance, source: Source, frame: int) -> Frame | None:
        """A frame that was already decoded in an earlier pass of the same run."""
        spooled = None if self._spool is None else self._spool.find(instance.file, frame)
        if spooled is None:
            return None
        self._frame_bytes(instance, source, frame)  # the hash covers its bytes
        for finding in spooled[1]:
            self.findings.setdefault(finding.rule, finding)
        return spooled[0]

    def _decode(self, instance: Instance, source: Source, frame: int, facts: FrameFacts) -> Frame:
        fmt = None if "Float" in instance.pixel_keyword else pixel_format(instance)
        stored = self._stored_values(instance, source, frame, fmt)
        return to_real_world(stored, instance, facts, fmt, self._table)

    def _open(self, instance: Instance, source: Source) -> None:
        """Load what the frames of one file share: inflated bytes, compressed frames, the Modality LUT."""
        if self._file == instance.file:
            return
        self._file, self._content, self._encapsulated, self._table = "", b"", [], None
        if instance.transfer_syntax == DEFLATED or instance.has_modality_lut:
            elements = read_elements(self._reader.read(source, 0, source.size_bytes), source.size_bytes)
            self._content = elements.buffer if instance.transfer_syntax == DEFLATED else b""
            self._table = _modality_lut(elements, instance) if instance.has_modality_lut else None
        if not is_native(instance.transfer_syntax):
            count = source.size_bytes - instance.pixel_offset
            if count > _ENCAPSULATED_LIMIT_BYTES:
                raise ValueError("too many bytes of compressed pixel data")
            data = self._reader.read(source, instance.pixel_offset, count)
            with quiet_pydicom():
                self._encapsulated = list(generate_frames(data, number_of_frames=instance.number_of_frames))
        self._file = instance.file

    def _stored_values(self, instance: Instance, source: Source, frame: int, fmt: PixelFormat | None) -> Values:
        if native_frame_bytes(instance) > _FRAME_LIMIT_BYTES:
            raise ValueError("a frame of more than 512 MiB")
        data = self._frame_bytes(instance, source, frame)
        if is_native(instance.transfer_syntax):
            if fmt is not None and UNUSED_BITS.id not in self.findings and unused_bits_are_set(data, instance, fmt):
                self.findings[UNUSED_BITS.id] = UNUSED_BITS.at(
                    instance.sop_uid, found=f"bits set above the {fmt.bits_stored} stored"
                )
            return native_values(data, instance, fmt or PixelFormat(32, 32, 31, False))
        if fmt is None:
            raise ValueError("compressed float pixel data")
        words, stream = self._decoder.decode(
            instance.transfer_syntax, data, instance.rows or 0, instance.columns or 0, fmt.bits_allocated
        )
        self._check_codestream(instance, stream, fmt)
        return _stored_from_codec(words, stream, fmt)

    def _frame_bytes(self, instance: Instance, source: Source, frame: int) -> bytes:
        native = is_native(instance.transfer_syntax)
        data = self._native_bytes(instance, source, frame) if native else self._encapsulated[frame]
        self._digest.update(data)
        return data

    def _native_bytes(self, instance: Instance, source: Source, frame: int) -> bytes:
        size = native_frame_bytes(instance)
        start = instance.pixel_offset + frame * size
        inflated = self._content
        data = inflated[start : start + size] if inflated else self._reader.read(source, start, size)
        if len(data) < size:
            raise ValueError(f"{len(data)} of {size} bytes")
        return data

    def _check_codestream(self, instance: Instance, stream: Codestream, fmt: PixelFormat) -> None:
        """Record findings where the codestream contradicts the header."""
        where = instance.sop_uid
        if (stream.precision != fmt.bits_stored and stream.precision != fmt.bits_allocated) or (
            stream.signed and not fmt.signed
        ):
            self.findings.setdefault(
                CODESTREAM_CONFLICT.id,
                CODESTREAM_CONFLICT.at(
                    where, found=f"{_describe(stream)} in the codestream, {_describe(fmt)} in the header"
                ),
            )
        if stream.lossy and instance.lossy != "01":
            self.findings.setdefault(
                UNDECLARED_LOSSY_COMPRESSION.id,
                UNDECLARED_LOSSY_COMPRESSION.at(
                    where, found="pixels compressed with loss, which the header does not declare"
                ),
            )


def _describe(layout: Codestream | PixelFormat) -> str:
    bits = layout.precision if isinstance(layout, Codestream) else layout.bits_stored
    return f"{bits} {'signed' if layout.signed else 'unsigned'} bits"


def _stored_from_codec(words: np.ndarray, stream: Codestream, fmt: PixelFormat) -> Values:
    """Stored values of decoded words: the stream's sign and precision take precedence over the header's."""
    if stream.signed:
        return words.astype(np.int64)
    bits = min(stream.precision, fmt.bits_stored)
    return extract_stored_values(words, PixelFormat(max(fmt.bits_allocated, bits), bits, bits - 1, fmt.signed))


def _modality_lut(elements: Elements, instance: Instance) -> LookupTable:
    """The table of (0028,3000): number of entries, first stored value, bits per entry; then the entries."""
    item = elements.sequence(_MODALITY_LUT)[0]
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    count = count % 65536 or 65536
    if instance.signed and first >= 1 << 15:
        first -= 1 << 16
    elif not instance.signed and first < 0:
        first += 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        kind = "u1" if bits <= 8 and len(data) < 2 * count else "u2"
        entries = np.frombuffer(data, kind)
    else:
        entries = np.asarray(data)
    if len(entries) < count:
        raise ValueError("a lookup table that is too short")
    return LookupTable(first, entries[:count].astype(np.float64))
