"""Top-k cross-entropy: only the voxels with the highest loss count."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.voxel_weights import voxel_weights


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """Mean cross-entropy over the `top_k_fraction` of the valid voxels in which it is highest.

    Where several processes share a batch, each takes the highest of its own part.
    """
    costs = (-inputs.target_log_probs * voxel_weights(inputs, settings)).flatten()
    count = max(1, int(settings.top_k_fraction * int(inputs.valid_mask.sum())))
    return costs.topk(count).values.mean()
