"""Stored bits to real-world values, against closed forms."""

from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest
from openjpeg.utils import encode_array

from gnomon.dicom.index import SourceReader
from gnomon.dicom.index.header import read_instance
from gnomon.dicom.index.sources import Source
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.rules.finding import Refusal
from tests.dicom.ramp import (
    INTERCEPT,
    SYNTAXES,
    encoded,
    item,
    put_frames,
    ramp_series,
    save,
    set_values,
    values_of,
)

ROWS, COLUMNS = 40, 36


def read(data, tmp_path, frame=0):
    """(frame, rules of the decoding findings) of one file."""
    path = save(data, tmp_path / "one")
    source = Source("one", path, "", 0, path.stat().st_size, 0)
    with SourceReader() as reader:
        instance, _ = read_instance(reader, source, "f")
    assert instance.readable, instance.problem
    with FrameReader() as frames:
        return frames.read(instance, source, frame, instance.frames[frame]), set(frames.findings)


def ct_slice(words, *, stored_bits, high_bit, signed, slope="1", intercept="0", **elements):
    """A CT slice with these pixel words."""
    (data,) = ramp_series(slices=1)
    bits = words.dtype.itemsize * 8
    data.Rows, data.Columns = words.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = (
        bits,
        stored_bits,
        high_bit,
        int(signed),
    )
    data.RescaleSlope, data.RescaleIntercept = slope, intercept
    data.PixelData = words.astype(words.dtype.newbyteorder("<")).tobytes()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return data


def pixel_words(values, allocated, stored_bits, high_bit, garbage):
    """Values as words: two's complement in `stored_bits`, shifted up, the other bits filled with garbage."""
    mask = (1 << stored_bits) - 1
    shift = high_bit + 1 - stored_bits
    words = (values.astype(np.int64) & mask) << shift
    if garbage:
        noise = np.random.default_rng(1).integers(0, 1 << allocated, values.shape, dtype=np.uint64).astype(np.int64)
        words |= noise & ~(mask << shift) & ((1 << allocated) - 1)
    return words.astype(f"u{allocated // 8}")


def pixel_formats():
    for allocated in (8, 16, 32):
        for stored_bits in (1, 8, 10, 12, 14, 16, 32):
            if stored_bits <= allocated:
                for high_bit in sorted({stored_bits - 1, allocated - 1}):
                    for signed in (False, True):
                        for garbage in (False, True):
                            yield allocated, stored_bits, high_bit, signed, garbage


def rle_encoded(words):
    """Words as RLE (PS3.5 annex G): one segment per byte, the most significant first; literal runs only."""
    planes = words.astype(words.dtype.newbyteorder(">")).reshape(-1, 1).view(np.uint8).T
    segments = []
    for plane in planes:
        raw = plane.tobytes()
        runs = (raw[at : at + 128] for at in range(0, len(raw), 128))
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = np.cumsum([64, *(len(segment) for segment in segments)])[:-1]
    header = struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big endian", "deflated", "RLE"])
def test_every_bit_depth_sign_high_bit_and_byte_order_is_decoded_exactly(tmp_path, syntax):
    rng = np.random.default_rng(0)
    for allocated, stored_bits, high_bit, signed, garbage in pixel_formats():
        if syntax == "RLE" and high_bit != stored_bits - 1:
            continue  # HighBit applies to native data only: codecs return right-aligned values
        low = -(1 << (stored_bits - 1)) if signed else 0
        high = (1 << (stored_bits - int(signed))) - 1
        values = rng.integers(low, high, (ROWS, COLUMNS), endpoint=True)
        words = pixel_words(values, allocated, stored_bits, high_bit, garbage and syntax != "RLE")
        data = ct_slice(words, stored_bits=stored_bits, high_bit=high_bit, signed=signed)
        if syntax == "RLE":
            put_frames(data, [rle_encoded(words)], SYNTAXES["RLE"])
        else:
            data = encoded(data, syntax)
        frame, _ = read(data, tmp_path)
        expected = values.astype(np.float64).astype(np.float32)
        assert np.array_equal(frame.values, expected), (allocated, stored_bits, high_bit, signed, garbage)


@pytest.mark.parametrize("syntax", ["JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("allocated", "stored_bits"), [(8, 8), (16, 10), (16, 12), (16, 16)])
def test_lossless_codecs_preserve_every_value(tmp_path, syntax, signed, allocated, stored_bits):
    low = -(1 << (stored_bits - 1)) if signed else 0
    high = (1 << (stored_bits - int(signed))) - 1
    values = np.random.default_rng(0).integers(low, high, (ROWS, COLUMNS), endpoint=True)
    words = values.astype(f"{'i' if signed else 'u'}{allocated // 8}")
    data = ct_slice(words.view(f"u{allocated // 8}"), stored_bits=stored_bits, high_bit=stored_bits - 1, signed=signed)
    if syntax == "JPEG 2000":
        put_frames(data, [encode_array(words, bits_stored=stored_bits, photometric_interpretation=2)], SYNTAXES[syntax])
    else:
        with warnings.catch_warnings(action="ignore"):
            data.compress(SYNTAXES[syntax], generate_instance_uid=False)
    frame, rules = read(data, tmp_path)
    assert np.array_equal(frame.values, values)
    assert rules == set()


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("kind", ["HTJ2K", "JPEG lossless", "JPEG lossless, another encoder"])
def test_streams_of_independent_encoders_are_decoded_exactly(tmp_path, kind, bits):
    imagecodecs = pytest.importorskip("imagecodecs")
    values = np.random.default_rng(0).integers(0, 1 << bits, (64, 48)).astype(np.uint8 if bits == 8 else np.uint16)
    encode, syntax = {
        "HTJ2K": (lambda: imagecodecs.htj2k_encode(values, reversible=True), "201"),
        "JPEG lossless": (lambda: imagecodecs.ljpeg_encode(values, bitspersample=bits), "70"),
        "JPEG lossless, another encoder": (
            lambda: imagecodecs.jpeg_encode(values, lossless=True, bitspersample=bits),
            "57",
        ),
    }[kind]
    data = ct_slice(values, stored_bits=bits, high_bit=bits - 1, signed=False)
    put_frames(data, [encode()], f"1.2.840.10008.1.2.4.{syntax}")
    assert np.array_equal(read(data, tmp_path)[0].values, values)


def test_twelve_bit_jpeg_is_decoded_within_its_coding_error(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    values = (np.add.outer(np.arange(64), np.arange(48)) * 30).astype(np.uint16)
    data = ct_slice(values, stored_bits=12, high_bit=11, signed=False, LossyImageCompression="01")
    put_frames(data, [imagecodecs.jpeg_encode(values, level=98, bitspersample=12)], "1.2.840.10008.1.2.4.51")
    frame, rules = read(data, tmp_path)
    assert np.abs(frame.values - values).max() <= 2
    assert rules == set()


def test_the_sign_of_a_jpeg_2000_stream_takes_precedence_over_the_header(tmp_path):
    values = np.random.default_rng(0).integers(-2000, 2000, (ROWS, COLUMNS)).astype(np.int16)
    data = ct_slice(values.view(np.uint16), stored_bits=16, high_bit=15, signed=False)
    put_frames(data, [encode_array(values, photometric_interpretation=2)], SYNTAXES["JPEG 2000"])
    frame, rules = read(data, tmp_path)
    assert np.array_equal(frame.values, values)
    assert rules == {"DCM123"}


def test_undeclared_lossy_compression_is_reported(tmp_path):
    values = np.random.default_rng(0).integers(0, 2000, (64, 64)).astype(np.uint16)
    data = ct_slice(values, stored_bits=16, high_bit=15, signed=False)
    stream = encode_array(values, bits_stored=16, photometric_interpretation=2, compression_ratios=[4])
    put_frames(data, [stream], "1.2.840.10008.1.2.4.91")
    assert read(data, tmp_path)[1] == {"DCM602"}


@pytest.mark.parametrize(("kind", "keyword"), [("f4", "FloatPixelData"), ("f8", "DoubleFloatPixelData")])
@pytest.mark.parametrize("syntax", ["explicit", "big endian"])
def test_float_pixel_data_are_read_without_rescale(tmp_path, kind, keyword, syntax):
    values = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(kind)
    data = ct_slice(np.zeros((ROWS, COLUMNS), np.uint32), stored_bits=32, high_bit=31, signed=False)
    del data.RescaleSlope, data.RescaleIntercept, data.PixelData
    order = ">" if syntax == "big endian" else "<"
    setattr(data, keyword, values.astype(order + kind).tobytes())
    data.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
    assert np.array_equal(read(data, tmp_path)[0].values, values.astype(np.float32))


def test_large_unsigned_values_with_a_fractional_slope_do_not_wrap(tmp_path):
    words = np.array([[32768, 40000]], np.uint16)
    data = ct_slice(words, stored_bits=16, high_bit=15, signed=False, slope="0.5", intercept="-1024")
    assert read(data, tmp_path)[0].values.tolist() == [[15360.0, 18976.0]]


def inverted(data):
    """The same image in MONOCHROME1: its stored values inverted over their range."""
    low, high = (-32768, 32767) if data.PixelRepresentation else (0, (1 << data.BitsStored) - 1)
    stored = values_of(data) if data.PixelRepresentation else values_of(data).view(np.uint16)
    set_values(data, (low + high - stored.astype(np.int64)).astype(stored.dtype))
    data.PhotometricInterpretation = "MONOCHROME1"
    return data


@pytest.mark.parametrize("modality", ["CR", "DX", "MG", "XA", "RF", "IO", "PX"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("slope", ["1", "-10", "0.5"])
def test_a_display_image_in_monochrome1_equals_the_same_image_in_monochrome2(tmp_path, modality, signed, slope):
    bits = 16 if signed else 12
    words = np.random.default_rng(0).integers(0, 1 << bits, (ROWS, COLUMNS)).astype(np.uint16)
    pair = [
        ct_slice(
            words, stored_bits=bits, high_bit=bits - 1, signed=signed, slope=slope, intercept="30", Modality=modality
        )
        for _ in range(2)
    ]
    first, second = read(pair[0], tmp_path)[0], read(inverted(pair[1]), tmp_path)[0]
    assert np.array_equal(first.values, second.values)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "NM"])
def test_a_quantity_in_monochrome1_keeps_its_values(tmp_path, modality):
    words = np.random.default_rng(0).integers(0, 4096, (ROWS, COLUMNS)).astype(np.uint16)
    pair = [ct_slice(words, stored_bits=12, high_bit=11, signed=False, Modality=modality) for _ in range(2)]
    pair[1].PhotometricInterpretation = "MONOCHROME1"
    assert np.array_equal(read(pair[0], tmp_path)[0].values, read(pair[1], tmp_path)[0].values)


@pytest.mark.parametrize(
    ("signed", "vr", "value", "limit", "padded"),
    [
        (True, "SS", -2000, None, [-2000]),
        (True, "US", 63536, None, [-2000]),  # bit pattern of the wrong VR
        (True, "SS", -3024, -2000, [-3024, -2500, -2000]),  # an inclusive range
        (True, "SS", -2000, -3024, [-3024, -2500, -2000]),  # in either order
        (True, "SS", -32768, None, [-32768]),
        (False, "US", 0, None, [0]),
        (False, "US", 63536, None, [63536]),
        (False, "SS", -2000, None, [63536]),
        (False, "US", 65535, 65000, [65000, 65200, 65535]),
    ],
)
def test_padding_is_masked_in_stored_values(tmp_path, signed, vr, value, limit, padded):
    values = np.full((ROWS, COLUMNS), 100)
    values[0, : len(padded)] = padded
    values[1, :2] = (-1999, -1000) if signed else (1, 64000)
    data = ct_slice(values.astype(np.uint16), stored_bits=16, high_bit=15, signed=signed, intercept=str(INTERCEPT))
    data.add_new(0x00280120, vr, value)
    if limit is not None:
        data.add_new(0x00280121, vr, limit)
    frame, _ = read(data, tmp_path)
    expected = np.zeros((ROWS, COLUMNS), bool)
    expected[0, : len(padded)] = True
    assert np.array_equal(frame.padding, expected)
    assert np.array_equal(frame.values, values + INTERCEPT), "padding keeps its value: the mask lies beside it"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_modality_lut_maps_stored_values_and_clamps_at_its_ends(tmp_path, signed, bits):
    first = -5 if signed else 10
    entries = np.arange(20) ** 2 % 251
    stored = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 60 - (20 if signed else 0)
    data = ct_slice(stored.astype(np.uint16), stored_bits=16, high_bit=15, signed=signed)
    del data.RescaleSlope, data.RescaleIntercept
    table = item(ModalityLUTType="US")
    table[0].add_new(0x00283002, "SS" if signed else "US", [20, first, bits])
    table[0].add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    data.ModalityLUTSequence = table
    expected = entries[np.clip(stored - first, 0, 19)]
    assert np.array_equal(read(data, tmp_path)[0].values, expected)


def test_a_real_world_value_mapping_is_applied_if_there_is_no_rescale(tmp_path):
    words = np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(ROWS, COLUMNS)
    data = ct_slice(words, stored_bits=16, high_bit=15, signed=False)
    del data.RescaleSlope, data.RescaleIntercept
    mapping = item(RealWorldValueSlope=0.25, RealWorldValueIntercept=-3.0, LUTLabel="map")
    mapping[0].add_new(0x00409216, "US", 10)
    mapping[0].add_new(0x00409211, "US", 1000)
    mapping[0].MeasurementUnitsCodeSequence = item(CodeValue="mm2/s", CodingSchemeDesignator="UCUM", CodeMeaning="area")
    data.RealWorldValueMappingSequence = mapping
    frame, _ = read(data, tmp_path)
    assert np.array_equal(frame.values, words * 0.25 - 3)
    assert np.array_equal(frame.padding, (words < 10) | (words > 1000)), "no value is defined outside the mapped range"


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "another size"])
def test_a_damaged_stream_is_refused(tmp_path, damage):
    values = np.random.default_rng(0).integers(0, 4000, (64, 64)).astype(np.uint16)
    data = ct_slice(values, stored_bits=12, high_bit=11, signed=False)
    stream = bytes(encode_array(values, photometric_interpretation=2))
    broken = {"cut": stream[:60], "noise": bytes(len(stream)), "empty": b"\0\0", "another size": stream}[damage]
    if damage == "another size":
        data.Rows = 32
    put_frames(data, [broken], SYNTAXES["JPEG 2000"])
    with pytest.raises(Refusal, match="DCM002"):
        read(data, tmp_path)
