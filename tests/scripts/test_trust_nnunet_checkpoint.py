from __future__ import annotations

import collections
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gnomon.nnunet.weights import read_checkpoint
from gnomon.rules.finding import Refusal

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "trust_nnunet_checkpoint.py"


def test_a_checkpoint_that_holds_more_is_refused_until_it_was_cleaned(tmp_path):
    weights = {"encoder.weight": torch.arange(6.0).reshape(2, 3)}
    extra = {"logging": collections.Counter(a=1), "path": Path("somewhere"), "current_epoch": 3}
    torch.save({"network_weights": weights, **extra}, tmp_path / "full.pth")
    with pytest.raises(Refusal, match="NNU101"):
        read_checkpoint(tmp_path / "full.pth")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "full.pth"), str(tmp_path / "clean.pth")]
    subprocess.run(command, check=True, capture_output=True)
    clean = read_checkpoint(tmp_path / "clean.pth")
    assert torch.equal(clean["network_weights"]["encoder.weight"], weights["encoder.weight"])
    assert clean["current_epoch"] == 3 and "path" not in clean
