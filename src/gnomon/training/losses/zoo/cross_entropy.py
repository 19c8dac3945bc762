"""Cross-entropy, weighted by class."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.voxel_weights import voxel_weights


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """Weighted mean over valid voxels of minus the log-probability of the target."""
    weights = voxel_weights(inputs, settings)
    total = inputs.sum_over_processes
    return -total((inputs.target_log_probs * weights).sum()) / total(weights.sum()).clamp(min=1)
