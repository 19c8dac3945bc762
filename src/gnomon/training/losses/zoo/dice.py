"""Soft Dice."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.overlap import SMOOTH, overlap_counts, overlap_loss


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """1 minus the mean soft Dice of the structures, or of the regions."""
    counts = overlap_counts(inputs, settings)
    index = (2 * counts.true_positives + SMOOTH) / (counts.predicted + counts.reference + SMOOTH)
    return overlap_loss(index, inputs, settings)
