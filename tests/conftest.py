"""Fixtures that several rooms share: the real data, a small Medical Decathlon folder, a small phantom run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from hypothesis import settings

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.io.images import write_image

settings.register_profile("gnomon", deadline=None, derandomize=True)  # the same examples on every machine
settings.load_profile("gnomon")

TINY = [
    "experiment=phantom",
    "phantom.studies=8",
    "preparation.splits.folds=2",
    "preparation.workers=1",
    "conversion.workers=1",
    "evaluation.workers=1",
    "preparation.plan.max_patch_voxels=8000",
    "training.epochs=2",
    "training.steps_per_epoch=2",
    "training.precision=32-true",
    "net.features=4",
    "trackers.wandb=off",
    "trackers.tensorboard=false",
]


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What libraries put into the temporary folder and leave there goes where pytest clears up."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("t")
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield


@pytest.fixture(autouse=True)
def seeded_global_generators(request: pytest.FixtureRequest) -> None:
    """Draws from the global generators repeat; GNOMON_TEST_SEED and pytest-repeat's step choose others."""
    step = (
        request.node.callspec.params.get("__pytest_repeat_step_number", 0) if hasattr(request.node, "callspec") else 0
    )
    seed = int(os.environ.get("GNOMON_TEST_SEED", "0")) + (step or 0)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)


@pytest.fixture(scope="session")
def shipped_files() -> list[Path]:
    """The test files inside the pydicom package (its own function for them would try to download more)."""
    return sorted(path for path in (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a real data set by name, or a skip where it is not there."""
    root = Path(__file__).resolve().parents[2] / "shared" / "data"

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"real data `{name}` is not beside the checkout (../shared/data)")
        return root / name

    return find


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a tiny phantom; its workspace is the parent's parent."""
    workspace = tmp_path_factory.mktemp("tiny")
    output = workspace / "run"
    assert launch("train", [*TINY, f"workspace={workspace}", f"output={output}"]) == 0
    return output


def write_decathlon(root: Path, cases: int, shape: tuple[int, int, int] = (20, 24, 16)) -> Path:
    """A Medical Decathlon folder of `cases` small boxes in noise, one structure each."""
    rng = np.random.default_rng(0)
    grid = Grid.from_parts(shape, (1.0, 1.0, 2.0), (-10.0, 5.0, 3.0))
    names = [f"case_{i:03d}" for i in range(cases)]
    for name in names:
        label = np.zeros(shape, np.uint8)
        x, y, z = rng.integers(2, 8, 3)
        label[x : x + 8, y : y + 8, z : z + 5] = 1
        image = rng.normal(0, 0.2, shape).astype(np.float32) + label
        write_image(root / "imagesTr" / f"{name}.nii.gz", image, grid)
        write_image(root / "labelsTr" / f"{name}.nii.gz", label, grid)
    description = {
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "box"},
        "training": [{"image": f"./imagesTr/{n}.nii.gz", "label": f"./labelsTr/{n}.nii.gz"} for n in names],
    }
    (root / "dataset.json").write_text(json.dumps(description))
    return root


@pytest.fixture
def decathlon(tmp_path: Path) -> Path:
    """Eight small boxes as a Medical Decathlon folder."""
    return write_decathlon(tmp_path / "decathlon", 8)


def kill_at_first_checkpoint(arguments: list[str], output: Path) -> int:
    """Train in a process that is killed once it has saved; the step it had reached."""
    saved = output / "checkpoints" / "last.ckpt"
    process = subprocess.Popen([sys.executable, "-m", "gnomon", "train", *arguments], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while not saved.is_file() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    return int(torch.load(saved, weights_only=True)["global_step"])
