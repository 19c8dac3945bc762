from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from isocenter.training.losses import deeply_supervised, dice_and_cross_entropy


def certain(label, channels, strength=50.0):
    return functional.one_hot(label, channels).movedim(-1, 1).float() * strength


def test_a_perfect_prediction_costs_nothing_and_an_undecided_one_log_channels():
    label = torch.randint(0, 3, (2, 6, 5, 4))
    assert dice_and_cross_entropy(certain(label, 3), label) < 1e-4
    flat = torch.zeros(2, 3, 6, 5, 4)
    structures = functional.one_hot(label, 3).movedim(-1, 1)[:, 1:].sum((0, 2, 3, 4)).double()
    voxels = label.numel()
    dice = ((2 * structures / 3 + 1) / (voxels / 3 + structures + 1)).mean()
    assert dice_and_cross_entropy(flat, label).item() == pytest.approx(math.log(3) + 1 - dice.item(), rel=1e-5)


def test_cross_entropy_is_torchs():
    logits, label = torch.randn(2, 4, 5, 5, 5), torch.randint(0, 4, (2, 5, 5, 5))
    share = logits.softmax(1)
    truth = functional.one_hot(label, 4).movedim(-1, 1).float()
    overlap, total = (share * truth).sum((0, 2, 3, 4)), (share + truth).sum((0, 2, 3, 4))
    dice = ((2 * overlap + 1) / (total + 1))[1:].mean()
    expected = functional.cross_entropy(logits, label) + 1 - dice
    assert torch.allclose(dice_and_cross_entropy(logits, label), expected, atol=1e-5)


def test_ignored_voxels_weigh_nothing():
    logits, label = torch.randn(1, 3, 6, 6, 6), torch.randint(0, 3, (1, 6, 6, 6))
    label[:, :3] = 3
    changed = logits.clone()
    changed[:, :, :3] = torch.randn(1, 3, 3, 6, 6) * 30
    assert torch.allclose(dice_and_cross_entropy(logits, label), dice_and_cross_entropy(changed, label))


def test_finer_resolutions_weigh_more_and_the_coarsest_not_at_all():
    label = torch.randint(0, 2, (1, 8, 8, 8))
    sizes = (8, 4, 2)
    logits = [torch.randn(1, 2, n, n, n) for n in sizes]
    reference = deeply_supervised(logits, label)
    half = dice_and_cross_entropy(logits[1], label[:, ::2, ::2, ::2])
    expected = 2 / 3 * dice_and_cross_entropy(logits[0], label) + 1 / 3 * half
    assert torch.allclose(reference, expected, atol=1e-5)
    assert torch.equal(deeply_supervised([*logits[:2], torch.randn(1, 2, 2, 2, 2)], label), reference)
