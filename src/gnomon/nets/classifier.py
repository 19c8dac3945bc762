"""A classification head on the encoder of any net built on `UShape`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from gnomon.dataset.topology import Topology
from gnomon.nets.building import build_net
from gnomon.nets.ushape import UShape
from gnomon.rules.catalogue.usage import NO_CLASSIFICATION_HEAD


class Classifier(nn.Module):
    """Mean and maximum of the deepest features over the image, then one linear layer.

    Input (batch, channels_in, x, y, z), sides multiples of the topology's divisor; output logits (batch, classes).
    """

    def __init__(self, net: UShape, classes: int) -> None:
        super().__init__()
        self.encoder = net.encoder
        self.head = nn.Linear(2 * net.widths[-1], classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of each class."""
        features = image
        for stage in self.encoder:
            features = stage(features)
        flat = features.flatten(2).float()
        logits: torch.Tensor = self.head(torch.cat([flat.mean(2), flat.amax(2)], dim=1))
        return logits


def build_classifier(config: Mapping[str, Any], plan: Topology, channels_in: int, classes: int) -> Classifier:
    """A classifier over the encoder of the net that `config` describes.

    Raises:
        Refusal: as `build_net`; USE126, a net that is not made of our stages.
    """
    net = build_net(config, plan, channels_in, 1)
    if not isinstance(net, UShape):
        raise NO_CLASSIFICATION_HEAD.refusal("net", found=f"the net {config['name']}")
    return Classifier(net, classes)
