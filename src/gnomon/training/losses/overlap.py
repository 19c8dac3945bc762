"""Soft counts of true positives, predicted and reference voxels, which the overlap losses share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs

SMOOTH = 1e-5
"""Voxels added to both sides of an overlap, as in nnU-Net. More would push out structures absent from a batch."""


@dataclass(frozen=True)
class OverlapCounts:
    """Soft voxel counts, (structures) over the batch as one volume, or (batch, structures) patch by patch.

    Attributes:
        true_positives: sum of the probabilities inside the reference.
        predicted: sum of the probabilities.
        reference: voxels of the reference.
    """

    true_positives: torch.Tensor
    predicted: torch.Tensor
    reference: torch.Tensor


def overlap_counts(inputs: LossInputs, settings: LossSettings) -> OverlapCounts:
    """The counts of each structure, or of each region where regions are given; the background is left out."""
    channels, valid = inputs.log_probs.shape[1], inputs.valid_mask[:, None]
    probs = inputs.log_probs.exp()[:, 1:] * valid
    reference = functional.one_hot(inputs.target, channels).movedim(-1, 1)[:, 1:] * valid
    if inputs.regions is not None:
        parts = inputs.regions.to(probs)
        probs, reference = (torch.einsum("rc,bcxyz->brxyz", parts, one) for one in (probs, reference))
    volumes = (probs * reference, probs, reference)
    if settings.over_batch:
        return OverlapCounts(*inputs.sum_over_processes(torch.stack([one.sum((0, 2, 3, 4)) for one in volumes])))
    return OverlapCounts(*(one.sum((2, 3, 4)) for one in volumes))


def overlap_loss(index: torch.Tensor, inputs: LossInputs, settings: LossSettings) -> torch.Tensor:
    """1 minus the mean of an overlap index over structures, or over structures and patches."""
    if settings.over_batch:
        return 1 - index.mean()
    return 1 - inputs.sum_over_processes(index.mean()) / inputs.processes
