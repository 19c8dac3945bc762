"""The loss that a training minimises: the weighted sum of its terms at every resolution.

Channel 0 is the background. A label past the last channel is ignored. A structure that is not annotated in a case may
lie anywhere in the case's background.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn import functional

from gnomon.settings import LossSettings
from gnomon.training.losses.inputs import LossInputs
from gnomon.training.losses.registry import find_loss

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""(logits (batch, channels, x, y, z), label (batch, x, y, z), annotated (batch, channels) or None) -> a scalar."""
_LOG_ZERO = -1e4  # log-probability of a channel that cannot occur


def build_loss(
    settings: LossSettings, spacing_mm: Sequence[float], processes: int = 1, names: Sequence[str] = ()
) -> Loss:
    """The loss of one resolution for patches of this spacing.

    Where several processes share a batch, sums run over all of them: every process has the loss, and after averaging
    the gradient, of the whole batch; only `top_k` takes the highest of each part.

    Args:
        names: names of the labels, which the regions refer to.

    Raises:
        ValueError: a loss that does not exist.
        Refusal: EXT101 to EXT103, a loss of an installed package that cannot be used.
    """
    terms = [(weight, find_loss(name)) for name, weight in settings.weights.items()]
    regions = _region_matrix(settings.regions, names) if settings.regions else None

    def loss(logits: torch.Tensor, label: torch.Tensor, annotated: torch.Tensor | None = None) -> torch.Tensor:
        channels = logits.shape[1]
        log_probs = functional.log_softmax(logits.float(), dim=1)
        if annotated is not None and not annotated.all():
            log_probs = _merge_into_background(log_probs, annotated)
        inputs = LossInputs(
            log_probs=log_probs,
            target=label.clamp(max=channels - 1),
            valid_mask=(label < channels).float(),
            spacing_mm=tuple(spacing_mm),
            regions=regions,
            processes=processes,
            sum_over_processes=_sum_over_processes if processes > 1 else _identity,
        )
        total = log_probs.new_zeros(())
        for weight, term in terms:
            total = total + weight * term(inputs, settings)
        return total

    return loss


def deep_supervision_loss(
    logits: Sequence[torch.Tensor], label: torch.Tensor, loss: Loss, annotated: torch.Tensor | None = None
) -> torch.Tensor:
    """The loss over all resolutions, each with half the weight of the next finer one.

    Args:
        logits: (batch, channels, x, y, z) for each resolution, the finest first; of three or more the coarsest is
            left out.
        label: (batch, x, y, z) at the finest resolution; resized to the others by nearest neighbour.
    """
    used = logits[:-1] if len(logits) > 2 else logits
    weights = [0.5**i for i in range(len(used))]
    losses = [loss(one, _resize_label(label, one.shape[2:]), annotated) for one in used]
    return torch.stack([w / sum(weights) * one for w, one in zip(weights, losses)]).sum()


def _merge_into_background(log_probs: torch.Tensor, annotated: torch.Tensor) -> torch.Tensor:
    """Log-probabilities in which structures that are not annotated count as background (Fang and Yan, 2020)."""
    known = annotated[:, :, None, None, None]
    background = known.logical_not()
    background[:, 0] = True
    log_zero = log_probs.new_tensor(_LOG_ZERO)
    merged = torch.where(background, log_probs, log_zero).logsumexp(1, keepdim=True)
    return torch.cat([merged, torch.where(known[:, 1:], log_probs[:, 1:], log_zero)], dim=1)


def _region_matrix(regions: Mapping[str, Sequence[str]], names: Sequence[str]) -> torch.Tensor:
    """(regions, labels): 1 where a label is part of a region."""
    return torch.tensor([[float(name in parts) for name in names] for parts in regions.values()])


def _identity(value: torch.Tensor) -> torch.Tensor:
    return value


def _sum_over_processes(value: torch.Tensor) -> torch.Tensor:
    """The sum over all processes; gradients flow back to each."""
    return _SumOverProcesses.apply(value)  # type: ignore[no-any-return]


class _SumOverProcesses(torch.autograd.Function):
    """The sum over all processes, and in the backward pass the sum of its gradients."""

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
