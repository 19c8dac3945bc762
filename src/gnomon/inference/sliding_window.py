"""Sliding-window prediction: overlapping tiles, blended with a Gaussian."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gnomon.core.geometry import flip_axes
from gnomon.core.mirroring import Mirroring

_SIGMA = 1 / 8  # of the tile, as in nnU-Net


def tile_corners(shape: Sequence[int], tile: Sequence[int], overlap: float) -> list[tuple[int, int, int]]:
    """First voxels of tiles that cover `shape` (no side below the tile's), evenly spread, at least `overlap`."""
    starts = []
    for size, edge in zip(shape, tile):
        step = max(1, int(edge * (1 - overlap)))
        count = 1 + -(-(size - edge) // step)
        starts.append([round(i * (size - edge) / max(1, count - 1)) for i in range(count)])
    return [(x, y, z) for x, y, z in product(*starts)]


def gaussian_importance(tile: Sequence[int]) -> torch.Tensor:
    """Weight of each voxel of a tile: a Gaussian about its centre, nowhere 0."""
    axes = [np.arange(edge) - (edge - 1) / 2 for edge in tile]
    bells = [np.exp(-0.5 * (axis / (edge * _SIGMA)) ** 2) for axis, edge in zip(axes, tile)]
    weight = bells[0][:, None, None] * bells[1][None, :, None] * bells[2][None, None, :]
    return torch.from_numpy(np.maximum(weight, 1e-3)).float()


@torch.inference_mode()
def predict_probabilities(
    net: nn.Module,
    image: np.ndarray,
    tile: Sequence[int],
    n_channels: int,
    beyond: float,
    *,
    overlap: float = 0.5,
    batch: int = 2,
    device: torch.device | str = "cpu",
    bfloat16: bool = False,
    mirror_tta: Mirroring | None = None,
) -> np.ndarray:
    """Probabilities (channels, x, y, z), float32, of an image (1, x, y, z) on the canonical grid.

    Args:
        beyond: value of what lies outside, for images smaller than a tile.
        overlap: smallest share of a tile that its neighbour covers too.
        mirror_tta: test-time augmentation over the mirror images it allows, paired labels swapped back; None for none.
    """
    net.eval()
    shape = image.shape[1:]
    missing = [max(0, edge - size) for edge, size in zip(tile, shape)]
    before = [gap // 2 for gap in missing]
    pads = [side for first, gap in zip(before[::-1], missing[::-1]) for side in (first, gap - first)]
    padded = functional.pad(torch.from_numpy(np.array(image)), pads, value=beyond)
    corners = tile_corners(padded.shape[1:], tile, overlap)
    weight = gaussian_importance(tile)
    total = torch.zeros(n_channels, *padded.shape[1:])
    weights = torch.zeros(padded.shape[1:])
    for first in range(0, len(corners), batch):
        group = corners[first : first + batch]
        tiles = torch.stack([padded[(slice(None), *_block(corner, tile))] for corner in group]).to(device)
        tiles = tiles.contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bfloat16):
            shares = _tile_probabilities(net, tiles, mirror_tta).cpu()
        for corner, share in zip(group, shares):
            block = _block(corner, tile)
            total[(slice(None), *block)] += share * weight
            weights[block] += weight
    total /= weights
    inside = tuple(slice(first, first + size) for first, size in zip(before, shape))
    return total[(slice(None), *inside)].numpy()


def _tile_probabilities(net: nn.Module, tiles: torch.Tensor, mirror_tta: Mirroring | None) -> torch.Tensor:
    """Probabilities of tiles, the mean over every mirror image that is allowed."""
    axes = mirror_tta.axes if mirror_tta else ()
    views = [chosen for count in range(len(axes) + 1) for chosen in combinations(axes, count)]
    total = torch.zeros(())
    for view in views:
        share = functional.softmax(net(flip_axes(tiles, view) if view else tiles)[0].float(), dim=1)
        if view:
            share = flip_axes(share, view)
        if mirror_tta and 0 in view:
            share = share[:, list(mirror_tta.channels[: share.shape[1]])]
        total = total.to(share.device) + share
    return total / len(views)


def _block(corner: Sequence[int], tile: Sequence[int]) -> tuple[slice, slice, slice]:
    x, y, z = (slice(start, start + edge) for start, edge in zip(corner, tile))
    return x, y, z
