"""What a step of training takes in memory, before it is run: what the way back keeps, counted without data.

The net runs once on torch's meta device, which has shapes and no values, while every tensor that the way
back will ask for is counted, each once. To these come weights, gradients, the optimiser's and the averaged
weights, the batch, and room for the largest features in work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from isocenter.nets.building import build_net
from isocenter.nets.topology import Topology

_STATES = {"adamw": 5, "sgd": 4}  # weights, gradients, averages, and one or two moments
_IN_WORK = 3  # of the largest tensors beside each other
_PROCESS_BYTES = {"cpu": 600 * 2**20, "cuda": 500 * 2**20}  # libraries and their buffers


def step_bytes(
    net: Mapping[str, Any], shaped: Topology, batch: int, channels_in: int, channels_out: int, *,
    half: bool = True, recompute: bool = False, optimiser: str = "adamw", device: str = "cpu",
) -> int:  # fmt: skip
    """Bytes at the peak of a training step.

    Args:
        half: features in 16 bits (bfloat16 or float16), else 32.
        recompute: as `training.recompute`.
        optimiser: `adamw` or `sgd`.
        device: whose libraries are counted, `cpu` or `cuda`.
    """
    with torch.device("meta"):
        built = build_net(net, shaped, channels_in, channels_out, recompute=recompute)
    weights = sum(value.numel() for value in built.parameters()) * 4
    kind = torch.bfloat16 if half else torch.float32
    built = built.to(kind).train()
    kept = _Kept({value.untyped_storage()._cdata for value in built.parameters()})
    image = torch.empty((batch, channels_in, *shaped.patch), dtype=kind, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
        logits = built(image)
        for one in logits if isinstance(logits, (list, tuple)) else [logits]:
            torch.nn.functional.log_softmax(one.float(), dim=1).exp().sum()
    of_batch = batch * (channels_in * 4 + 8) * int(torch.tensor(shaped.patch).prod())
    return kept.total + _IN_WORK * kept.largest + weights * _STATES[optimiser] + of_batch + _PROCESS_BYTES[device]


class _Kept:
    """Bytes of the tensors that are kept for the way back, each storage once, weights left out."""

    def __init__(self, known: set[int]) -> None:
        self._seen = known
        self._alive: list[torch.Tensor] = []  # so that no storage's address is used again
        self.total = self.largest = 0

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """Count one."""
        address = tensor.untyped_storage()._cdata
        if address not in self._seen:
            self._seen.add(address)
            self._alive.append(tensor)
            size = tensor.untyped_storage().nbytes()
            self.total += size
            self.largest = max(self.largest, size)
        return tensor
