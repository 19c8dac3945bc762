"""Dice and cross-entropy, at every resolution of a deeply supervised net."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional


def dice_and_cross_entropy(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy plus one minus the mean soft Dice of the structures, Dice taken over the batch.

    Args:
        logits: (batch, channels, x, y, z); channel 0 is the background.
        label: (batch, x, y, z), channel numbers; a number past the last channel is ignored.

    Cross-entropy is gathered from the log-softmax, which is deterministic on every device; torch's spatial
    NLL loss is not.
    """
    channels = logits.shape[1]
    judged = (label < channels).float()
    target = label.clamp(max=channels - 1)
    log_share = functional.log_softmax(logits.float(), dim=1)
    cross_entropy = -(log_share.gather(1, target[:, None])[:, 0] * judged).sum() / judged.sum().clamp(min=1)
    share = log_share.exp() * judged[:, None]
    truth = functional.one_hot(target, channels).movedim(-1, 1)[:, 1:] * judged[:, None]
    overlap = (share[:, 1:] * truth).sum((0, 2, 3, 4))
    total = share[:, 1:].sum((0, 2, 3, 4)) + truth.sum((0, 2, 3, 4))
    dice = (2 * overlap + 1) / (total + 1)
    return cross_entropy + 1 - dice.mean()


def deeply_supervised(logits: Sequence[torch.Tensor], label: torch.Tensor) -> torch.Tensor:
    """The loss over all resolutions, weights halving with each; the coarsest is left out of three or more."""
    used = logits[:-1] if len(logits) > 2 else logits
    weights = [0.5**i for i in range(len(used))]
    losses = [dice_and_cross_entropy(one, _shrunk(label, one.shape[2:])) for one in used]
    return torch.stack([w / sum(weights) * loss for w, loss in zip(weights, losses)]).sum()


def _shrunk(label: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    if tuple(label.shape[1:]) == tuple(shape):
        return label
    return functional.interpolate(label[:, None].float(), size=tuple(shape), mode="nearest")[:, 0].long()
