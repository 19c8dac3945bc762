from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch.nn import functional

from gnomon.settings import LossSettings
from gnomon.training.losses import build_loss, deep_supervision_loss
from gnomon.training.losses.zoo.boundary import signed_distance_mm

SPACING = (1.0, 1.0, 2.0)


def loss_of(**settings):
    return build_loss(LossSettings(**settings), SPACING)


def only_voxels(kind, **settings):
    return loss_of(overlap="none", voxels=kind, **settings)


def certain(label, channels, strength=50.0):
    return functional.one_hot(label, channels).movedim(-1, 1).float() * strength


def test_a_perfect_prediction_costs_nothing_and_an_undecided_one_log_channels():
    label = torch.randint(0, 3, (2, 6, 5, 4))
    assert loss_of()(certain(label, 3), label) < 1e-4
    flat = torch.zeros(2, 3, 6, 5, 4)
    structures = functional.one_hot(label, 3).movedim(-1, 1)[:, 1:].sum((0, 2, 3, 4)).double()
    voxels = label.numel()
    dice = ((2 * structures / 3 + 1e-5) / (voxels / 3 + structures + 1e-5)).mean()
    assert loss_of()(flat, label).item() == pytest.approx(math.log(3) + 1 - dice.item(), rel=1e-5)


def test_cross_entropy_is_torchs():
    logits, label = torch.randn(2, 4, 5, 5, 5), torch.randint(0, 4, (2, 5, 5, 5))
    share = logits.softmax(1)
    truth = functional.one_hot(label, 4).movedim(-1, 1).float()
    overlap, total = (share * truth).sum((0, 2, 3, 4)), (share + truth).sum((0, 2, 3, 4))
    dice = ((2 * overlap + 1e-5) / (total + 1e-5))[1:].mean()
    expected = functional.cross_entropy(logits, label) + 1 - dice
    assert torch.allclose(loss_of()(logits, label), expected, atol=1e-5)


def test_class_weights_are_torchs():
    logits, label = torch.randn(2, 3, 5, 5, 5), torch.randint(0, 3, (2, 5, 5, 5))
    expected = functional.cross_entropy(logits, label, torch.tensor([0.2, 1.0, 3.0]))
    assert torch.allclose(
        only_voxels("cross_entropy", class_weights=(0.2, 1.0, 3.0))(logits, label), expected, atol=1e-5
    )


def test_a_regions_probability_is_the_sum_of_its_labels():
    names, regions = ("oedema", "core"), {"whole": ["oedema", "core"], "core": ["core"]}
    logits, label = torch.randn(2, 3, 5, 5, 5), torch.randint(0, 3, (2, 5, 5, 5))
    found = build_loss(LossSettings(voxels="none", regions=regions), SPACING, names=names)(logits, label)
    share, dices = logits.softmax(1), []
    for channels in ((1, 2), (2,)):
        mine = share[:, list(channels)].sum(1)
        truth = torch.isin(label, torch.tensor(channels)).float()
        dices.append((2 * (mine * truth).sum() + 1e-5) / (mine.sum() + truth.sum() + 1e-5))
    assert found.item() == pytest.approx(1 - torch.stack(dices).mean().item(), rel=1e-5)
    alone = build_loss(LossSettings(voxels="none", regions={"o": ["oedema"], "c": ["core"]}), SPACING, names=names)
    expected = loss_of(voxels="none")(logits, label)
    assert alone(logits, label).item() == pytest.approx(expected.item(), rel=1e-5)  # sums in another order


def test_focal_without_gamma_is_cross_entropy_and_easy_voxels_count_less_with_it():
    logits, label = torch.randn(2, 3, 5, 5, 5), torch.randint(0, 3, (2, 5, 5, 5))
    plain = functional.cross_entropy(logits, label)
    assert torch.allclose(only_voxels("focal", focal_gamma=0.0)(logits, label), plain, atol=1e-5)
    easy, hard = certain(label, 3, 3.0), -certain(label, 3, 3.0)
    ratio = only_voxels("focal")(easy, label) / only_voxels("focal")(hard, label)
    assert ratio < functional.cross_entropy(easy, label) / functional.cross_entropy(hard, label)


@given(st.floats(0.01, 1.0))
def test_top_k_is_the_mean_of_the_worst(share):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 5, 5, 5, generator=generator)
    label = torch.randint(0, 3, (1, 5, 5, 5), generator=generator)
    costs = np.sort(functional.cross_entropy(logits, label, reduction="none").flatten().numpy())[::-1]
    count = max(1, int(share * 125))
    found = only_voxels("top_k", top_k_fraction=share)(logits, label).item()
    assert found == pytest.approx(float(costs[:count].mean()), rel=1e-4)


def test_an_even_tversky_index_is_dice():
    logits, label = torch.randn(2, 3, 6, 6, 6), torch.randint(0, 3, (2, 6, 6, 6))
    even = loss_of(overlap="tversky", voxels="none", tversky_beta=0.5)(logits, label)
    assert torch.allclose(even, build_loss(LossSettings(voxels="none"), SPACING)(logits, label), atol=1e-3)


def test_tversky_weighs_what_is_missed_more_than_what_is_false():
    label = torch.zeros(1, 8, 8, 8, dtype=torch.long)
    label[:, 2:6, 2:6, 2:6] = 1
    less, more = label.clone(), label.clone()
    less[:, 2], more[:, 1, 2:6, 2:6] = 0, 1
    loss = loss_of(overlap="tversky", voxels="none")
    assert loss(certain(less, 2), label) > loss(certain(more, 2), label)


def test_overlap_patch_by_patch_lets_no_large_patch_hide_a_small_one():
    label = torch.zeros(2, 8, 8, 8, dtype=torch.long)
    label[0], label[1, 0, 0, 0] = 1, 1
    found = certain(label, 2)
    found[1] = certain(torch.zeros_like(label[:1]), 2)[0]
    together = loss_of(voxels="none")(found, label)
    apart = loss_of(voxels="none", over_batch=False)(found, label)
    assert together < 0.01 < apart


def test_the_boundary_term_is_the_mean_signed_distance_in_mm():
    label = torch.zeros(1, 9, 9, 9, dtype=torch.long)
    label[:, :, :, 4:] = 1
    exact, shifted = label.clone(), label.clone()
    shifted[:, :, :, 3] = 1
    term = build_loss(LossSettings(extra={"boundary": 1.0}), SPACING)
    plain = build_loss(LossSettings(), SPACING)
    grown = (term(certain(shifted, 2), label) - plain(certain(shifted, 2), label)).item()
    right = (term(certain(exact, 2), label) - plain(certain(exact, 2), label)).item()
    assert grown - right == pytest.approx(2.0 / 9, abs=1e-4), "a ninth of the voxels, 2 mm off"


def test_extra_terms_are_added_with_their_weights():
    logits, label = torch.randn(1, 3, 6, 6, 6), torch.randint(0, 3, (1, 6, 6, 6))
    parts = [loss_of(overlap=name, voxels="none")(logits, label) for name in ("dice", "tversky")]
    both = loss_of(voxels="none", extra={"tversky": 0.5})(logits, label)
    assert both.item() == pytest.approx((parts[0] + 0.5 * parts[1]).item(), rel=1e-5)


def test_ignored_voxels_weigh_nothing_in_any_loss():
    logits, label = torch.randn(1, 3, 6, 6, 6), torch.randint(0, 3, (1, 6, 6, 6))
    label[:, :3] = 3
    changed = logits.clone()
    changed[:, :, :3] = torch.randn(1, 3, 3, 6, 6) * 30
    for overlap in ("dice", "tversky"):
        for voxels in ("cross_entropy", "focal", "top_k"):
            loss = loss_of(overlap=overlap, voxels=voxels, extra={"boundary": 0.1}, class_weights=(1.0, 2.0, 3.0))
            assert torch.allclose(loss(logits, label), loss(changed, label)), (overlap, voxels)


@pytest.mark.parametrize(
    "settings", [{"overlap": "tversky"}, {"voxels": "focal"}, {"voxels": "top_k"}, {"extra": {"boundary": 0.1}}]
)
def test_every_loss_falls_when_its_gradient_is_followed(settings):
    torch.manual_seed(0)
    label = torch.randint(0, 3, (2, 6, 6, 6))
    logits = torch.zeros(2, 3, 6, 6, 6, requires_grad=True)
    loss = loss_of(**settings)
    before = loss(logits, label)
    before.backward()
    assert torch.isfinite(logits.grad).all()
    assert loss(logits.detach() - 5.0 * logits.grad, label) < before


@pytest.mark.parametrize(
    "settings", [{"overlap": "none", "voxels": "none"}, {"class_weights": (1.0, -1.0)}, {"extra": {"nonsense": 1.0}}]
)
def test_settings_that_minimise_nothing_or_name_no_loss_are_refused(settings):
    with pytest.raises(ValueError, match=r"none|0 or more|nonsense"):
        LossSettings(**settings)


def test_finer_resolutions_weigh_more_and_the_coarsest_not_at_all():
    loss = loss_of()
    label = torch.randint(0, 2, (1, 8, 8, 8))
    sizes = (8, 4, 2)
    logits = [torch.randn(1, 2, n, n, n) for n in sizes]
    reference = deep_supervision_loss(logits, label, loss)
    half = loss(logits[1], label[:, ::2, ::2, ::2])
    expected = 2 / 3 * loss(logits[0], label) + 1 / 3 * half
    assert torch.allclose(reference, expected, atol=1e-5)
    assert torch.equal(deep_supervision_loss([*logits[:2], torch.randn(1, 2, 2, 2, 2)], label, loss), reference)


@pytest.mark.parametrize("voxels", ["cross_entropy", "focal", "top_k"])
def test_a_structure_that_is_not_annotated_may_lie_in_the_background(voxels):
    loss = build_loss(LossSettings(voxels=voxels, top_k_fraction=1.0), (1, 1, 1))
    label = torch.zeros(1, 4, 4, 4, dtype=torch.long)
    label[:, :2] = 1
    looked_for = torch.tensor([[True, True, False]])
    logits = torch.full((1, 3, 4, 4, 4), -20.0)
    logits[:, 1, :2] = 20.0
    logits[:, 0, 2] = 20.0
    logits[:, 2, 3] = 20.0  # the third structure, where the label says background
    assert loss(logits, label, looked_for).item() == pytest.approx(0, abs=1e-3)
    assert loss(logits, label).item() > 0.3
    assert loss(logits, label, torch.ones(1, 3, dtype=torch.bool)).item() == loss(logits, label).item()


def test_an_unannotated_structure_has_no_gradient_towards_or_away_from_the_background():
    loss = build_loss(LossSettings(overlap="none"), (1, 1, 1))
    logits = torch.zeros(1, 3, 2, 2, 2, requires_grad=True)
    loss(logits, torch.zeros(1, 2, 2, 2, dtype=torch.long), torch.tensor([[True, True, False]])).backward()
    assert torch.allclose(logits.grad[:, 0], logits.grad[:, 2])
    assert (logits.grad[:, 1] > 0).all()


def test_a_structure_that_a_batch_does_not_hold_is_hardly_pushed_out():
    label = torch.zeros(2, 8, 8, 8, dtype=torch.long)
    for overlap in ("dice", "tversky"):
        logits = torch.randn(2, 3, 8, 8, 8, requires_grad=True)
        build_loss(LossSettings(overlap=overlap, voxels="none"), SPACING)(logits, label).backward()
        assert logits.grad.abs().max() < 1e-8


def test_signed_distances_are_those_of_scipy():
    for seed in range(10):
        draw = np.random.default_rng(seed)
        mask, spacing_mm = draw.random(tuple(draw.integers(4, 30, 3))) < 0.2, tuple(draw.uniform(0.4, 5, 3))
        outside, inside = (ndimage.distance_transform_edt(side, spacing_mm) for side in (~mask, mask))
        assert signed_distance_mm(mask, spacing_mm) == pytest.approx(outside - inside, abs=1e-5)
