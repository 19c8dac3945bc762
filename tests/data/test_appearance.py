from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from gnomon.data.appearance import Appearance, apply_appearance


def test_default_parameters_change_nothing():
    image = torch.randn(2, 5, 6, 7)
    assert torch.equal(apply_appearance(image, Appearance()), image)


def test_blur_is_scipys_gaussian_away_from_the_edge():
    image = torch.randn(2, 20, 21, 22)
    out = apply_appearance(image, Appearance(blur_sigma_voxels=0.8))
    wanted = torch.from_numpy(ndimage.gaussian_filter(image.numpy(), (0, 0.8, 0.8, 0.8), truncate=6))
    inside = (slice(None), *(slice(6, -6),) * 3)
    assert torch.allclose(out[inside], wanted[inside], atol=1e-4)


@pytest.mark.parametrize(
    "how",
    [Appearance(blur_sigma_voxels=1.0), Appearance(low_resolution_factor=1.7), Appearance(low_resolution_factor=8.0)],
)
def test_resolution_leaves_a_flat_image_flat(how):
    image = torch.full((1, 9, 16, 5), 3.0)
    assert torch.allclose(apply_appearance(image, how), image, atol=1e-5)


def test_low_resolution_keeps_a_ramp_and_loses_fine_detail():
    ramp = torch.arange(32.0).reshape(1, 32, 1, 1).expand(1, 32, 8, 8).contiguous()
    out = apply_appearance(ramp, Appearance(low_resolution_factor=2.0))
    assert torch.allclose(out[:, 4:-4], ramp[:, 4:-4], atol=1e-4)
    checkers = (-1.0) ** torch.arange(32).reshape(1, 32, 1, 1).expand(1, 32, 8, 8)
    assert apply_appearance(checkers, Appearance(low_resolution_factor=2.0)).abs().max() < 1e-5


def test_coarse_axes_are_left_as_they_are():
    checkers = ((-1.0) ** torch.arange(8)).expand(1, 8, 8, 8).contiguous()
    assert torch.allclose(
        apply_appearance(checkers, Appearance(low_resolution_factor=2.0, low_resolution_axes=(0, 1))),
        checkers,
        atol=1e-6,
    )


def test_noise_has_its_deviation_and_is_drawn_from_its_seed():
    image = torch.zeros(1, 40, 40, 40)
    one, again, other = (apply_appearance(image, Appearance(noise_std=0.2, noise_seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.std().item() == pytest.approx(0.2, rel=0.02)


def test_contrast_brightness_and_gamma_are_applied_as_defined():
    image = torch.rand(1, 6, 6, 6) * 4 - 1
    out = apply_appearance(image, Appearance(contrast=1.2, brightness=-0.3))
    assert torch.allclose(out, image * 1.2 - 0.3)
    low, high = image.min(), image.max()
    wanted = ((image - low) / (high - low)) ** 1.4 * (high - low) + low
    assert torch.allclose(apply_appearance(image, Appearance(gamma=1.4)), wanted, atol=1e-5)


def test_values_stay_finite_on_a_flat_patch():
    every = Appearance(1.0, 2.0, (0, 1, 2), 0.0, 0, 0.2, 1.2, 0.7)
    assert torch.isfinite(apply_appearance(torch.full((1, 8, 8, 8), -1.0), every)).all()
