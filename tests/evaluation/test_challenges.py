"""The challenges' scores against their scripts' formulas, written out here loop by loop."""

from __future__ import annotations

import json

import cc3d
import numpy as np
import pytest
from scipy import ndimage

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.core.randomness import generator
from gnomon.evaluation.challenges import autopet, brats, flare, kits
from gnomon.evaluation.patterns import areas_mm2, cells_of
from gnomon.io.images import write_image

SPACINGS = [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5), (3.0, 1.0, 1.0)]


def scene(seed, values, shape=(22, 20, 12)):
    """Blobs of each value in a reference, and a prediction with some moved, lost or made up."""
    draw = generator(seed, "scene")
    truth, found = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for value in values:
        for _ in range(draw.integers(0, 4)):
            low, size = [draw.integers(0, n - 3) for n in shape], draw.integers(1, 5, 3)
            truth[tuple(slice(a, a + s) for a, s in zip(low, size))] = value
            if draw.random() < 0.75:
                low = [max(0, a + draw.integers(-1, 2)) for a in low]
                found[tuple(slice(a, a + s) for a, s in zip(low, size))] = value
        if draw.random() < 0.4:
            low, size = [draw.integers(0, n - 3) for n in shape], draw.integers(1, 3, 3)
            found[tuple(slice(a, a + s) for a, s in zip(low, size))] = value
    return truth, found, SPACINGS[seed % len(SPACINGS)]


def surfels(mask, spacing_mm):
    """Areas on the corner grid of the whole volume, and the distance of each corner to the surface."""
    areas, cells = np.zeros(np.array(mask.shape) + 1), cells_of(mask)
    areas[tuple(cells.places[:, axis] for axis in range(3))] = areas_mm2(spacing_mm)[cells.patterns]
    away = np.full(areas.shape, np.inf)
    if mask.any():
        away = ndimage.distance_transform_edt(areas == 0, sampling=spacing_mm)
    return areas, away


def official_distances(one, other, spacing_mm):
    """(distance, area) of each surfel, sorted, both ways, as surface-distance gives them."""
    (area, away), (other_area, other_away) = surfels(one, spacing_mm), surfels(other, spacing_mm)
    there = sorted(zip(other_away[area > 0], area[area > 0]))
    back = sorted(zip(away[other_area > 0], other_area[other_area > 0]))
    return there, back


def official_hd95(one, other, spacing_mm):
    worst = 0.0
    for way in official_distances(one, other, spacing_mm):
        if not way:
            return np.inf
        areas = np.cumsum([area for _, area in way]) / sum(area for _, area in way)
        worst = max(worst, way[min(int(np.searchsorted(areas, 0.95)), len(way) - 1)][0])
    return worst


def official_nsd(one, other, spacing_mm, tolerance_mm):
    there, back = official_distances(one, other, spacing_mm)
    near = sum(area for distance, area in (*there, *back) if distance <= tolerance_mm)
    return near / sum(area for _, area in (*there, *back))


def official_dice(one, other):
    return 2 * np.sum(one & other) / (np.sum(one) + np.sum(other))


def official_brats(truth, found, spacing_mm, dilations, threshold):
    struct = ndimage.generate_binary_structure(3, 2)
    predicted = cc3d.connected_components(found.astype(np.uint8), connectivity=26)
    grown = cc3d.connected_components(
        ndimage.binary_dilation(truth, struct, iterations=dilations).astype(np.uint8), connectivity=26
    )
    combined = grown * truth
    pairs, true_positive = [], []
    for lesion in range(1, int(grown.max()) + 1):
        own = combined == lesion
        near = ndimage.binary_dilation(own, struct, iterations=dilations)
        hits = np.unique(predicted[near])
        hits = hits[hits != 0]
        true_positive.extend(hits)
        isolated = np.isin(predicted, hits)
        distance = official_hd95(own, isolated, spacing_mm)
        pairs.append((own.sum() * np.prod(spacing_mm), official_dice(own, isolated), min(distance, 374.0)))
    false = np.unique(predicted[np.isin(predicted, [*true_positive, 0], invert=True)])
    kept = [pair for pair in pairs if pair[0] > threshold]
    if len(kept) + len(false) == 0:
        return 1.0, 0.0
    count = len(kept) + len(false)
    return sum(pair[1] for pair in kept) / count, (sum(pair[2] for pair in kept) + len(false) * 374) / count


def value_of(rows, structure, measure):
    (value,) = [row["value"] for row in rows if row["structure"] == structure and row["measure"] == measure]
    return value


@pytest.mark.parametrize(("dilations", "threshold"), [(3, 50.0), (1, 2.0)])
def test_brats_lesion_wise_scores_are_the_scripts(dilations, threshold):
    for seed in range(100):
        truth, found, spacing_mm = scene(seed, (1, 2, 3))
        rows = brats(truth, found, spacing_mm, dilations=dilations, forgiven_mm3=threshold)
        for name, values in (("whole tumour", (1, 2, 3)), ("tumour core", (1, 3)), ("enhancing tumour", (3,))):
            dice, distance = official_brats(
                np.isin(truth, values), np.isin(found, values), spacing_mm, dilations, threshold
            )
            assert value_of(rows, name, "lesion-wise Dice") == pytest.approx(dice, abs=1e-12), seed
            assert value_of(rows, name, "lesion-wise HD95, mm") == pytest.approx(distance, abs=1e-9), seed


def test_brats_fixed_forgives_small_lesions_on_both_sides():
    truth, found = np.zeros((30, 30, 20), np.uint8), np.zeros((30, 30, 20), np.uint8)
    truth[2:12, 2:12, 2:12] = found[2:12, 2:12, 2:12] = 3
    found[25, 25, 15] = 3
    how = {"dilations": 3, "forgiven_mm3": 50.0}
    assert value_of(brats(truth, found, (1, 1, 1), **how), "enhancing tumour", "lesion-wise Dice") == 0.5
    assert value_of(brats(truth, found, (1, 1, 1), **how, fixed=True), "enhancing tumour", "lesion-wise Dice") == 1.0


def test_kits_scores_are_the_scripts():
    for seed in range(100):
        truth, found, spacing_mm = scene(seed, (1, 2, 3))
        rows = kits(truth, found, spacing_mm)
        for name, values, tolerance_mm in (
            ("kidney and masses", (1, 2, 3), 1.0330772532390826),
            ("masses", (2, 3), 1.1328796488598762),
            ("tumour", (2,), 1.1498198361434828),
        ):
            one, other = np.isin(truth, values), np.isin(found, values)
            both = one.any() and other.any()
            alone = 1.0 if not one.any() and not other.any() else 0.0
            assert value_of(rows, name, "Dice") == pytest.approx(
                official_dice(one, other) if both else alone, abs=1e-12
            )
            nsd = official_nsd(one, other, spacing_mm, tolerance_mm) if both else alone
            assert value_of(rows, name, "surface Dice") == pytest.approx(nsd, abs=1e-9)


def official_flare(truth, found, spacing_mm, name, tolerance_mm):
    if not truth.any() and not found.any():
        return 1.0, 1.0
    if not truth.any():
        return 0.0, 0.0
    if name in ("aorta", "inferior vena cava", "oesophagus"):
        slices = np.where(truth.any(axis=(0, 1)))[0]
        lower, upper = slices.min(), slices.max()
        truth, found = truth[:, :, lower:upper], found[:, :, lower:upper]
    if truth.sum() + found.sum() == 0:
        return None, 0.0
    dice = official_dice(truth, found)
    if dice < 0.2:
        return dice, 0.0
    return dice, official_nsd(truth, found, spacing_mm, tolerance_mm)


def test_flare_scores_are_the_scripts():
    organs = {"liver": (1, 5), "spleen": (3, 3), "aorta": (5, 2), "inferior vena cava": (6, 2), "oesophagus": (10, 3)}
    for seed in range(100):
        truth, found, spacing_mm = scene(seed, (1, 3, 5, 6, 10))
        rows = flare(truth, found, spacing_mm)
        for name, (value, tolerance_mm) in organs.items():
            dice, nsd = official_flare(truth == value, found == value, spacing_mm, name, tolerance_mm)
            assert value_of(rows, name, "Dice") == (dice if dice is None else pytest.approx(dice, abs=1e-12)), (
                seed,
                name,
            )
            assert value_of(rows, name, "NSD") == pytest.approx(nsd, abs=1e-9), (seed, name)


def test_flare_fixed_takes_the_last_slice_too():
    truth = np.zeros((10, 10, 10), np.uint8)
    truth[3:7, 3:7, 4] = 5
    assert value_of(flare(truth, truth, (1, 1, 1)), "aorta", "Dice") is None
    assert value_of(flare(truth, truth, (1, 1, 1), fixed=True), "aorta", "Dice") == 1
    assert value_of(flare(truth, truth, (1, 1, 1), fixed=True), "aorta", "NSD") == 1


def test_autopet_scores_are_the_scripts():
    for seed in range(100):
        truth, found, spacing_mm = scene(seed, (1,))
        rows = autopet(truth, found, spacing_mm)
        voxel_ml = np.prod(spacing_mm) / 1000
        parts, predicted = (cc3d.connected_components(mask, connectivity=18) for mask in (truth, found))
        missed = sum((parts == i).sum() for i in range(1, parts.max() + 1) if not found[parts == i].any())
        false = sum((predicted == i).sum() for i in range(1, predicted.max() + 1) if not truth[predicted == i].any())
        assert value_of(rows, "lesions", "missed volume, ml") == pytest.approx(missed * voxel_ml)
        assert value_of(rows, "lesions", "false volume, ml") == pytest.approx(false * voxel_ml)
        expected = official_dice(truth > 0, found > 0) if truth.any() or found.any() else None
        assert value_of(rows, "lesions", "Dice") == (expected if expected is None else pytest.approx(expected))


def test_the_command_tells_a_challenges_scores_and_no_mean_while_a_case_is_missing(tmp_path):
    grid = Grid.from_parts((22, 20, 12), (1, 1, 1))
    for seed in range(3):
        truth, found, _ = scene(3 * seed, (1, 2, 3))
        write_image(tmp_path / "r" / f"c{seed}.nii.gz", truth, grid)
        write_image(tmp_path / "p" / f"c{seed}.nii.gz", found, grid)
    arguments = [
        f"references={tmp_path / 'r'}",
        f"predictions={tmp_path / 'p'}",
        f"output={tmp_path / 'e'}",
        "label_names={necrosis: 1, oedema: 2, enhancing: 3}",
        "evaluation.challenge=brats_gli",
        "evaluation.regions={whole: [necrosis, oedema, enhancing]}",
    ]
    assert launch("evaluate", arguments) == 0
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert "whole" in summary["labels"]
    assert all(row["mean"] is not None for row in summary["challenge"]["means"])
    assert "Scores of brats_gli" in (tmp_path / "e" / "report.html").read_text()
    (tmp_path / "p" / "c1.nii.gz").unlink()
    assert launch("evaluate", arguments) == 3
    less = json.loads((tmp_path / "e" / "summary.json").read_text())["challenge"]
    assert (less["n_scored"], less["n_cases"]) == (2, 3)
    assert all(row["mean"] is None for row in less["means"])
