"""Two processes in one folder: the second waits or is told, and a killed one holds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pytest

from gnomon.commands.launch import launch
from gnomon.io.locks import exclusive_access, wait_for_turn
from gnomon.rules.finding import Refusal
from tests.conftest import TINY

HOLD = """
import sys, time
from pathlib import Path
from gnomon.io.locks import exclusive_access

with exclusive_access(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_that_another_process_works_in_is_refused_until_it_ends_or_is_killed(tmp_path):
    process = holder(tmp_path / "run")
    try:
        with pytest.raises(Refusal, match="USE132"), exclusive_access(tmp_path / "run"):
            pass
        with exclusive_access(tmp_path / "other"):  # another folder is free
            pass
    finally:
        process.kill()
        process.wait()
    with exclusive_access(tmp_path / "run"):
        pass


def test_who_comes_second_waits_for_the_first(tmp_path, capsys):
    order, entered = [], threading.Event()

    def first():
        with wait_for_turn(tmp_path / "data", "the data"):
            entered.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    with wait_for_turn(tmp_path / "data", "the data"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting for another process that makes the data" in capsys.readouterr().out


def test_a_training_refuses_a_folder_that_another_one_works_in(tiny_run, capsys):
    process = holder(tiny_run)
    try:
        assert launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={tiny_run}"]) == 2
    finally:
        process.kill()
        process.wait()
    assert "USE132" in capsys.readouterr().err


def test_two_trainings_that_begin_at_once_share_the_data_that_one_of_them_prepares(tmp_path):
    arguments = [*TINY, "training.epochs=1", f"workspace={tmp_path}"]
    command = [sys.executable, "-m", "gnomon", "train", *arguments]
    running = [
        subprocess.Popen(
            [*command, f"output={tmp_path / name}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in "ab"
    ]
    told = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    assert sum("waiting for another process" in text for text in told) <= 1  # none where one was done before
    hashes = {json.loads((tmp_path / name / "manifest.json").read_text())["weights_sha256"] for name in "ab"}
    assert len(hashes) == 1
