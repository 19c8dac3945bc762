"""The walk from a NIfTI folder to a model with one's own net, run as docs/own_data.md has it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gnomon
from tests.conftest import write_decathlon

PAGE = Path(__file__).parents[2] / "docs" / "own_data.md"
BLOCK = re.compile(r"```(\w+)(?: file=(\S+))?\n(.*?)```", flags=re.DOTALL)
MOST_LINES = 15
QUICK = (
    "preparation.splits.folds=2 preparation.workers=1 evaluation.workers=1 preparation.plan.max_patch_voxels=8000 "
    "training.epochs=1 training.steps_per_epoch=2 training.precision=32-true trackers.wandb=off "
    "trackers.tensorboard=false"
)


def blocks() -> list[tuple[str, str, str]]:
    return [(kind, file, text) for kind, file, text in BLOCK.findall(PAGE.read_text())]


def test_the_walk_takes_at_most_fifteen_lines() -> None:
    lines = [line for _, _, text in blocks() for line in text.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


def test_the_walk_ends_with_a_report_of_a_model_with_ones_own_net(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    write_decathlon(tmp_path / "FOLDER", 4)
    (tmp_path / "FOLDER" / "dataset.json").unlink()
    site, programs = tmp_path / "site", tmp_path / "bin"
    programs.mkdir()
    for name, start in {"gnomon": f"{sys.executable} -m gnomon", "python": sys.executable}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (programs / name).chmod(0o755)
    paths = [site, tmp_path / "my-project" / "src", Path(gnomon.__file__).parents[1]]  # as an editable installation
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PIP_TARGET": str(site),
        "PIP_NO_INDEX": "1",
    }
    for kind, file, text in blocks():
        if file:
            (tmp_path / file).write_text(text)
        elif kind == "sh":
            command = text.strip() + (f" {QUICK}" if "gnomon train" in text else "")
            done = subprocess.run(command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    (manifest,) = (tmp_path / "runs").glob("nifti-*/manifest.json")
    facts = json.loads(manifest.read_text())
    assert facts["config"]["net"] == {"name": "my_project", "features": 8}
    assert [row["distribution"] for row in facts["extensions"] if "nets:my_project" in row["provides"]] == [
        "my-project"
    ]
    report = manifest.with_name("report.html").read_text()
    assert "volume ratio" in report  # the measure of the package
