from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gnomon.core.randomness import generator
from gnomon.data import deformation
from gnomon.data.augmentation import _rotation
from gnomon.data.deformation import Deformation, deform_patch, margin_voxels

STILL = tuple(tuple(row) for row in np.eye(3).tolist())


def deformation_of(seed, elastic=0.0):
    draw = generator(seed, "test")
    matrix = _rotation(draw.uniform(-0.6, 0.6, 3)) * draw.uniform(0.7, 1.4)
    shift = draw.uniform(-0.1, 0.1, 3)
    return Deformation(tuple(map(tuple, matrix.tolist())), tuple(shift.tolist()), (elastic,) * 3, seed)


def places_of(how, patch, spacing_mm, box):
    first, rest = deformation._field(how, patch, spacing_mm, box)
    return torch.matmul(first, rest).reshape(3, *patch).double().numpy()


def box_of(how, patch, spacing_mm):
    return tuple(size + 2 * more for size, more in zip(patch, margin_voxels(how, patch, spacing_mm)))


def blobs(shape, seed):
    """Three labels with curved surfaces that meet."""
    smooth = ndimage.gaussian_filter(generator(seed, "blobs").normal(size=(3, *shape)), (0, 2, 2, 2))
    return torch.from_numpy(smooth.argmax(0).astype(np.int8))


def ball(shape, spacing_mm, centre_mm, radius_mm):
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing_mm)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    return torch.from_numpy((np.linalg.norm(places - centre_mm, axis=-1) <= radius_mm).astype(np.int8))


def centre_of(label, spacing_mm):
    index = np.argwhere(label.numpy() > 0).mean(0)
    return (index - (np.array(label.shape) - 1) / 2) * spacing_mm


def test_the_identity_leaves_image_and_label():
    patch, spacing_mm = (9, 8, 7), (1.0, 2.0, 3.0)
    how = Deformation(STILL)
    box = box_of(how, patch, spacing_mm)
    image, label = torch.randn(1, *box), torch.randint(0, 3, box, dtype=torch.int8)
    out_image, out_label = deform_patch(image, label, how, patch, spacing_mm)
    inside = tuple(slice((b - p) // 2, (b - p) // 2 + p) for b, p in zip(box, patch))
    assert torch.allclose(out_image, image[(slice(None), *inside)], atol=1e-2)
    assert torch.equal(out_label, label[inside])


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 1.0, 2.0), (2.0, 0.8, 1.0)])
def test_a_rotation_acts_in_millimetres(spacing_mm):
    patch = tuple(round(48 / step) for step in spacing_mm)
    turn = _rotation(np.deg2rad([0, 0, 30]))
    how = Deformation(tuple(map(tuple, turn.tolist())))
    start = np.array([10.0, 0.0, 4.0])
    box = box_of(how, patch, spacing_mm)
    label = ball(box, spacing_mm, start, 6)
    out_image, out = deform_patch(label[None].float(), label, how, patch, spacing_mm)
    # The matrix takes output places to input places, so structures turn the other way.
    assert np.abs(centre_of(out, spacing_mm) - turn.T @ start).max() < 0.5
    assert out.sum().item() == pytest.approx(label.sum().item(), rel=0.1)
    assert ((out_image[0] > 0.5) != out).float().mean() < 0.01, "image and label move together"


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    elastic=st.sampled_from([0.0, 0.2, 0.4]),
    patch=st.tuples(*[st.integers(1, 40)] * 3),
    spacing_mm=st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3),
)
def test_no_move_reads_beyond_its_margin(seed, elastic, patch, spacing_mm):
    how = deformation_of(seed, elastic)
    box = box_of(how, patch, spacing_mm)
    places = places_of(how, patch, spacing_mm, box)
    assert places.min() >= 0
    assert (places.reshape(3, -1).max(1) <= np.array(box) - 1).all()


def test_an_affine_move_is_reproduced_exactly():
    patch, spacing_mm = (20, 13, 9), (1.0, 1.5, 4.0)
    for seed in range(20):
        how = deformation_of(seed)
        box = box_of(how, patch, spacing_mm)
        index = np.indices(patch).reshape(3, -1).T - (np.array(patch) - 1) / 2
        wanted = (index * spacing_mm) @ np.array(how.matrix).T + np.array(how.shift) * patch * np.array(spacing_mm)
        wanted = (wanted / spacing_mm + (np.array(box) - 1) / 2).T
        assert np.abs(places_of(how, patch, spacing_mm, box).reshape(3, -1) - wanted).max() < 1e-4


@pytest.mark.parametrize("elastic", [0.0, 0.3])
@pytest.mark.parametrize("at_a_time", [500, 100_000])
def test_image_and_label_are_those_of_scipy_at_the_same_places(elastic, at_a_time, monkeypatch):
    monkeypatch.setattr(deformation, "_AT_A_TIME", at_a_time)
    patch, spacing_mm = (22, 17, 12), (1.0, 1.3, 2.0)
    for seed in range(5):
        how = deformation_of(seed, elastic)
        box = box_of(how, patch, spacing_mm)
        label = blobs(box, seed)
        image = torch.from_numpy(
            ndimage.gaussian_filter(generator(seed, "image").normal(size=(2, *box)), (0, 1, 1, 1)).astype(np.float32)
        )
        places = places_of(how, patch, spacing_mm, box)
        out_image, out_label = deform_patch(image, label, how, patch, spacing_mm)
        for channel in range(2):
            wanted = ndimage.map_coordinates(image[channel].numpy().astype(float), places, order=1)
            assert np.abs(out_image[channel].numpy() - wanted).max() < 2e-3
        shares = np.stack(
            [ndimage.map_coordinates((label == v).numpy().astype(float), places, order=1) for v in range(3)]
        )
        ranked = np.sort(shares, axis=0)
        clear = ranked[-1] - ranked[-2] > 1e-3
        assert clear.mean() > 0.99
        assert np.array_equal(out_label.numpy()[clear], shares.argmax(0)[clear])


def test_a_patch_of_one_label_keeps_it():
    how = deformation_of(1)
    box = box_of(how, (8, 8, 8), (1, 1, 1))
    _, out = deform_patch(torch.zeros(1, *box), torch.full(box, 2, dtype=torch.int8), how, (8, 8, 8), (1, 1, 1))
    assert (out == 2).all()


def test_the_strongest_warp_does_not_fold():
    patch, spacing_mm = (40, 40, 40), (1.0, 1.0, 1.0)
    for seed in range(20):
        how = Deformation(STILL, elastic=(0.4,) * 3, seed=seed)
        places = places_of(how, patch, spacing_mm, box_of(how, patch, spacing_mm))
        gradients = np.stack([np.stack(np.gradient(place), -1) for place in places], -2)
        assert np.linalg.det(gradients).min() > 0
        moved = places - np.indices(patch) - places.mean(axis=(1, 2, 3), keepdims=True) + 19.5
        assert np.abs(moved).max() > 1


def test_threads_change_no_bit():
    how = deformation_of(3, 0.2)
    box = box_of(how, (30, 30, 30), (1, 1, 1))
    image, label = torch.randn(1, *box), blobs(box, 0)
    before = torch.get_num_threads()
    outs = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            outs.append(deform_patch(image, label, how, (30, 30, 30), (1, 1, 1)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(outs[0][0], outs[1][0])
    assert torch.equal(outs[0][1], outs[1][1])
