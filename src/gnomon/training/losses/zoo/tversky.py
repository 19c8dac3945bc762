"""Tversky loss: false negatives and false positives weigh differently (Salehi et al., 2017)."""

from __future__ import annotations

import torch

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.overlap import SMOOTH, overlap_counts, overlap_loss


def loss(inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """1 minus the mean soft Tversky index of the structures, or of the regions; `tversky_beta` 0.5 is Dice."""
    counts, beta = overlap_counts(inputs, settings), settings.tversky_beta
    hit = counts.true_positives
    errors = beta * (counts.reference - hit) + (1 - beta) * (counts.predicted - hit)
    return overlap_loss((hit + SMOOTH / 2) / (hit + errors + SMOOTH / 2), inputs, settings)
