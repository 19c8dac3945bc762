"""The U shape that the nets share: an encoder, a decoder with skip connections, a head at every resolution.

Each net defines its encoder stage, its upsampling and its decoder merge; the topology and this file define their
number, place and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.normalisation import InstanceNorm

LEAK = 0.01
"""Slope of the leaky ReLU."""

Down = Callable[[int, int, int, Triple, Triple], nn.Module]
"""(stage, channels in, channels out, kernel, stride) -> a stage of the encoder."""
Up = Callable[[int, int, int, Triple, Triple], nn.Module]
"""(stage, channels in, channels out, kernel, stride) -> upsampling into that stage."""
Merge = Callable[[int, int, Triple], nn.Module]
"""(stage, channels, kernel) -> decoder merge: a module of (skip, upsampled features), each with these channels."""


class UShape(nn.Module):
    """A net of encoder stages, upsamplings, decoder merges and heads.

    Input (batch, channels_in, x, y, z), sides multiples of `topology.divisor`. In training the output is
    logits at every resolution, the finest first; in evaluation a list of the finest alone.

    Attributes:
        activation_checkpointing: in training keep only each stage's input and recompute its features in the backward
            pass.
    """

    activation_checkpointing = False

    def __init__(
        self,
        widths: Sequence[int],
        topology: Topology,
        channels_in: int,
        channels_out: int,
        *,
        down: Down,
        up: Up,
        merge: Merge,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        inputs = [channels_in, *widths[:-1]]
        shapes = zip(inputs, widths, topology.kernels, topology.strides)
        self.encoder = nn.ModuleList(down(i, *shape) for i, shape in enumerate(shapes))
        self.upward, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i in reversed(range(topology.n_stages - 1)):
            self.upward.append(up(i, widths[i + 1], widths[i], topology.kernels[i], topology.strides[i + 1]))
            self.decoder.append(merge(i, widths[i], topology.kernels[i]))
            self.heads.append(nn.Conv3d(widths[i], channels_out, 1))
        if not self.heads:
            self.heads.append(nn.Conv3d(widths[0], channels_out, 1))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits, the finest resolution first."""
        *skips, features = self.encode(image)
        outputs, last = [], len(self.decoder) - 1
        for i, (up, merge, head) in enumerate(zip(self.upward, self.decoder, self.heads)):
            features = self._run_module(merge, skips.pop(), self._run_module(up, features))
            if self.training or i == last:
                outputs.append(head(features))
        return outputs[::-1] if outputs else [self.heads[0](features)]

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of every stage of the encoder, the finest first."""
        found, features = [], image
        for stage in self.encoder:
            features = self._run_module(stage, features)
            found.append(features)
        return found

    def _run_module(self, module: nn.Module, *features: torch.Tensor) -> torch.Tensor:
        if self.activation_checkpointing and self.training:
            out: torch.Tensor = checkpoint(module, *features, use_reentrant=False, preserve_rng_state=False)
            return out
        return module(*features)  # type: ignore[no-any-return]


class ConcatMerge(nn.Sequential):
    """Decoder merge by concatenation of skip and features, followed by its layers."""

    def forward(self, skip: torch.Tensor, features: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Merged features."""
        out: torch.Tensor = super().forward(torch.cat([features, skip], dim=1))
        return out


def stage_widths(topology: Topology, features: int, max_features: int) -> list[int]:
    """Channels of each stage: doubling up to a limit."""
    return [min(features * 2**i, max_features) for i in range(topology.n_stages)]


def same_padding(kernel: Triple) -> Triple:
    """The padding that keeps the size."""
    return kernel[0] // 2, kernel[1] // 2, kernel[2] // 2


def transposed_conv(stage: int, channels_in: int, channels_out: int, kernel: Triple, stride: Triple) -> nn.Module:
    """Upsampling by a transposed convolution whose kernel equals its stride."""
    return nn.ConvTranspose3d(channels_in, channels_out, stride, stride)


def conv_norm_act(
    channels_in: int, channels_out: int, kernel: Triple, stride: Triple = (1, 1, 1), slope: float = LEAK
) -> list[nn.Module]:
    """Convolution, instance norm and leaky ReLU; no bias, which the norm would cancel."""
    return [
        nn.Conv3d(channels_in, channels_out, kernel, stride, same_padding(kernel), bias=False),
        InstanceNorm(channels_out, slope),
    ]


def plain_stage(channels_in: int, channels_out: int, kernel: Triple, stride: Triple, depth: int) -> nn.Sequential:
    """Convolution, instance norm and leaky ReLU, `depth` times; the first takes the stride."""
    layers = conv_norm_act(channels_in, channels_out, kernel, stride)
    for _ in range(depth - 1):
        layers += conv_norm_act(channels_out, channels_out, kernel)
    return nn.Sequential(*layers)
