"""What a training minimises: an overlap of structures plus a judgement of voxels, at every resolution.

Channel 0 is the background; a label past the last channel carries no judgement; a structure that was not
looked for may lie anywhere in the background. Voxel losses are gathered
from the log-softmax, which is deterministic on every device; torch's spatial NLL loss is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from gnomon.core.settings import bounded, chosen

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""(logits (batch, channels, x, y, z), label (batch, x, y, z), annotated (batch, channels) or None) -> a number."""
_NOTHING = -1e4  # logarithm of a share of nothing
_SMOOTH = 1e-5  # voxels, as in nnU-Net; a whole one would push out what a batch happens not to hold
Total = Callable[[torch.Tensor], torch.Tensor]
"""A sum over this process's part of a batch -> the sum over the whole batch."""


@dataclass(frozen=True)
class LossSettings:
    """What is minimised.

    Attributes:
        overlap: `dice`, `tversky` (false and missed voxels weighted apart) or `none`.
        voxels: `cross_entropy`, `focal` (easy voxels count less), `top_k` (only the worst count) or `none`.
        boundary: weight of the mean signed distance to the reference's surface, in mm; 0 leaves it out.
        regions: unions of labels whose overlap counts in place of the labels', as where a challenge scores a whole
            tumour; a region's share is the sum of its labels', so what is predicted is always a label map.
        over_batch: take the overlap over the batch as one volume, not patch by patch.
        class_weights: of the channels in the voxel loss, background first; empty: all alike.
        tversky_beta: weight of missed voxels against false ones; 0.5 is Dice.
        focal_gamma: how much less easy voxels count; 0 is cross-entropy.
        top_k_fraction: the share of voxels that counts.
    """

    overlap: str = "dice"
    voxels: str = "cross_entropy"
    boundary: float = 0.0
    regions: dict[str, list[str]] | None = None
    over_batch: bool = True
    class_weights: tuple[float, ...] = ()
    tversky_beta: float = 0.7
    focal_gamma: float = 2.0
    top_k_fraction: float = 0.1

    def __post_init__(self) -> None:
        chosen(self, overlap=("dice", "tversky", "none"), voxels=("cross_entropy", "focal", "top_k", "none"))
        bounded(self, boundary=(0, 1e3), tversky_beta=(0, 1), focal_gamma=(0, 10), top_k_fraction=(1e-6, 1))
        if (self.overlap, self.voxels) == ("none", "none"):
            raise ValueError("overlap and voxels are both none: nothing is left to minimise")
        if any(weight < 0 for weight in self.class_weights):
            raise ValueError(f"class_weights {self.class_weights}, some below 0")


def make_loss(
    settings: LossSettings, spacing_mm: Sequence[float], processes: int = 1, names: Sequence[str] = ()
) -> Loss:
    """The loss of one resolution, for patches of this spacing; `names` of the labels, where regions are made of them.

    Where several processes share a batch, sums run over all of them, so that every process has the loss,
    and after averaging the gradient, of the whole batch; `top_k` alone takes the worst of each part.
    """
    total_over: Total = _sum_over_processes if processes > 1 else _identity
    parts = _membership(settings.regions, names) if settings.regions else None

    def loss(logits: torch.Tensor, label: torch.Tensor, annotated: torch.Tensor | None = None) -> torch.Tensor:
        channels = logits.shape[1]
        judged = (label < channels).float()
        target = label.clamp(max=channels - 1)
        log_share = functional.log_softmax(logits.float(), dim=1)
        if annotated is not None and not annotated.all():
            log_share = _merge_into_background(log_share, annotated)
        total = log_share.new_zeros(())
        if settings.voxels != "none":
            total = total + _voxels(log_share, target, judged, settings, total_over)
        if settings.overlap != "none":
            total = (
                total
                + 1
                - _overlap(log_share, target, judged, settings, total_over, parts)
                / (1 if settings.over_batch else processes)
            )
        if settings.boundary:
            total = total + settings.boundary * _boundary(log_share.exp(), target, judged, spacing_mm, total_over)
        return total

    return loss


def deep_supervision_loss(
    logits: Sequence[torch.Tensor], label: torch.Tensor, loss: Loss, annotated: torch.Tensor | None = None
) -> torch.Tensor:
    """The loss over all resolutions, weights halving with each; the coarsest is left out of three or more."""
    used = logits[:-1] if len(logits) > 2 else logits
    weights = [0.5**i for i in range(len(used))]
    losses = [loss(one, _resize_label(label, one.shape[2:]), annotated) for one in used]
    return torch.stack([w / sum(weights) * one for w, one in zip(weights, losses)]).sum()


def _merge_into_background(log_share: torch.Tensor, annotated: torch.Tensor) -> torch.Tensor:
    """Shares in which structures that were not looked for belong to the background (Fang and Yan, 2020)."""
    known = annotated[:, :, None, None, None]
    of_background = known.logical_not()
    of_background[:, 0] = True
    nothing = log_share.new_tensor(_NOTHING)
    background = torch.where(of_background, log_share, nothing).logsumexp(1, keepdim=True)
    return torch.cat([background, torch.where(known[:, 1:], log_share[:, 1:], nothing)], dim=1)


def _voxels(
    log_share: torch.Tensor, target: torch.Tensor, judged: torch.Tensor, settings: LossSettings, over: Total
) -> torch.Tensor:
    """Mean over judged voxels of minus the log of the right channel's share, weighted as the settings say."""
    of_right = log_share.gather(1, target[:, None])[:, 0]
    weight = judged
    if settings.class_weights:
        table = torch.tensor(settings.class_weights, device=judged.device)
        weight = weight * table[target]
    if settings.voxels == "focal":
        weight = weight * (1 - of_right.exp()) ** settings.focal_gamma
        return -over((of_right * weight).sum()) / over(judged.sum()).clamp(min=1)
    if settings.voxels == "top_k":
        costs = (-of_right * weight).flatten()
        count = max(1, int(settings.top_k_fraction * int(judged.sum())))
        return costs.topk(count).values.mean()
    return -over((of_right * weight).sum()) / over(weight.sum()).clamp(min=1)


def _overlap(
    log_share: torch.Tensor,
    target: torch.Tensor,
    judged: torch.Tensor,
    settings: LossSettings,
    total_over: Total,
    parts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean soft Dice or Tversky index (Salehi et al., 2017) of the structures, or of the regions made of them."""
    channels = log_share.shape[1]
    share = log_share.exp()[:, 1:] * judged[:, None]
    truth = functional.one_hot(target, channels).movedim(-1, 1)[:, 1:] * judged[:, None]
    if parts is not None:
        share, truth = (torch.einsum("rc,bcxyz->brxyz", parts.to(share), one) for one in (share, truth))
    if settings.over_batch:
        hit, found, there = total_over(torch.stack([one.sum((0, 2, 3, 4)) for one in (share * truth, share, truth)]))
    else:
        hit, found, there = (one.sum((2, 3, 4)) for one in (share * truth, share, truth))
    missed = settings.tversky_beta
    if settings.overlap == "dice":
        index = ((2 * hit + _SMOOTH) / (found + there + _SMOOTH)).mean()
    else:
        wrong = missed * (there - hit) + (1 - missed) * (found - hit)
        index = ((hit + _SMOOTH / 2) / (hit + wrong + _SMOOTH / 2)).mean()
    return index if settings.over_batch else total_over(index)


def _boundary(
    share: torch.Tensor, target: torch.Tensor, judged: torch.Tensor, spacing_mm: Sequence[float], over: Total
) -> torch.Tensor:
    """Mean over voxels of share times signed distance to the structure's surface, mm (Kervadec et al., 2019)."""
    total = share.new_zeros(())
    for channel in range(1, share.shape[1]):
        distances = np.stack([_signed_mm(one.cpu().numpy(), spacing_mm) for one in target == channel])
        total = total + (share[:, channel] * torch.from_numpy(distances).to(share) * judged).sum()
    return over(total) / over(judged.sum()).clamp(min=1)


def _signed_mm(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Distance to the mask's surface: positive outside, negative inside; 0 everywhere where there is none."""
    if not mask.any() or mask.all():
        return np.zeros(mask.shape, np.float32)
    outside = ndimage.distance_transform_edt(~mask, spacing_mm)
    return np.asarray(outside - ndimage.distance_transform_edt(mask, spacing_mm), dtype=np.float32)


def _membership(regions: Mapping[str, Sequence[str]], names: Sequence[str]) -> torch.Tensor:
    """(regions, labels): 1 where a label is part of a region."""
    return torch.tensor([[float(name in parts) for name in names] for parts in regions.values()])


def _identity(value: torch.Tensor) -> torch.Tensor:
    return value


def _sum_over_processes(value: torch.Tensor) -> torch.Tensor:
    """The sum over all processes; gradients flow back to each."""
    return _SumOverProcesses.apply(value)  # type: ignore[no-any-return]


class _SumOverProcesses(torch.autograd.Function):
    """The sum over all processes, and of its gradients on the way back."""

    @staticmethod
    def forward(_ctx: object, value: torch.Tensor) -> torch.Tensor:
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total


def _resize_label(label: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    if tuple(label.shape[1:]) == tuple(shape):
        return label
    return functional.interpolate(label[:, None].float(), size=tuple(shape), mode="nearest")[:, 0].long()
