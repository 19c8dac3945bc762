"""A plain 3D U-Net shaped by the plan, with deep supervision.

The layout is nnU-Net's (Isensee et al., Nature Methods 2021): two convolutions a stage, strided
convolutions down, transposed ones up, a head at every resolution of the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from isocenter.nets.topology import Topology, Triple
from isocenter.settings import bounded


@dataclass(frozen=True)
class Settings:
    """Width and depth.

    Attributes:
        features: channels of the first stage; they double from stage to stage.
        max_features: where the doubling stops.
        convs_per_stage: convolutions a stage, in the encoder and in the decoder.
    """

    features: int = 16
    max_features: int = 320
    convs_per_stage: int = 2

    def __post_init__(self) -> None:
        bounded(self, features=(1, 4096), max_features=(1, 4096), convs_per_stage=(1, 16))


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    return PlainUNet(settings, topology, channels_in, channels_out)


class PlainUNet(nn.Module):
    """Encoder, decoder and a head for every resolution of the decoder.

    Input (batch, channels_in, x, y, z), sides multiples of `topology.divisor`. In training the output is
    logits at every resolution, the finest first; in evaluation a list of the finest alone.
    """

    def __init__(self, settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> None:
        super().__init__()
        widths = [min(settings.features * 2**i, settings.max_features) for i in range(topology.n_stages)]
        depth = settings.convs_per_stage
        inputs = [channels_in, *widths[:-1]]
        self.encoder = nn.ModuleList(
            _stage(*shape, depth) for shape in zip(inputs, widths, topology.kernels, topology.strides)
        )
        self.upward = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.heads = nn.ModuleList()
        for i in reversed(range(topology.n_stages - 1)):
            stride = topology.strides[i + 1]
            self.upward.append(nn.ConvTranspose3d(widths[i + 1], widths[i], stride, stride))
            self.decoder.append(_stage(2 * widths[i], widths[i], topology.kernels[i], (1, 1, 1), depth))
            self.heads.append(nn.Conv3d(widths[i], channels_out, 1))
        if not self.heads:
            self.heads.append(nn.Conv3d(widths[0], channels_out, 1))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits, the finest resolution first."""
        skips = []
        features = image
        for stage in self.encoder:
            features = stage(features)
            skips.append(features)
        outputs = []
        skips.pop()
        last = len(self.decoder) - 1
        for i, (up, stage, head) in enumerate(zip(self.upward, self.decoder, self.heads)):
            features = stage(torch.cat([up(features), skips.pop()], dim=1))
            if self.training or i == last:
                outputs.append(head(features))
        return outputs[::-1] if outputs else [self.heads[0](features)]


def _stage(channels_in: int, channels_out: int, kernel: Triple, stride: Triple, depth: int) -> nn.Sequential:
    """Convolution, instance norm and leaky ReLU, `depth` times; the first takes the stride."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [
            nn.Conv3d(
                channels_in if i == 0 else channels_out,
                channels_out,
                kernel,
                stride if i == 0 else (1, 1, 1),
                (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2),
            ),
            nn.InstanceNorm3d(channels_out, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)
