"""A mistake is reported before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gnomon import __version__
from gnomon.commands.launch import DONE, USAGE

HEAVY = ("torch", "pytorch_lightning", "torchio", "wandb", "nnunetv2", "SimpleITK")
PROGRAM = """
import json, sys
from gnomon.commands.launch import launch
code = launch(sys.argv[1], sys.argv[2:])
print(json.dumps([code, [name for name in {heavy} if name in sys.modules]]), file=sys.stderr)
"""


def launched(arguments, folder):
    """Exit code, heavy modules that were imported, standard output and standard error of a command."""
    command = [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    *lines, last = done.stderr.splitlines()
    return (*json.loads(last), done.stdout, "\n".join(lines))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "experiment=foo"], ["USE133 experiment", "hippocampus"]),
        (["train", "net=foo"], ["USE133 net", "attention_unet", "unetr"]),
        (["train", "traning.epochs=3"], ["USE108 traning", "expected training"]),
        (["train", "training.epochs=0"], ["USE115 training.epochs", "found 0", "1 to 1000000"]),
        (["train", "training.loss.overlap=dise"], ["USE115 training.loss.overlap", "expected dice"]),
        (["train", "net.feature=3"], ["USE108 net.feature", "expected features"]),
        (["train", "experiment=hippocampus"], ["USE109 data.root"]),
        (["train", "experiment=hippocampus", "data.root=/nowhere"], ["USE101 /nowhere"]),
        (["train", "trainer.benchmark=true"], ["USE135 trainer.benchmark"]),
        (["predict", "run=/nowhere", "input=.", "output=p"], ["USE101 /nowhere"]),
        (["audit", "input=.", "output=a", "audit=nothing"], ["USE133 audit", "ct_segmentation"]),
    ],
)
def test_a_mistake_is_reported_before_torch_is_imported(arguments, words, tmp_path):
    code, heavy, _, error = launched(arguments, tmp_path)
    assert code == USAGE
    assert heavy == []
    assert all(word in error for word in words), error
    assert "ydra" not in error


@pytest.mark.parametrize("command", ["train", "audit", "nnunet"])
def test_help_imports_nothing_heavy(command, tmp_path):
    code, heavy, out, _ = launched([command, "--help"], tmp_path)
    assert (code, heavy) == (DONE, [])
    assert out.startswith(f"gnomon {command}")


def test_the_version_is_printed_without_torch(tmp_path):
    program = "import sys; from gnomon.commands import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == f"gnomon {__version__}\n"


def test_a_list_of_options_is_complete_and_the_closest_comes_first(tmp_path):
    _, _, _, error = launched(["train", "net=plain_unett"], tmp_path)
    assert "expected plain_unet, " in error
    assert all(name in error for name in ("mednext", "res_enc_unet", "seg_resnet", "small", "swin_unetr", "tiny"))
