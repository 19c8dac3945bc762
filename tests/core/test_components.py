from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gnomon.core.components import CONNECTIVITIES, fill_holes, label_components


def masks(n=40):
    """Masks of many shapes and densities, some of a single slice, some in Fortran order."""
    for seed in range(n):
        draw = np.random.default_rng(seed)
        mask = draw.random(tuple(draw.integers(1, 20, 3))) < draw.choice([0.0, 0.05, 0.2, 0.35, 0.6, 0.85, 1.0])
        yield np.asfortranarray(mask) if seed % 3 == 0 else mask


def test_connectivity_decides_what_touches_at_a_corner():
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 2, 1] = True
    assert [label_components(mask, neighbours)[1] for neighbours in (6, 18, 26)] == [3, 2, 1]


@pytest.mark.parametrize("connectivity", CONNECTIVITIES)
def test_components_have_the_numbers_that_scipy_gives_them(connectivity):
    neighbours = ndimage.generate_binary_structure(3, 1 + CONNECTIVITIES.index(connectivity))
    for mask in masks():
        expected, expected_count = ndimage.label(mask, neighbours)
        numbered, count = label_components(mask, connectivity)
        assert numbered.dtype == np.int32
        assert count == expected_count
        assert np.array_equal(numbered, expected)


def test_a_block_without_voxels_has_no_components():
    numbered, count = label_components(np.zeros((0, 3, 4), bool))
    assert (numbered.shape, count) == ((0, 3, 4), 0)


def test_holes_are_filled_as_scipy_fills_them():
    for mask in masks(300):
        assert np.array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


def test_background_on_the_border_is_no_hole():
    mask = np.ones((5, 5, 5), bool)
    mask[0, 0, 2] = mask[2, 2, 2] = False
    filled = fill_holes(mask)
    assert not filled[0, 0, 2]
    assert filled[2, 2, 2]
