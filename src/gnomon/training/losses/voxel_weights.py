"""Weights of voxels in the voxel-wise losses."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs


def voxel_weights(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """(batch, x, y, z): the class weight of each voxel's target, 0 where the voxel is ignored."""
    if not settings.class_weights:
        return inputs.valid_mask
    table = torch.tensor(settings.class_weights, device=inputs.valid_mask.device)
    return inputs.valid_mask * table[inputs.target]
