"""Boundary loss: signed distance to the reference's surface (Kervadec et al., 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import numpy as np
import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """Mean over valid voxels of the probability times the signed distance to the structure's surface, in mm."""
    probs, mask = inputs.log_probs.exp(), inputs.valid_mask
    total = probs.new_zeros(())
    for channel in range(1, probs.shape[1]):
        masks = inputs.target == channel
        distances = np.stack([signed_distance_mm(one.cpu().numpy(), inputs.spacing_mm) for one in masks])
        total = total + (probs[:, channel] * torch.from_numpy(distances).to(probs) * mask).sum()
    return inputs.sum_over_processes(total) / inputs.sum_over_processes(mask.sum()).clamp(min=1)


def signed_distance_mm(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Distance to the mask's surface: positive outside, negative inside; 0 everywhere for an empty or full mask."""
    if not mask.any() or mask.all():
        return np.zeros(mask.shape, np.float32)
    outside, inside = (edt.edt(np.ascontiguousarray(side), anisotropy=tuple(spacing_mm)) for side in (~mask, mask))
    return np.asarray(outside - inside, dtype=np.float32)
