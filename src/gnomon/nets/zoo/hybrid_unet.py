"""2.5D for thick slices: an encoder with in-plane kernels, a bottleneck and a decoder with kernels across slices.

Which axis runs through the slices follows from the spacing; where no axis is coarse it is the plain net.
"""

from __future__ import annotations

from torch import nn

from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import ConcatMerge, UShape, plain_stage, stage_widths, transposed_conv
from gnomon.nets.zoo.plain_unet import Settings

__all__ = ["Settings", "build"]  # the settings of the plain net


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    depth, last = settings.convs_per_stage, topology.n_stages - 1
    coarse = [edge == 1 for edge in topology.kernels[0]]

    def down(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        x, y, z = (1 if through and stage < last else edge for through, edge in zip(coarse, kernel))
        return plain_stage(inputs, outputs, (x, y, z), stride, depth)

    def merge(stage: int, channels: int, kernel: Triple) -> nn.Module:
        return ConcatMerge(*plain_stage(2 * channels, channels, (3, 3, 3), (1, 1, 1), depth))

    widths = stage_widths(topology, settings.features, settings.max_features)
    return UShape(widths, topology, channels_in, channels_out, down=down, up=transposed_conv, merge=merge)
