"""Memory of a training step: the estimate of the planner against the memory of a process.

    python -m benchmarks.step_memory

Each line is a process of its own that makes three steps of the net on random patches and reports the most
memory it held; on a machine with a GPU, the most that torch held there.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from gnomon.dataset.topology import make_topology
from gnomon.nets import build_net, step_bytes
from gnomon.settings import LossSettings
from gnomon.training.callbacks import weight_averaging  # noqa: F401 - loads what a training loads
from gnomon.training.losses import build_loss, deep_supervision_loss

ROOT = Path(__file__).resolve().parents[1]
CASES: list[dict[str, Any]] = [
    {
        "net": {"name": name, "features": features},
        "patch": patch,
        "batch": batch,
        "half": half,
        "activation_checkpointing": activation_checkpointing,
    }
    for name, features, patch, batch, half, activation_checkpointing in (
        ("plain_unet", 16, (40, 56, 40), 4, True, False),
        ("plain_unet", 32, (40, 56, 40), 9, True, False),
        ("plain_unet", 32, (40, 56, 40), 9, False, False),
        ("plain_unet", 32, (96, 96, 96), 2, True, False),
        ("plain_unet", 32, (96, 96, 96), 2, True, True),
        ("plain_unet", 32, (128, 128, 32), 2, True, False),
        ("res_enc_unet", 32, (64, 64, 64), 2, True, False),
        ("mednext", 32, (64, 64, 64), 2, True, False),
        ("seg_resnet", 16, (96, 96, 96), 2, True, False),
        ("attention_unet", 16, (96, 96, 96), 2, True, False),
    )
]
CHANNELS = 3


def taken_bytes(case: dict[str, Any]) -> int:
    """Peak memory of three steps of a case."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shaped = make_topology((1, 1, 1), case["patch"])
    net = build_net(case["net"], shaped, 1, CHANNELS, activation_checkpointing=case["activation_checkpointing"]).to(
        device=device, memory_format=torch.channels_last_3d
    )
    averages = [value.detach().clone() for value in net.parameters()]
    optimiser = torch.optim.AdamW(net.parameters())
    loss = build_loss(LossSettings(), (1, 1, 1))
    image = torch.rand(case["batch"], 1, *shaped.patch, device=device)
    label = (image[:, 0] * CHANNELS).long()
    for _ in range(3):
        with torch.autocast(device, torch.bfloat16, enabled=case["half"]):
            total = deep_supervision_loss(net(image.contiguous(memory_format=torch.channels_last_3d)), label, loss)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        torch._foreach_lerp_(averages, list(net.parameters()), 0.1)
    if device == "cuda":
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    if len(sys.argv) > 1:
        print(taken_bytes(json.loads(sys.argv[1])))
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print("| net | patch | batch | bits | activation_checkpointing | counted, GiB | taken, GiB | counted / taken |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        shaped = make_topology((1, 1, 1), case["patch"])
        counted = step_bytes(
            case["net"],
            shaped,
            case["batch"],
            1,
            CHANNELS,
            half=case["half"],
            activation_checkpointing=case["activation_checkpointing"],
            device=device,
        )
        command = [sys.executable, "-m", "benchmarks.step_memory", json.dumps(case)]
        taken = int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
        cells = (
            f"{case['net']['name']} {case['net']['features']}",
            " x ".join(map(str, shaped.patch)),
            case["batch"],
            16 if case["half"] else 32,
            case["activation_checkpointing"],
            f"{counted / 2**30:.2f}",
            f"{taken / 2**30:.2f}",
            f"{counted / taken:.2f}",
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
