"""What every loss term receives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class LossInputs:
    """The prediction and the reference of one batch at one resolution, on the device of the net.

    Channel 0 is the background. Where several processes share a batch, each holds its part of it: sums that a term
    divides by each other go through `sum_over_processes` first, so that the loss is that of the whole batch.

    Attributes:
        log_probs: (batch, channels, x, y, z), float32, log-softmax of the logits; structures that are not annotated in
            a case are merged into its background.
        target: (batch, x, y, z), int64, the channel of each voxel; ignored voxels hold a channel, too.
        valid_mask: (batch, x, y, z), float32, 1 where a voxel counts, 0 where it is ignored.
        spacing_mm: voxel spacing along x, y and z.
        regions: (regions, channels - 1), float32, 1 where a label is part of a region; None without regions.
        processes: number of processes that share the batch.
        sum_over_processes: the sum of a tensor over all processes; gradients flow back to each.
    """

    log_probs: torch.Tensor
    target: torch.Tensor
    valid_mask: torch.Tensor
    spacing_mm: tuple[float, ...]
    regions: torch.Tensor | None
    processes: int
    sum_over_processes: Callable[[torch.Tensor], torch.Tensor]

    @property
    def target_log_probs(self) -> torch.Tensor:
        """(batch, x, y, z): the log-probability of each voxel's target channel.

        Gathered from the log-softmax, which is deterministic on every device; torch's spatial NLL loss is not.
        """
        return self.log_probs.gather(1, self.target[:, None])[:, 0]
