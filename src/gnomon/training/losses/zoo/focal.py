"""Focal loss: easy voxels count less (Lin et al., ICCV 2017)."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.voxel_weights import voxel_weights


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """Mean over valid voxels of cross-entropy times (1 - probability of the target) ** `focal_gamma`."""
    log_probs, total = inputs.target_log_probs, inputs.sum_over_processes
    weights = voxel_weights(inputs, settings) * (1 - log_probs.exp()) ** settings.focal_gamma
    return -total((log_probs * weights).sum()) / total(inputs.valid_mask.sum()).clamp(min=1)
