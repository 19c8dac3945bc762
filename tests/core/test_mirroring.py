"""Left stays left, whatever way the image lies and whatever mirror it is seen in."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
import torch
from torch import nn

from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.mirroring import safe_mirroring
from gnomon.core.randomness import generator
from gnomon.data.augmentation import draw_augmentation, mirror_patch
from gnomon.dataset.canonicalise import canonical_image, canonical_label
from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.inference.sliding_window import predict_probabilities
from gnomon.settings import AugmentationSettings

SIDED = LabelScheme(("kidney_left", "kidney_right", "spine"), (1, 2, 3))
SHAPE = (24, 18, 12)
GRID = Grid.from_parts(SHAPE, (1.0, 1.0, 1.5), (-11.5, -8.5, -8.25))


def phantom():
    """A body in RAS order: kidneys as two unlike boxes, left at negative x, a spine in the middle and behind."""
    label = np.zeros(SHAPE, np.int64)
    label[3:8, 4:9, 3:9], label[16:21, 4:9, 4:8], label[11:13, 2:5, :] = 1, 2, 3
    return label


def sides(label):
    """Centres of the labels along x, from the middle of the body; positive to the right."""
    return {value: float(np.argwhere(label == value)[:, 0].mean() - (SHAPE[0] - 1) / 2) for value in (1, 2)}


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_no_label_changes_sides_in_any_orientation_and_mirror(code):
    plan = Plan((1.0, 1.0, 1.5), Normalisation("z_score", None, None), make_topology((1, 1, 1.5), (8, 8, 8)), 2)
    change = GRID.reorientation_to(code)
    stored, grid = change.apply(phantom()), GRID.reorient(change)
    label = canonical_label(stored, grid, SIDED, plan).astype(np.int64)
    image, _ = canonical_image(stored.astype(float), grid, plan)
    safe = safe_mirroring(SIDED)
    assert safe.axes == (0, 1, 2)
    swapped = naive = 0
    for axes in chain.from_iterable(combinations(safe.axes, n) for n in range(4)):
        seen, named = mirror_patch(image, label, axes, safe)
        _, plain = mirror_patch(image, label, axes, safe_mirroring(LabelScheme(("a", "b", "c"), (1, 2, 3))))
        swapped += sides(named)[1] > 0 or sides(named)[2] < 0
        naive += sides(plain)[1] > 0 or sides(plain)[2] < 0
        assert seen.shape == image.shape
        assert np.array_equal(np.unique(named), np.unique(label))
    assert swapped == 0
    assert naive == 4, "every mirror across left and right, where partners do not swap names"


def test_mirroring_twice_is_not_mirroring():
    label = phantom()
    safe = safe_mirroring(SIDED)
    for axes in ((0,), (1,), (0, 2), (0, 1, 2)):
        image, named = mirror_patch(*mirror_patch(label[None], label, axes, safe), axes, safe)
        assert np.array_equal(named, label)
        assert np.array_equal(image[0], label)


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (("liver", "spleen"), (0, 1, 2)),
        (("left kidney", "right kidney"), (0, 1, 2)),
        (("KidneyLeft", "KidneyRight", "Liver"), (0, 1, 2)),
        (("lung_l", "lung_r", "vertebra_L1", "vertebra_L2"), (0, 1, 2)),
        (("Anterior", "Posterior"), (0, 2)),
        (("left_atrium",), (1, 2)),
        (("lung_upper_lobe_left", "lung_upper_lobe_right", "lung_lower_lobe_left", "lung_lower_lobe_right"), (0, 1)),
        (("lung_upper_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right"), (1,)),
        (("inferior_vena_cava",), (0, 1)),
    ],
)
def test_an_axis_that_a_label_does_not_survive_is_dropped_and_said(names, axes):
    safe = safe_mirroring(LabelScheme(names, tuple(range(1, len(names) + 1))))
    assert safe.axes == axes
    assert len(safe.reasons) == 3 - len(axes)
    assert all(any(name in reason for name in names) for reason in safe.reasons)


def test_a_chamber_of_the_heart_is_no_partner_of_another():
    heart = safe_mirroring(LabelScheme(("right ventricle", "myocardium", "left ventricle"), (1, 2, 3)))
    assert heart.axes == (1, 2)
    assert "right ventricle" in heart.reasons[0] and "named for what it is" in heart.reasons[0]
    brain = safe_mirroring(LabelScheme(("left lateral ventricle", "right lateral ventricle"), (1, 2)))
    assert brain.axes == (0, 1, 2)
    assert brain.channels[:3] == (0, 2, 1)


def test_declared_partners_are_believed():
    scheme = LabelScheme(("sin. ventricle", "dex. ventricle", "other"), (1, 2, 5), pairs=(("other", "dex. ventricle"),))
    assert safe_mirroring(scheme).channels[3] == 2
    assert safe_mirroring(LabelScheme(("one", "two"), (1, 2), (("one", "two"),))).channels == (0, 2, 1, 3)


def test_the_ignored_channel_stays():
    scheme = LabelScheme(("k_left", "k_right"), (1, 2), ignore=9)
    label = np.array([[[0, 1, 2, 3]]])
    assert safe_mirroring(scheme).label(label, (0,)).tolist() == [[[0, 2, 1, 3]]]


def test_draws_do_not_depend_on_what_may_be_mirrored():
    settings = AugmentationSettings(mirror_probability=0.5)
    plain = draw_augmentation(generator(0, "x"), settings, (1, 1, 1))
    safe = draw_augmentation(generator(0, "x"), settings, (1, 1, 1), (0, 1, 2))
    assert (plain.deformation, plain.appearance) == (safe.deformation, safe.appearance)
    many = [draw_augmentation(generator(n, "x"), settings, (1, 1, 1), (0, 2)).mirror for n in range(200)]
    assert {axis for mirror in many for axis in mirror} == {0, 2}
    assert 60 < sum(0 in mirror for mirror in many) < 140


class Sides(nn.Module):
    """A net that knows left from right: channel 1 where x is low, channel 2 where x is high."""

    def forward(self, tiles):
        half = tiles.shape[2] // 2
        logits = torch.zeros(len(tiles), 4, *tiles.shape[2:])
        logits[:, 1, :half], logits[:, 2, half:] = 8.0, 8.0
        return [logits]


def test_mirrored_prediction_swaps_partners_back():
    image = np.zeros((1, 8, 8, 8), np.float32)
    plain = predict_probabilities(Sides(), image, (8, 8, 8), 4, 0.0)
    averaged = predict_probabilities(Sides(), image, (8, 8, 8), 4, 0.0, mirror_tta=safe_mirroring(SIDED))
    assert np.allclose(plain, averaged, atol=1e-6)
    naive = safe_mirroring(LabelScheme(("a", "b", "c"), (1, 2, 3)))
    confused = predict_probabilities(Sides(), image, (8, 8, 8), 4, 0.0, mirror_tta=naive)
    assert np.abs(confused[1] - 0.5).max() < 0.01, "what happens without the swap"
