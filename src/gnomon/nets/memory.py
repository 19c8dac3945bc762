"""Memory of a training step, estimated before it is run from the activations saved for the backward pass.

The net runs once on torch's meta device, which has shapes and no values, while every tensor that autograd saves is
counted once. Weights, gradients, moments of the optimiser, averaged weights, the batch and temporary copies of the
largest features are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gnomon.dataset.topology import Topology
from gnomon.nets.building import build_net

_STATES = {"adamw": 5, "sgd": 4}  # weights, gradients, averages, and one or two moments
_IN_WORK = 3  # copies of the largest tensor at a time
_OF_LOSS = 6  # tensors like the logits in float32
_RECOMPUTED = (
    0.6  # of the activations without checkpointing, at the most expensive stage of the backward pass; measured
)
_PROCESS_BYTES = {"cpu": 900 * 2**20, "cuda": 500 * 2**20}  # libraries and their buffers: measured, and estimated


def step_bytes(
    net: Mapping[str, Any],
    shaped: Topology,
    batch: int,
    channels_in: int,
    channels_out: int,
    *,
    half: bool = True,
    activation_checkpointing: bool = False,
    optimiser: str = "adamw",
    device: str = "cpu",
) -> int:
    """Bytes at the peak of a training step.

    Args:
        half: features in 16 bits (bfloat16 or float16), else 32.
        activation_checkpointing: as `training.activation_checkpointing`.
        optimiser: `adamw` or `sgd`.
        device: whose libraries are counted, `cpu` or `cuda`.
    """
    kind = torch.bfloat16 if half else torch.float32
    image = torch.empty((batch, channels_in, *shaped.patch), dtype=kind, device="meta")
    with torch.device("meta"):
        built = (
            build_net(net, shaped, channels_in, channels_out, activation_checkpointing=activation_checkpointing)
            .to(kind)
            .train()
        )
    kept = _run(built, image)
    total = float(kept.total)
    if activation_checkpointing:
        with torch.device("meta"):
            whole = build_net(net, shaped, channels_in, channels_out).to(kind)
        total = max(total, _RECOMPUTED * _run(whole, image).total)
    voxels = batch * shaped.patch[0] * shaped.patch[1] * shaped.patch[2]
    weights = sum(value.numel() for value in built.parameters()) * 4
    of_loss = _OF_LOSS * channels_out * voxels * 4
    of_batch = voxels * (channels_in * 4 + 8)
    features = total + _IN_WORK * kept.largest + of_loss
    return round(features) + weights * _STATES[optimiser] + of_batch + _PROCESS_BYTES[device]


def _run(net: torch.nn.Module, image: torch.Tensor) -> _SavedActivations:
    """Run a step and count the activations saved for its backward pass."""
    kept = _SavedActivations({value.untyped_storage()._cdata for value in net.parameters()})
    with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
        net.train()(image)
    return kept


class _SavedActivations:
    """Bytes of the activations saved for the backward pass, each storage once, without weights."""

    def __init__(self, known: set[int]) -> None:
        self._seen = known
        self._alive: list[torch.Tensor] = []  # so that no storage's address is used again
        self.total = self.largest = 0

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """Count a tensor."""
        address = tensor.untyped_storage()._cdata
        if address not in self._seen:
            self._seen.add(address)
            self._alive.append(tensor)
            size = tensor.untyped_storage().nbytes()
            self.total += size
            self.largest = max(self.largest, size)
        return tensor
