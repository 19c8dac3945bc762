"""A plain 3D U-Net shaped by the plan, with deep supervision.

The layout is nnU-Net's (Isensee et al., Nature Methods 2021): two convolutions a stage, strided
convolutions down, transposed ones up, a head at every resolution of the decoder.
"""

from __future__ import annotations

from torch import nn

from gnomon.core.settings import section, setting
from gnomon.dataset.topology import Topology, Triple
from gnomon.nets.ushape import ConcatMerge, UShape, plain_stage, stage_widths, transposed_conv


@section
class Settings:
    """Width and depth."""

    features: int = setting(16, "Channels of the first stage; they double from stage to stage.", bounds=(1, 4096))
    max_features: int = setting(320, "Channels at which the doubling stops.", bounds=(1, 4096))
    convs_per_stage: int = setting(2, "Convolutions per stage, in the encoder and in the decoder.", bounds=(1, 16))


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net for a topology; its weights come from torch's global generator."""
    depth = settings.convs_per_stage

    def down(stage: int, inputs: int, outputs: int, kernel: Triple, stride: Triple) -> nn.Module:
        return plain_stage(inputs, outputs, kernel, stride, depth)

    def merge(stage: int, channels: int, kernel: Triple) -> nn.Module:
        return ConcatMerge(*plain_stage(2 * channels, channels, kernel, (1, 1, 1), depth))

    widths = stage_widths(topology, settings.features, settings.max_features)
    return UShape(widths, topology, channels_in, channels_out, down=down, up=transposed_conv, merge=merge)
