"""Requirements of the transformer nets: roughly isotropic voxels, MONAI, and sizes that their windows divide."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from gnomon.dataset.topology import Topology
from gnomon.rules.catalogue.usage import TRANSFORMER_NOT_USABLE


def check_isotropic(name: str, topology: Topology) -> None:
    """Refuse voxels that are twice as long along one axis as along another.

    Windows and embeddings are cubes of voxels, which would span very different distances there.

    Raises:
        Refusal: USE120.
    """
    if 1 in topology.kernels[0]:
        axes = " and ".join("xyz"[axis] for axis, edge in enumerate(topology.kernels[0]) if edge == 1)
        raise TRANSFORMER_NOT_USABLE.refusal(
            f"net {name}", found=f"voxels at least twice as long along {axes} as along the finest axis"
        )


def check_monai_installed(name: str) -> None:
    """Refuse if MONAI, which provides these nets, is not installed.

    Raises:
        Refusal: USE120.
    """
    try:
        import monai  # noqa: F401
    except ImportError:
        raise TRANSFORMER_NOT_USABLE.refusal(
            f"net {name}",
            found="no MONAI",
            expected="MONAI, which has the net",
            remedy="Run pip install 'gnomon[transformers]'.",
        ) from None


class PaddedNet(nn.Module):
    """Pads images to sizes that a net can divide and crops its logits back; one resolution."""

    def __init__(self, net: nn.Module, divisor: int, least: int = 1) -> None:
        super().__init__()
        self.net = net
        self._divisor = divisor
        self._least = least

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits of (batch, channels, x, y, z)."""
        x, y, z = image.shape[2:]
        wanted = padded_size([max(edge, self._least) for edge in (x, y, z)], self._divisor)
        pads = [side for size, edge in zip((z, y, x), wanted[::-1]) for side in (0, edge - size)]
        logits: torch.Tensor = self.net(functional.pad(image, pads, mode="replicate"))
        return [logits[..., :x, :y, :z]]


def padded_size(size: Sequence[int], divisor: int) -> tuple[int, int, int]:
    """Each side rounded up to the next multiple."""
    x, y, z = (-(-edge // divisor) * divisor for edge in size)
    return x, y, z
