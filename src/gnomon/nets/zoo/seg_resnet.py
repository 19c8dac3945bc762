"""SegResNet: pre-activation residual blocks, skips merged by addition, upsampling by interpolation (Myronenko, 2018).

Without the variational branch of the paper, as the net is used for segmentation.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from gnomon.core.settings import section, setting
from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import UShape, same_padding, stage_widths

_BLOCKS = (1, 2, 2, 4)


@section
class Settings:
    """Width."""

    features: int = setting(16, "Channels of the first stage; they double from stage to stage.", bounds=(1, 4096))
    max_features: int = setting(256, "Channels at which the doubling stops.", bounds=(1, 4096))


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    widths = stage_widths(topology, settings.features, settings.max_features)

    def down(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        count = _BLOCKS[min(stage, len(_BLOCKS) - 1)]
        into = nn.Conv3d(inputs, outputs, kernel, stride, same_padding(kernel), bias=False)
        return nn.Sequential(into, *(PreActivationBlock(outputs, kernel) for _ in range(count)))

    return UShape(
        widths,
        topology,
        channels_in,
        channels_out,
        down=down,
        up=_interpolate_up,
        merge=lambda stage, channels, kernel: ResidualMerge(PreActivationBlock(channels, kernel)),
    )


class PreActivationBlock(nn.Module):
    """Norm, ReLU and convolution, twice, plus an identity shortcut."""

    def __init__(self, channels: int, kernel: Triple) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.GroupNorm(math.gcd(8, channels), channels),
                nn.ReLU(inplace=True),
                nn.Conv3d(channels, channels, kernel, padding=same_padding(kernel), bias=False),
            ]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features of the block."""
        out: torch.Tensor = features + self.convolutions(features)
        return out


class ResidualMerge(nn.Module):
    """Decoder merge by addition, followed by a block."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, skip: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Merged features."""
        out: torch.Tensor = self.block(skip + features)
        return out


def _interpolate_up(stage: int, channels_in: int, channels_out: int, kernel: Triple, stride: Triple) -> nn.Module:
    """Upsampling by a pointwise convolution and trilinear interpolation."""
    factor = tuple(float(step) for step in stride)
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 1, bias=False), nn.Upsample(scale_factor=factor, mode="trilinear")
    )
