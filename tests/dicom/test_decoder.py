"""Decoding in a child process that can be killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from openjpeg.utils import encode_array

from gnomon.dicom import convert_studies
from gnomon.dicom.pixels import codecs
from gnomon.dicom.pixels.codecs import missing_decoder
from gnomon.dicom.pixels.decoder import DecoderError, FrameDecoder
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import put_frames, ramp_series, write

J2K = "1.2.840.10008.1.2.4.90"
VALUES = np.random.default_rng(0).integers(0, 4096, (48, 40)).astype(np.uint16)
STREAM = bytes(encode_array(VALUES, photometric_interpretation=2))


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A decoder that hangs, crashes, exhausts memory or prints, depending on the first byte of the frame."""
    script = tmp_path / "hostile.py"
    source = Path(codecs.__file__).read_text().replace("def decode(", "def honest(", 1)
    head, tail = source.split("_Decoder = Callable", 1)
    script.write_text(
        head
        + """
def decode(transfer_syntax, data, rows, columns, bits_allocated):
    if data[:1] == b"h":
        while True:
            pass
    if data[:1] == b"c":
        os.kill(os.getpid(), 11)
    if data[:1] == b"m":
        return np.ones((8 << 30), np.uint8), None
    print("a codec chatters on standard output", flush=True)
    os.write(1, b"and on its descriptor")
    return honest(transfer_syntax, data, rows, columns, bits_allocated)


_Decoder = Callable"""
        + tail
    )
    monkeypatch.setattr(codecs, "__file__", str(script))


def test_lossless_frames_are_decoded_exactly():
    with FrameDecoder() as decoder:
        for _ in range(3):
            words, stream = decoder.decode(J2K, STREAM, 48, 40, 16)
            assert np.array_equal(words, VALUES)
            assert (stream.precision, stream.signed, stream.lossy) == (12, False, False)


@pytest.mark.parametrize(("frame", "reason"), [(b"h", "longer"), (b"c", "crashed"), (b"m", "MemoryError")])
def test_a_decoder_that_hangs_crashes_or_exhausts_memory_fails_one_frame_only(hostile, frame, reason):
    with FrameDecoder(time_limit_s=2.0) as decoder:
        start_s = time.monotonic()
        with pytest.raises(DecoderError, match=reason):
            decoder.decode(J2K, frame, 48, 40, 16)
        assert time.monotonic() - start_s < 30
        assert np.array_equal(decoder.decode(J2K, STREAM, 48, 40, 16)[0], VALUES), "the next frame is decoded"


def test_a_killed_decoder_is_restarted():
    with FrameDecoder() as decoder:
        decoder.decode(J2K, STREAM, 48, 40, 16)
        os.kill(decoder._process.pid, signal.SIGKILL)
        decoder._process.wait()
        assert np.array_equal(decoder.decode(J2K, STREAM, 48, 40, 16)[0], VALUES)


def test_the_decoder_process_ends_with_its_context():
    with FrameDecoder() as decoder:
        decoder.decode(J2K, STREAM, 48, 40, 16)
        process = decoder._process
    assert process.poll() is not None


@pytest.mark.parametrize("syntax", ["50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203"])
def test_a_plain_install_has_a_decoder_for_every_common_syntax(syntax):
    assert missing_decoder(f"1.2.840.10008.1.2.4.{syntax}") == ""


def test_a_missing_decoder_is_named():
    assert "JPEG XL" in missing_decoder("1.2.840.10008.1.2.4.112")
    assert "MPEG" in missing_decoder("1.2.840.10008.1.2.4.102")


def test_a_frame_that_crashes_the_decoder_refuses_its_volume(hostile, tmp_path):
    series = ramp_series()
    for data in series:
        put_frames(data, [b"c" + bytes(63)], J2K)
    done = convert_studies(write(series, tmp_path / "studies"), tmp_path / "volumes", ConvertSettings(workers=1))
    assert [row["decision"] for row in done.rows] == ["reject"]
    assert "DCM006" in {finding.rule for finding in done.findings}
