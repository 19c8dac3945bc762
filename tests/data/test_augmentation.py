from __future__ import annotations

import numpy as np
import pytest
import torch

from gnomon.core.randomness import generator
from gnomon.data.augmentation import Augmentation, augment_patch, draw_augmentation
from gnomon.settings import AugmentationSettings

ALWAYS = AugmentationSettings(
    **{
        f"{kind}_probability": 1.0
        for kind in (
            "rotation",
            "scale",
            "elastic",
            "blur",
            "low_resolution",
            "noise",
            "brightness",
            "contrast",
            "gamma",
        )
    }
)
NEVER = AugmentationSettings(
    **{
        f"{kind}_probability": 0.0
        for kind in (
            "rotation",
            "scale",
            "elastic",
            "blur",
            "low_resolution",
            "noise",
            "brightness",
            "contrast",
            "gamma",
        )
    }
)


def draws(settings, count, spacing_mm=(1, 1, 1)):
    return [draw_augmentation(generator(0, "t", i), settings, spacing_mm) for i in range(count)]


def test_an_empty_augmentation_changes_nothing():
    image, label = torch.randn(1, 6, 7, 8), torch.randint(0, 3, (6, 7, 8))
    assert draws(NEVER, 1) == [Augmentation(appearance=draws(NEVER, 1)[0].appearance)]
    for how in (Augmentation(), draws(NEVER, 1)[0]):
        out = augment_patch(image, label, how, (6, 7, 8), (1, 1, 1))
        assert torch.equal(out[0], image)
        assert torch.equal(out[1], label)


def test_thick_slices_are_rotated_and_deformed_in_plane_only():
    for how in draws(ALWAYS, 50, (0.8, 0.8, 4.0)):
        matrix = np.array(how.deformation.matrix)
        factor = np.cbrt(np.linalg.det(matrix))
        assert np.allclose(matrix[2], [0, 0, factor], atol=1e-6)
        assert np.allclose(matrix[:, 2], [0, 0, factor], atol=1e-6)
        assert how.deformation.elastic[2] == 0
        assert min(how.deformation.elastic[:2]) > 0
        assert how.appearance.low_resolution_axes == (0, 1)


def test_every_kind_happens_with_its_probability():
    found = draws(AugmentationSettings(), 4000)
    moved = np.mean([how.deformation is not None for how in found])
    assert moved == pytest.approx(1 - 0.6 * 0.6 * 0.9, abs=0.03)
    for name, still, chance in (
        ("blur_sigma_voxels", 0, 0.15),
        ("low_resolution_factor", 1, 0.1),
        ("noise_std", 0, 0.15),
        ("brightness", 0, 0.3),
        ("contrast", 1, 0.3),
        ("gamma", 1, 0.3),
    ):
        assert np.mean([getattr(how.appearance, name) != still for how in found]) == pytest.approx(chance, abs=0.03)


def test_no_augmentation_mirrors():
    assert all(np.linalg.det(np.array(how.deformation.matrix)) > 0 for how in draws(ALWAYS, 100))


def test_the_same_key_gives_the_same_patch_and_another_key_another():
    image, label = torch.randn(1, 30, 30, 30), torch.randint(0, 3, (30, 30, 30), dtype=torch.int8)
    outs = []
    for key in (1, 1, 2):
        torch.rand(key)  # the global generator plays no part
        how = draw_augmentation(generator(0, "t", key), ALWAYS, (1, 1, 1))
        outs.append(augment_patch(image, label, how, (12, 12, 12), (1, 1, 1)))
    assert torch.equal(outs[0][0], outs[1][0])
    assert torch.equal(outs[0][1], outs[1][1])
    assert not torch.equal(outs[0][0], outs[2][0])
