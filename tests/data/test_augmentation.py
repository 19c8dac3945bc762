from __future__ import annotations

import numpy as np
import pytest
import torch

from isocenter.data.augmentation import (
    Augmentation,
    AugmentationSettings,
    apply_augmentation,
    draw_augmentation,
)
from isocenter.randomness import generator

NOTHING = Augmentation(None, (0, 0, 0), 0.0, 0, 0.0, 0.0, 1.0, 1.0)
ALWAYS = AugmentationSettings(
    rotation_probability=1, scale_probability=1, noise_probability=1, blur_probability=1, brightness_probability=1,
    contrast_probability=1, gamma_probability=1,
)  # fmt: skip


def moved(matrix, shift=(0.0, 0.0, 0.0)):
    rows = tuple(tuple(float(v) for v in row) for row in matrix)
    return Augmentation(rows, shift, 0.0, 0, 0.0, 0.0, 1.0, 1.0)


def ball(shape, spacing_mm, centre_mm, radius_mm):
    places = np.stack(
        np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing_mm)], indexing="ij"), -1
    )
    return torch.from_numpy((np.linalg.norm(places - centre_mm, axis=-1) <= radius_mm).astype(np.int64))


def centre_of(label, spacing_mm):
    index = np.argwhere(label.numpy() > 0).mean(0)
    return (index - (np.array(label.shape) - 1) / 2) * spacing_mm


def test_nothing_to_do_changes_nothing():
    image, label = torch.randn(1, 6, 7, 8), torch.randint(0, 3, (6, 7, 8))
    out = apply_augmentation(image, label, NOTHING, (1, 1, 1))
    assert torch.equal(out[0], image)
    assert torch.equal(out[1], label)


def test_the_identity_matrix_leaves_the_label_to_the_voxel():
    image, label = torch.randn(1, 9, 8, 7), torch.randint(0, 3, (9, 8, 7))
    out = apply_augmentation(image, label, moved(np.eye(3)), (1, 2, 3))
    assert torch.allclose(out[0], image, atol=1e-4)
    assert torch.equal(out[1], label)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 1.0, 2.0), (2.0, 0.8, 1.0)])
def test_a_rotation_turns_places_in_millimetres(spacing_mm):
    shape = tuple(round(48 / step) for step in spacing_mm)
    a = np.deg2rad(30)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])  # about z
    start = np.array([10.0, 0.0, 4.0])
    label = ball(shape, spacing_mm, start, 6)
    image = label[None].float()
    out_image, out = apply_augmentation(image, label, moved(turn), spacing_mm)
    # The matrix takes output places to input places, so structures turn the other way.
    assert np.abs(centre_of(out, spacing_mm) - turn.T @ start).max() < 0.5
    assert out.sum().item() == pytest.approx(label.sum().item(), rel=0.1)
    assert ((out_image[0] > 0.5).long() != out).float().mean() < 0.01, "image and label move together"


def test_thick_slices_are_turned_in_plane_only():
    for i in range(50):
        how = draw_augmentation(generator(0, "t", i), ALWAYS, (0.8, 0.8, 4.0))
        matrix = np.array(how.matrix)
        factor = np.cbrt(np.linalg.det(matrix))
        assert np.allclose(matrix[2], [0, 0, factor], atol=1e-6)
        assert np.allclose(matrix[:, 2], [0, 0, factor], atol=1e-6)


def test_the_same_key_gives_the_same_patch_and_another_key_another():
    image, label = torch.randn(1, 12, 12, 12), torch.randint(0, 3, (12, 12, 12))
    outs = []
    for key in (1, 1, 2):
        torch.rand(key)  # the global generator plays no part
        how = draw_augmentation(generator(0, "t", key), ALWAYS, (1, 1, 1))
        outs.append(apply_augmentation(image, label, how, (1, 1, 1)))
    assert torch.equal(outs[0][0], outs[1][0])
    assert torch.equal(outs[0][1], outs[1][1])
    assert not torch.equal(outs[0][0], outs[2][0])


def test_no_augmentation_mirrors():
    for i in range(100):
        how = draw_augmentation(generator(5, "t", i), ALWAYS, (1, 1, 1))
        assert np.linalg.det(np.array(how.matrix)) > 0


def test_intensities_stay_finite_on_a_flat_patch():
    image = torch.full((1, 8, 8, 8), -1.0)
    for i in range(20):
        how = draw_augmentation(generator(6, "t", i), ALWAYS, (1, 1, 1))
        out, _ = apply_augmentation(image, torch.zeros(8, 8, 8, dtype=torch.long), how, (1, 1, 1))
        assert torch.isfinite(out).all()
