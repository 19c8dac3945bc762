"""Phantoms for the tests: boxes and balls of labels, random scenes, and rules done the slow way."""

from __future__ import annotations

import numpy as np

from gnomon.core.components import label_components
from gnomon.core.geometry import Grid
from gnomon.postprocess.parts import case_parts


def ball(grid, centre_mm, radius_mm):
    """A mask of voxels whose centres lie within a radius."""
    places = grid.points_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).astype(float))
    return np.linalg.norm(places - np.asarray(centre_mm), axis=-1) <= radius_mm


def spec_values(*rules, labels=None, regions=None):
    """A spec as it stands in a file."""
    return {
        "schema": "gnomon/postprocess/1",
        "labels": labels or {"organ": 1, "lesion": 2},
        "regions": regions or {},
        "rules": [{"reason": "for the test", **rule} for rule in rules],
    }


def random_scene(draw, shape=(24, 20, 12), boxes=5):
    """A reference, a prediction that hits, misses and invents, and a probability of the prediction."""
    truth, found = np.zeros(shape, bool), np.zeros(shape, bool)
    for _ in range(int(draw.integers(0, boxes + 1))):
        first = [int(draw.integers(0, size - 4)) for size in shape]
        size = draw.integers(1, 5, 3)
        box = tuple(slice(f, f + int(s)) for f, s in zip(first, size))
        if draw.random() < 0.8:
            truth[box] = True
        if draw.random() < 0.8:
            shift = draw.integers(0, 3, 3)
            moved = zip(first, shift, draw.integers(1, 5, 3))
            found[tuple(slice(f + int(o), f + int(o) + int(s)) for f, o, s in moved)] = True
    return truth, found, draw.integers(0, 65, shape) / 64


def brute_force(truth, found, probability, grid, kind, limit, connectivity=26):
    """Remove, then measure anew: Dice and the number of lesions that are hit."""
    numbered, count = label_components(found, connectivity)
    kept = np.zeros_like(found)
    sizes = [int((numbered == n).sum()) for n in range(1, count + 1)]
    for n in range(1, count + 1):
        part = numbered == n
        score = {
            "min_volume_mm3": part.sum() * grid.voxel_volume_mm3,
            "min_mean_probability": probability[part].mean(),
            "min_peak_probability": probability[part].max(),
            "keep_k": -sum(size > sizes[n - 1] for size in sizes),
        }[kind]
        if score >= limit:
            kept |= part
    lesions, n_lesions = label_components(truth, connectivity)
    hit = sum(bool((kept & (lesions == n)).any()) for n in range(1, n_lesions + 1))
    total = kept.sum() + truth.sum()
    return (2 * (kept & truth).sum() / total if total else 1.0), hit


def parts_of(name, truth, found, probability, grid, fold=0):
    """The scene as a search sees it."""
    return case_parts(name, name, fold, truth, found, grid.voxel_volume_mm3, probability)


GRID = Grid.from_parts((24, 20, 12), (0.8, 0.8, 2.5))
