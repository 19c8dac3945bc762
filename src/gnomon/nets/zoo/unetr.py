"""UNETR (Hatamizadeh et al., 2022), MONAI's: a vision transformer that encodes, convolutions that decode.

Its places are learnt for one size of patch: tiles of prediction have the size of the training's patch.
"""

from __future__ import annotations

from torch import nn

from gnomon.core.settings import SettingError, section, setting
from gnomon.dataset.topology import Topology
from gnomon.nets.transformers import PaddedNet, check_isotropic, check_monai_installed, padded_size

_DIVISOR = 16


@section
class Settings:
    """Width."""

    features: int = setting(16, "Channels of the first stage of the decoder.", bounds=(1, 1024))
    hidden: int = setting(768, "Width of the transformer, a multiple of heads.", bounds=(8, 8192))
    heads: int = setting(12, "Attention heads of the transformer.", bounds=(1, 128))

    def __post_init__(self) -> None:
        if self.hidden % self.heads:
            raise SettingError("hidden", str(self.hidden), f"a multiple of heads, {self.heads}")


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net; its weights come from torch's global generator. Raises Refusal (USE120) for thick slices."""
    check_isotropic("unetr", topology)
    check_monai_installed("unetr")
    from monai.networks.nets.unetr import UNETR

    net = UNETR(
        channels_in,
        channels_out,
        padded_size(topology.patch, _DIVISOR),
        feature_size=settings.features,
        hidden_size=settings.hidden,
        mlp_dim=4 * settings.hidden,
        num_heads=settings.heads,
    )
    return PaddedNet(net, _DIVISOR)
