"""Swin UNETR (Hatamizadeh et al., 2022), MONAI's: windows of attention that shift, a convolutional decoder."""

from __future__ import annotations

from torch import nn

from gnomon.core.settings import SettingError, section, setting
from gnomon.dataset.topology import Topology
from gnomon.nets.transformers import PaddedNet, check_isotropic, check_monai_installed

_DIVISOR = 32


@section
class Settings:
    """Width."""

    features: int = setting(24, "Channels of the first stage, a multiple of 12.", bounds=(12, 1536))

    def __post_init__(self) -> None:
        if self.features % 12:
            raise SettingError("features", str(self.features), "a multiple of 12")


def build(settings: Settings, topology: Topology, channels_in: int, channels_out: int) -> nn.Module:
    """The net; its weights come from torch's global generator. Raises Refusal (USE120) for thick slices."""
    check_isotropic("swin_unetr", topology)
    check_monai_installed("swin_unetr")
    from monai.networks.nets.swin_unetr import SwinUNETR

    return PaddedNet(SwinUNETR(channels_in, channels_out, feature_size=settings.features), _DIVISOR, 2 * _DIVISOR)
