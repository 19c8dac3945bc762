from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gnomon.io.artifacts import (
    atomic_replacement,
    map_array,
    read_findings,
    read_json,
    write_array,
    write_findings,
    write_json,
    write_rows,
    write_text,
)
from gnomon.rules.finding import Finding, Refusal, Severity


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), atomic_replacement(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "values.json"
    program = (
        "import sys; from pathlib import Path; from gnomon.io.artifacts import write_json\n"
        "i = 0\n"
        "while True: i += 1; write_json(Path(sys.argv[1]), [i] * 20000)"
    )
    for wait_s in (0.0, 0.011, 0.023, 0.037):
        writer = subprocess.Popen([sys.executable, "-c", program, str(path)])
        deadline = time.monotonic() + 60
        while not path.is_file() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1 + wait_s)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        values = json.loads(path.read_text())
        assert len(values) == 20000
        assert len(set(values)) == 1
    write_json(path, [])
    assert [one.name for one in tmp_path.iterdir()] == ["values.json"], "the killed writers' parts are swept up"


def test_a_folder_replaces_a_folder_whole(tmp_path):
    for content in ("old", "new"):
        with atomic_replacement(tmp_path / "case") as temporary:
            temporary.mkdir()
            (temporary / f"{content}.txt").write_text(content)
    assert [path.name for path in (tmp_path / "case").iterdir()] == ["new.txt"]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"dice": float("nan")})
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(("content", "rule"), [(None, "ART101"), ("{", "ART102")])
def test_missing_and_broken_json_are_told_apart(tmp_path, content, rule):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(Refusal, match=rule):
        read_json(tmp_path / "a.json", "the data set")


def test_tables_keep_every_digit_and_leave_none_empty(tmp_path):
    write_rows(tmp_path / "t.csv", [{"a": 0.1 + 0.2, "b": None, "c": np.float64(1 / 3)}])
    assert (tmp_path / "t.csv").read_text() == "a,b,c\n0.30000000000000004,,0.3333333333333333\n"


def test_arrays_come_back_memory_mapped(tmp_path):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    write_array(tmp_path / "a.npy", array)
    mapped = map_array(tmp_path / "a.npy")
    assert np.array_equal(mapped, array)
    assert isinstance(mapped.base, np.memmap) or isinstance(mapped, np.memmap)


def test_findings_survive_json_lines(tmp_path):
    findings = [
        Finding(
            rule="DCM001",
            where="file x",
            found="a",
            expected="b",
            remedy="c",
            severity=Severity.INFO,
        ),
        Finding(
            rule="PRP101",
            where="case y",
            found="ä\nö",
            expected="b",
            remedy="c",
        ),
    ]
    write_findings(tmp_path / "f.jsonl", findings)
    assert read_findings(tmp_path / "f.jsonl") == findings
    assert read_findings(tmp_path / "none.jsonl") == []
