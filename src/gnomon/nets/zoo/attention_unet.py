"""A plain U-Net with attention gates on its skip connections (Oktay et al., 2018)."""

from __future__ import annotations

import torch
from torch import nn

from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import LEAK, UShape, plain_stage, stage_widths, transposed_conv
from gnomon.nets.zoo.plain_unet import Settings

__all__ = ["Settings", "build"]  # the settings of the plain net


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    depth = settings.convs_per_stage
    return UShape(
        stage_widths(topology, settings.features, settings.max_features),
        topology,
        channels_in,
        channels_out,
        down=lambda stage, inputs, outputs, kernel, stride: plain_stage(inputs, outputs, kernel, stride, depth),
        up=transposed_conv,
        merge=lambda stage, channels, kernel: GatedMerge(channels, kernel, depth),
    )


class GatedMerge(nn.Module):
    """Decoder merge with an attention gate: a weight per voxel, computed from skip and features, scales the skip."""

    def __init__(self, channels: int, kernel: Triple, depth: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.of_skip = nn.Conv3d(channels, inner, 1)
        self.of_features = nn.Conv3d(channels, inner, 1, bias=False)
        self.weight = nn.Sequential(nn.LeakyReLU(LEAK, inplace=True), nn.Conv3d(inner, 1, 1), nn.Sigmoid())
        self.stage = plain_stage(2 * channels, channels, kernel, (1, 1, 1), depth)

    def forward(self, skip: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Merged features."""
        weight = self.weight(self.of_skip(skip) + self.of_features(features))
        out: torch.Tensor = self.stage(torch.cat([features, skip * weight], dim=1))
        return out
