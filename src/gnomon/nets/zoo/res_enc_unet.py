"""A U-Net with a residual encoder, which has more blocks at low resolutions (Isensee et al., MICCAI 2024).

The sizes M, L and XL of that paper are one net under different memory budgets: the budget sets the patch.
"""

from __future__ import annotations

import torch
from torch import nn

from gnomon.core.settings import section, setting
from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import LEAK, ConcatMerge, UShape, conv_norm_act, plain_stage, stage_widths, transposed_conv

_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6, 6, 6)


@section
class Settings:
    """Width and depth."""

    features: int = setting(32, "Channels of the first stage; they double from stage to stage.", bounds=(1, 4096))
    max_features: int = setting(320, "Channels at which the doubling stops.", bounds=(1, 4096))
    depth: float = setting(
        1.0, "Factor on the number of residual blocks per stage (1, 3, 4, 6, 6, ... at 1).", bounds=(0.01, 4)
    )
    convs_per_decoder_stage: int = setting(1, "Convolutions per stage of the decoder.", bounds=(1, 16))


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    widths = stage_widths(topology, settings.features, settings.max_features)

    def down(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        stem = plain_stage(inputs, outputs, kernel, (1, 1, 1), 1) if stage == 0 else nn.Identity()
        count = max(1, round(_BLOCKS[min(stage, len(_BLOCKS) - 1)] * settings.depth))
        first = ResidualBlock(outputs if stage == 0 else inputs, outputs, kernel, stride)
        return nn.Sequential(stem, first, *(ResidualBlock(outputs, outputs, kernel) for _ in range(count - 1)))

    def merge(stage: int, channels: int, kernel: Triple) -> nn.Module:
        return ConcatMerge(*plain_stage(2 * channels, channels, kernel, (1, 1, 1), settings.convs_per_decoder_stage))

    return UShape(widths, topology, channels_in, channels_out, down=down, up=transposed_conv, merge=merge)


class ResidualBlock(nn.Module):
    """Two convolutions plus a shortcut, which pools where the block has a stride (He et al., 2019, ResNet-D)."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple, stride: Triple = (1, 1, 1)) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *conv_norm_act(inputs, outputs, kernel, stride), *conv_norm_act(outputs, outputs, kernel, slope=1.0)
        )
        pool: list[nn.Module] = [nn.AvgPool3d(stride, stride)] if max(stride) > 1 else []
        project: list[nn.Module] = []
        if inputs != outputs:
            project = conv_norm_act(inputs, outputs, (1, 1, 1), slope=1.0)
        self.shortcut = nn.Sequential(*pool, *project)
        self.activation = nn.LeakyReLU(LEAK, inplace=True)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features of the block."""
        out: torch.Tensor = self.activation(self.convolutions(features) + self.shortcut(features))
        return out
