"""MedNeXt: large depth-wise kernels, inverted bottleneck, residual down- and upsampling (Roy et al., MICCAI 2023).

Along an axis whose kernel is 1 in the topology, it is 1 here as well: thick slices are not mixed early.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from gnomon.core.settings import section, setting
from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import UShape, same_padding, stage_widths

_SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # (blocks, expansion) of the encoder's stages
    "S": ((2, 2, 2, 2, 2), (2, 2, 2, 2, 2)),
    "B": ((2, 2, 2, 2, 2), (2, 3, 4, 4, 4)),
    "M": ((3, 4, 4, 4, 4), (2, 3, 4, 4, 4)),
    "L": ((3, 4, 8, 8, 8), (3, 4, 8, 8, 8)),
}


@section
class Settings:
    """Size and kernel."""

    features: int = setting(32, "Channels of the first stage; they double from stage to stage.", bounds=(1, 4096))
    max_features: int = setting(512, "Channels at which the doubling stops.", bounds=(1, 4096))
    size: str = setting("S", "Blocks per stage and expansion of each block, as in the paper.", choices=tuple(_SIZES))
    kernel: int = setting(3, "Kernel size, along the axes that a stage convolves along.", choices=(3, 5))


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    blocks, expansion = _SIZES[settings.size]

    def large_kernel(kernel: Triple) -> Triple:
        x, y, z = (settings.kernel if edge == 3 else 1 for edge in kernel)
        return x, y, z

    def down(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        level = min(stage, len(blocks) - 1)
        into: nn.Module = nn.Conv3d(inputs, outputs, 1)
        if stage:
            into = MedNeXtBlock(inputs, outputs, large_kernel(kernel), expansion[level], stride)
        inner = (MedNeXtBlock(outputs, outputs, large_kernel(kernel), expansion[level]) for _ in range(blocks[level]))
        return nn.Sequential(into, *inner)

    def merge(stage: int, channels: int, kernel: Triple) -> nn.Module:
        level = min(stage, len(blocks) - 1)
        inner = (MedNeXtBlock(channels, channels, large_kernel(kernel), expansion[level]) for _ in range(blocks[level]))
        return AddMerge(nn.Sequential(*inner))

    def up(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        return UpBlock(inputs, outputs, large_kernel(kernel), expansion[min(stage, len(blocks) - 1)], stride)

    widths = stage_widths(topology, settings.features, settings.max_features)
    return UShape(widths, topology, channels_in, channels_out, down=down, up=up, merge=merge)


class MedNeXtBlock(nn.Module):
    """Depth-wise convolution, norm, expansion, GELU, compression; plus a shortcut, pointwise if the shape changes."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple, expansion: int, stride: Triple = (1, 1, 1)) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(inputs, inputs, kernel, stride, same_padding(kernel), groups=inputs),
            nn.GroupNorm(inputs, inputs),
            nn.Conv3d(inputs, expansion * inputs, 1),
            nn.GELU(),
            nn.Conv3d(expansion * inputs, outputs, 1),
        )
        changes = inputs != outputs or max(stride) > 1
        self.shortcut: nn.Module = nn.Conv3d(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features of the block."""
        out: torch.Tensor = self.shortcut(features) + self.layers(features)
        return out


class UpBlock(nn.Module):
    """Upsampling: a block whose depth-wise convolution is transposed."""

    def __init__(self, inputs: int, outputs: int, kernel: Triple, expansion: int, stride: Triple) -> None:
        super().__init__()
        extra = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
        self.layers = nn.Sequential(
            nn.ConvTranspose3d(inputs, inputs, kernel, stride, same_padding(kernel), extra, groups=inputs),
            nn.GroupNorm(inputs, inputs),
            nn.Conv3d(inputs, expansion * inputs, 1),
            nn.GELU(),
            nn.Conv3d(expansion * inputs, outputs, 1),
        )
        self.shortcut = nn.ConvTranspose3d(inputs, outputs, 1, stride, 0, extra)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features at the next finer resolution."""
        out: torch.Tensor = self.shortcut(features) + self.layers(features)
        return out


class AddMerge(nn.Module):
    """Decoder merge by addition, followed by blocks."""

    def __init__(self, blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, skip: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Merged features."""
        out: torch.Tensor = self.blocks(skip + features)
        return out


def enlarge_kernels(small: Mapping[str, torch.Tensor], large: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Initial weights for a net with large kernels from the same net with small ones (UpKern in the paper).

    Depth-wise kernels are interpolated trilinearly; everything else is taken as it is.

    Raises:
        ValueError: the two nets differ in more than their kernels.
    """
    if small.keys() != large.keys():
        raise ValueError("two nets of different layers")
    made = {}
    for name, value in small.items():
        target = large[name].shape
        if value.shape != target:
            if value.shape[:2] != target[:2] or value.ndim != 5 or value.shape[1] != 1:
                raise ValueError(f"{name}: {tuple(value.shape)} is not a depth-wise kernel of {tuple(target)}")
            value = functional.interpolate(value, size=tuple(target[2:]), mode="trilinear", align_corners=True)
        made[name] = value
    return made
