from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gnomon.core.geometry import ORIENTATIONS, Grid, flip_axes
from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator
from gnomon.evaluation import evaluate
from gnomon.evaluation.detectors import find_pipeline_error
from gnomon.io.images import images_in_folder, write_image
from gnomon.settings import EvaluateSettings

GRID = Grid.from_parts((40, 36, 30), (1.0, 1.0, 2.0))
LABELS = {"liver": 1, "spleen": 4, "kidney": 9}


def scene(seed):
    """Three smooth, uneven structures, off the middle."""
    draw = generator(seed, "scene")
    label = np.zeros(GRID.shape, np.uint8)
    for value, centre in zip(LABELS.values(), ((10, 14, 9), (27, 20, 18), (15, 26, 20))):
        field = ndimage.gaussian_filter(draw.normal(size=GRID.shape), 2) * 14
        apart = np.linalg.norm(np.indices(GRID.shape) - np.reshape(centre, (3, 1, 1, 1)), axis=0)
        label[apart + field < 6] = value
    return label


def predicted(label, seed):
    """An honest prediction: surfaces half a voxel or so off, here and there."""
    noise = ndimage.gaussian_filter(generator(seed, "noise").normal(size=label.shape), 1.5) * 3
    out = np.zeros_like(label)
    for value in LABELS.values():
        inside = label == value
        signed = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        out[signed + noise > 0] = value
    return out


def rule_of(reference, prediction, grid=GRID):
    found = find_pipeline_error("x", reference, prediction, grid, LABELS)
    return found and found.rule


def test_honest_predictions_are_not_suspected():
    for seed in range(40):
        label = scene(seed)
        assert rule_of(label, predicted(label, seed)) is None
        assert rule_of(label, label) is None


@pytest.mark.parametrize("axis", range(3))
def test_mirror_images_are_named_by_their_way(axis):
    ways = ("left and right", "front and back", "up and down")
    for seed in range(10):
        label = scene(seed)
        found = find_pipeline_error("x", label, flip_axes(predicted(label, seed), (axis,)), GRID, LABELS)
        assert found.rule == "EVL301"
        assert ways[axis] in found.found


def test_the_way_is_the_patients_in_any_orientation():
    label = scene(0)
    for code in ORIENTATIONS:
        change = GRID.reorientation_to(code)
        axis = next(i for i, side in enumerate(code) if side in "RL")
        there, turned = change.apply(label), flip_axes(change.apply(predicted(label, 0)), (axis,))
        found = find_pipeline_error("x", there, turned, GRID.reorient(change), LABELS)
        assert "left and right" in found.found, code


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("step", [-1, 1])
def test_a_shift_by_one_voxel_is_named(axis, step):
    caught = sum(rule_of(scene(s), np.roll(predicted(scene(s), s), step, axis)) == "EVL302" for s in range(10))
    assert caught == 10


def test_exchanged_names_are_named():
    for seed in range(10):
        label = scene(seed)
        exchanged = predicted(label, seed)
        exchanged = np.where(exchanged == 4, 9, np.where(exchanged == 9, 4, exchanged)).astype(np.uint8)
        found = find_pipeline_error("x", label, exchanged, GRID, LABELS)
        assert found.rule == "EVL303"
        assert "spleen and kidney exchanged" in found.found


def test_empty_masks_say_nothing():
    empty = np.zeros(GRID.shape, np.uint8)
    assert rule_of(scene(0), empty) is None
    assert rule_of(empty, scene(0)) is None


def test_a_mirrored_case_is_named_among_honest_ones(tmp_path):
    for seed in range(4):
        label = scene(seed)
        found = predicted(label, seed)
        write_image(tmp_path / "r" / f"c{seed}.nii.gz", label, GRID)
        write_image(tmp_path / "p" / f"c{seed}.nii.gz", flip_axes(found, (0,)) if seed == 2 else found, GRID)
    scheme = LabelScheme(tuple(LABELS), tuple(LABELS.values()))
    settings = EvaluateSettings(workers=1)
    done = evaluate(images_in_folder(tmp_path / "r"), tmp_path / "p", scheme, tmp_path / "e", settings)
    assert [(finding.rule, finding.where) for finding in done.findings] == [("EVL301", "case c2")]
    assert done.summary["n_unscored"] == 0


def test_what_was_not_looked_for_or_is_ignored_raises_no_doubt(tmp_path):
    label = scene(1)
    found = predicted(label, 1)
    exchanged = np.where(found == 4, 9, np.where(found == 9, 4, found)).astype(np.uint8)
    write_image(tmp_path / "r" / "c.nii.gz", label, GRID)
    write_image(tmp_path / "p" / "c.nii.gz", exchanged, GRID)
    references = images_in_folder(tmp_path / "r")
    names, settings = tuple(LABELS), EvaluateSettings(workers=1)
    whole = LabelScheme(names, tuple(LABELS.values()))
    assert evaluate(references, tmp_path / "p", whole, tmp_path / "e", settings).findings
    partly = evaluate(references, tmp_path / "p", whole, tmp_path / "e", settings, annotated={"c": ["liver"]})
    assert partly.findings == ()
    ignoring = LabelScheme(("liver", "spleen"), (1, 4), ignore=9)
    moved = np.where(label == 9, 4, label).astype(np.uint8)  # what is predicted where nothing is judged
    write_image(tmp_path / "p" / "c.nii.gz", moved, GRID)
    done = evaluate(references, tmp_path / "p", ignoring, tmp_path / "e", settings)
    assert done.findings == ()
    assert done.summary["mean_dice"] == 1
