from __future__ import annotations

from collections import Counter

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator
from gnomon.data.sampling import cut_patch, epoch_keys, foreground_voxel, patch_corner
from gnomon.dataset.dataset import Case
from gnomon.preparation.written_cases import foreground_indices

SCHEME = LabelScheme(("a", "b", "c"), (1, 2, 3))


def case_of(channels):
    indices, counts = foreground_indices(channels, SCHEME)
    grid = Grid.from_parts(channels.shape, (1, 1, 1))
    return Case("x", grid, grid, nib.Nifti1Header(), 0.0, counts), indices


sizes = st.tuples(*[st.integers(1, 12)] * 3)


@given(sizes, sizes, st.integers(0, 10**6))
def test_a_patch_never_leaves_a_case_that_is_larger_and_centres_one_that_is_smaller(shape, patch, key):
    draw = generator(key, "test")
    centre = [int(draw.integers(size)) for size in shape]
    for wanted in (None, centre):
        corner = patch_corner(draw, shape, patch, wanted)
        for start, size, edge in zip(corner, shape, patch):
            if size >= edge:
                assert 0 <= start <= size - edge
            else:
                assert start == -((edge - size) // 2)


def test_every_foreground_voxel_is_reached_borders_included():
    channels = np.zeros((6, 7, 5), np.uint8)
    channels[0, 0, 0] = channels[5, 6, 4] = channels[3, 3, 2] = 1
    channels[:, 0, :] = 2
    case, indices = case_of(channels)
    drawn = Counter(foreground_voxel(generator(1, "t", i), case, indices) for i in range(4000))
    assert set(drawn) == {tuple(int(i) for i in index) for index in np.argwhere(channels > 0)}


def test_structures_are_drawn_evenly_whatever_their_size():
    channels = np.zeros((20, 20, 20), np.uint8)
    channels[:10] = 2
    channels[15, 15, 15] = 3
    case, indices = case_of(channels)
    drawn = Counter(int(channels[foreground_voxel(generator(2, "t", i), case, indices)]) for i in range(4000))
    assert set(drawn) == {2, 3}
    assert abs(drawn[3] - 2000) < 3 * np.sqrt(4000 * 0.25)


def test_the_drawn_voxel_lies_inside_its_patch():
    channels = np.zeros((9, 9, 9), np.uint8)
    channels[0, 8, 4] = 1
    case, indices = case_of(channels)
    for i in range(200):
        draw = generator(3, "t", i)
        centre = foreground_voxel(draw, case, indices)
        corner = patch_corner(draw, channels.shape, (4, 5, 6), centre)
        assert cut_patch(channels, corner, (4, 5, 6), 0).max() == 1


def test_a_case_without_structures_has_no_foreground_voxel():
    case, indices = case_of(np.zeros((3, 3, 3), np.uint8))
    assert foreground_voxel(generator(0, "t"), case, indices) is None


def test_voxels_outside_a_case_are_filled():
    volume = np.arange(8.0).reshape(1, 2, 2, 2)
    patch = cut_patch(volume, (-1, 0, 1), (4, 2, 2), -9.0)
    assert patch.shape == (1, 4, 2, 2)
    assert np.array_equal(patch[0, 1:3, :, 0], volume[0, :, :, 1])
    assert (patch[0, [0, 3]] == -9).all()
    assert (patch[0, :, :, 1] == -9).all()


def test_an_epoch_uses_every_case_equally_and_its_order_depends_on_the_key_alone():
    cases = [f"c{i}" for i in range(5)]
    batches = epoch_keys(1, 3, cases, steps=10, batch=4, foreground_fraction=0.5)
    assert len(batches) == 10
    assert set(Counter(key.case for batch in batches for key in batch).values()) == {8}
    assert all([key.on_foreground for key in batch] == [False, False, True, True] for batch in batches)
    assert batches == epoch_keys(1, 3, cases[::-1], 10, 4, 0.5)
    assert batches != epoch_keys(1, 4, cases, 10, 4, 0.5)
    assert batches != epoch_keys(2, 3, cases, 10, 4, 0.5)


@pytest.mark.parametrize(("batch", "share", "expected"), [(2, 0.33, 1), (4, 0.33, 1), (4, 0.0, 1), (4, 1.0, 4)])
def test_at_least_one_patch_of_a_batch_is_on_a_structure(batch, share, expected):
    assert sum(key.on_foreground for key in epoch_keys(0, 0, ["a"], 1, batch, share)[0]) == expected
