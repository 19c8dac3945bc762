"""Hostile files: every mutant yields a row or a finding, in bounded time and memory."""

from __future__ import annotations

import resource
import shutil
import struct
import time
import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest

from gnomon.dicom import convert_studies
from gnomon.rules.finding import Refusal
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import SYNTAXES, concatenation, encoded, enhanced, mosaic, ramp_series, save

LIMIT_S = 5.0
MEMORY_BYTES = 1 << 30
SETTINGS = ConvertSettings(workers=1, pseudonym_key="k", missing="resample", tilt="straighten")
NUMBERS = (0, 1, 2, 7, 8, 255, 256, 4095, 32767, 32768, 65535, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
TEXTS = (
    b"nan",
    b"inf",
    b"1e999",
    b"-1",
    b"0",
    b"0,5",
    b"\\" * 9,
    b"1\\2",
    b"\xff\xfe",
    b"%s%n",
    b"../..",
    b"",
    b"9" * 70,
)
SHIPPED_BYTES = 40_000


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, shipped_files):
    """Lists of file contents; the first of each is mutated, the others are left intact."""
    folder = tmp_path_factory.mktemp("seeds")

    def contents(files):
        return [save(data, folder / f"{number}").read_bytes() for number, data in enumerate(files)]

    contents_by_seed = [contents([encoded(data, syntax) for data in ramp_series(slices=3)]) for syntax in SYNTAXES]
    contents_by_seed += [contents([encoded(enhanced(ramp_series(slices=4)), syntax)]) for syntax in SYNTAXES]
    contents_by_seed += [contents(concatenation(ramp_series(slices=4))), contents([mosaic(ramp_series(slices=4))])]
    return [*contents_by_seed, *([path.read_bytes()] for path in shipped_files if path.stat().st_size <= SHIPPED_BYTES)]


def mutated(content, rng, others):
    """One to four mutations, some at element boundaries, some anywhere."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        MUTATIONS[int(rng.integers(len(MUTATIONS)))](data, rng, others)
        if len(data) < 8:
            break
    return bytes(data)


def element_offsets(data):
    """Offsets that look like the start of an explicit VR element."""
    vrs = {b"UI", b"CS", b"DS", b"IS", b"US", b"SS", b"LO", b"SQ", b"OB", b"OW", b"UL", b"FD", b"SH", b"PN", b"UN"}
    found = [at for at in range(128, min(len(data) - 12, 6000), 2) if bytes(data[at + 4 : at + 6]) in vrs]
    return found or [132 if len(data) > 160 else 0]


def pick(items, rng):
    return items[int(rng.integers(len(items)))]


def flip_bytes(data, rng, others):
    for at in rng.integers(0, len(data), int(rng.integers(1, 16))):
        data[at] = int(rng.integers(256))


def flip_a_header_byte(data, rng, others):
    at = pick(element_offsets(data), rng) + int(rng.integers(0, 12))
    if at < len(data):
        data[at] = int(rng.integers(256))


def cut(data, rng, others):
    del data[int(rng.integers(0, len(data))) :]


def set_length(data, rng, others):
    at = pick(element_offsets(data), rng)
    number = pick(NUMBERS, rng)
    short = struct.pack("<H", number & 0xFFFF)
    if rng.random() < 0.5:
        data[at + 6 : at + 8] = short
    else:
        data[at + 8 : at + 12] = struct.pack("<I", number)


def set_vr(data, rng, others):
    at = pick(element_offsets(data), rng)
    data[at + 4 : at + 6] = pick((b"SQ", b"UN", b"OB", b"DS", b"US", b"??", b"\0\0", b"FD", b"UT"), rng)


def set_number(data, rng, others):
    at = pick(element_offsets(data), rng)
    width = pick((2, 4), rng)
    data[at + 8 : at + 8 + width] = struct.pack("<I", pick(NUMBERS, rng))[:width]


def set_text(data, rng, others):
    at = pick(element_offsets(data), rng)
    length = struct.unpack_from("<H", data, at + 6)[0] if at + 8 <= len(data) else 0
    if 0 < length < 200:
        data[at + 8 : at + 8 + length] = pick(TEXTS, rng).ljust(length)[:length]


def drop_element(data, rng, others):
    positions = element_offsets(data)
    k = int(rng.integers(len(positions)))
    end = positions[k + 1] if k + 1 < len(positions) else positions[k] + 8
    del data[positions[k] : end]


def repeat_element(data, rng, others):
    positions = element_offsets(data)
    k = int(rng.integers(len(positions)))
    end = positions[k + 1] if k + 1 < len(positions) else positions[k] + 8
    data[end:end] = data[positions[k] : end] * int(rng.integers(1, 20))


def nest_deep(data, rng, others):
    at = pick(element_offsets(data), rng)
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    data[at:at] = opening * int(rng.integers(1, 3000))


def many_elements(data, rng, others):
    at = pick(element_offsets(data), rng)
    data[at:at] = b"\x09\x00\x10\x00LO\x00\x00" * int(rng.integers(1, 60000))


def splice(data, rng, others):
    other = pick(others, rng)[0]
    data[int(rng.integers(len(data))) :] = other[int(rng.integers(len(other))) :]


def noise_at_the_end(data, rng, others):
    at = int(len(data) * rng.uniform(0.6, 1.0))
    data[at:] = rng.integers(0, 256, len(data) - at, dtype=np.uint8).tobytes()


MUTATIONS = (
    flip_bytes,
    flip_bytes,
    flip_a_header_byte,
    flip_a_header_byte,
    cut,
    set_length,
    set_length,
    set_vr,
    set_number,
    set_number,
    set_text,
    set_text,
    drop_element,
    repeat_element,
    nest_deep,
    many_elements,
    splice,
    noise_at_the_end,
)


def convert_and_time(contents, folder):
    """Convert the files, assert that each is accounted for, and return the seconds taken."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "studies").mkdir(parents=True)
    for number, content in enumerate(contents):
        (folder / "studies" / f"{number}").write_bytes(content)
    start_s = time.monotonic()
    try:
        done = convert_studies(folder / "studies", folder / "volumes", SETTINGS)
    except Refusal as refusal:
        assert refusal.findings[0].rule == "USE102"
        return time.monotonic() - start_s
    took_s = time.monotonic() - start_s
    rows = pq.read_table(folder / "volumes" / "instances.parquet").to_pylist()
    assert len(rows) == len(contents)
    reported = {finding.where for finding in done.findings}
    converted = {row["series_uid"] for row in done.rows}
    for row in rows:
        assert (
            f"file {row['file']}" in reported
            or row["references"]
            or not row["sop_uid"]
            or row["series_uid"] in converted
        )
        assert row["sop_uid"] or row["rule"] or row["sop_class"] == "1.2.840.10008.1.3.10"
    return took_s


def fuzz(seeds, folder, count, seed):
    rng = np.random.default_rng(seed)
    slowest_s = 0.0
    for _ in range(count):
        files = pick(seeds, rng)
        with warnings.catch_warnings(action="ignore"):
            took_s = convert_and_time([mutated(files[0], rng, seeds), *files[1:]], folder)
        slowest_s = max(slowest_s, took_s / len(files))
    return slowest_s


def peak_bytes():
    usages = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usages) * 1024


def test_three_hundred_mutants_each_yield_a_row_or_a_finding(seeds, tmp_path):
    assert fuzz(seeds, tmp_path / "mutant", 300, seed=0) <= LIMIT_S


@pytest.mark.slow
def test_ten_thousand_mutants_each_yield_a_row_or_a_finding(seeds, tmp_path):
    before = peak_bytes()
    assert fuzz(seeds, tmp_path / "mutant", 10_000, seed=1) <= LIMIT_S
    assert peak_bytes() < max(MEMORY_BYTES, before), "a worker's memory"


def test_every_file_shipped_with_pydicom_yields_a_volume_or_a_finding(tmp_path, shipped_files):
    contents = [path.read_bytes() for path in shipped_files]
    assert len(contents) > 50
    assert convert_and_time(contents, tmp_path / "shipped") / len(contents) <= LIMIT_S
