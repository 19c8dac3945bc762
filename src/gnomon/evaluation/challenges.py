"""The scores of public challenges, as their own scripts compute them, or with the errors of these corrected.

Each function takes label values (x, y, z) of one case and the spacing in mm, and returns rows of structure, measure
and value. `fixed` corrects where a script differs from its own description:

- BraTS 2023 ignores reference lesions up to a volume, but no predicted ones: a false speck costs as much as a missed
  tumour. Fixed: unmatched predicted lesions up to that volume are ignored, too.
- KiTS 2023 uses the spacing in the prediction's header. Here it is always the reference's; the geometry gate ensures
  that both agree. Nothing is left to fix.
- FLARE 2022 compares aorta, vena cava and oesophagus over all slices of the reference but the last, so that a
  structure on a single slice is never compared; and NSD is 0 where Dice is below 0.2. Fixed: all slices, actual NSD.
- autoPET divides by zero where a patient has no lesion. Fixed: no Dice there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.components import label_components
from gnomon.evaluation.surface import surface_distances

Labels = NDArray[Any]
Mask = NDArray[np.bool_]
Row = dict[str, Any]

_BRATS_REGIONS = {"whole tumour": (1, 2, 3), "tumour core": (1, 3), "enhancing tumour": (3,)}
_BRATS_FARTHEST_MM = 374.0  # the diagonal of their grid
_KITS_CLASSES = {
    "kidney and masses": ((1, 2, 3), 1.0330772532390826),
    "masses": ((2, 3), 1.1328796488598762),
    "tumour": ((2,), 1.1498198361434828),
}
_FLARE_ORGANS = {
    "liver": 5,
    "right kidney": 3,
    "spleen": 3,
    "pancreas": 5,
    "aorta": 2,
    "inferior vena cava": 2,
    "right adrenal gland": 2,
    "left adrenal gland": 2,
    "gallbladder": 2,
    "oesophagus": 3,
    "stomach": 5,
    "duodenum": 7,
    "left kidney": 3,
}
_FLARE_TUBES = ("aorta", "inferior vena cava", "oesophagus")
_FLARE_LEAST_DICE = 0.2


def brats(
    reference: Labels,
    prediction: Labels,
    spacing_mm: Sequence[float],
    *,
    dilations: int,
    forgiven_mm3: float,
    fixed: bool = False,
) -> list[Row]:
    """Lesion-wise Dice and HD95 of BraTS 2023 (labels 1 necrosis, 2 oedema, 3 enhancing), mean over lesions.

    Reference lesions that touch when grown by `dilations` steps are one; each is compared with all predicted lesions
    that its grown shape touches. Lesions up to `forgiven_mm3` do not count; a false lesion counts as Dice 0 and
    374 mm.
    """
    rows = []
    for name, values in _BRATS_REGIONS.items():
        truth, found = np.isin(reference, values), np.isin(prediction, values)
        dice, hd95_mm = _lesion_wise(truth, found, spacing_mm, dilations, forgiven_mm3, fixed)
        rows += [_row(name, "lesion-wise Dice", dice), _row(name, "lesion-wise HD95, mm", hd95_mm)]
        rows.append(_row(name, "Dice", _dice(truth, found, empty=1.0)))
    return rows


def kits(reference: Labels, prediction: Labels, spacing_mm: Sequence[float], *, fixed: bool = False) -> list[Row]:
    """Dice and surface Dice of the three nested classes of KiTS 2023 (labels 1 kidney, 2 tumour, 3 cyst)."""
    rows = []
    for name, (values, tolerance_mm) in _KITS_CLASSES.items():
        truth, found = np.isin(reference, values), np.isin(prediction, values)
        rows.append(_row(name, "Dice", _dice(truth, found, empty=1.0)))
        rows.append(_row(name, "surface Dice", _nsd(truth, found, spacing_mm, tolerance_mm)))
    return rows


def flare(reference: Labels, prediction: Labels, spacing_mm: Sequence[float], *, fixed: bool = False) -> list[Row]:
    """Dice and NSD of the thirteen organs of FLARE 2022, at each organ's tolerance."""
    rows = []
    for value, (name, tolerance_mm) in enumerate(_FLARE_ORGANS.items(), 1):
        truth, found = reference == value, prediction == value
        if not truth.any():
            score = 1.0 if not found.any() else 0.0
            rows += [_row(name, "Dice", score), _row(name, "NSD", score)]
            continue
        if name in _FLARE_TUBES:  # judged over the slices that were outlined
            slices = np.flatnonzero(truth.any(axis=(0, 1)))
            last = int(slices[-1]) + (1 if fixed else 0)
            truth, found = truth[..., slices[0] : last], found[..., slices[0] : last]
        dice = _dice(truth, found, empty=1.0 if fixed else float("nan"))
        close = np.isfinite(dice) and (fixed or dice >= _FLARE_LEAST_DICE)
        rows += [
            _row(name, "Dice", dice),
            _row(name, "NSD", _nsd(truth, found, spacing_mm, tolerance_mm) if close else 0.0),
        ]
    return rows


def autopet(reference: Labels, prediction: Labels, spacing_mm: Sequence[float], *, fixed: bool = False) -> list[Row]:
    """Dice, volume of false positive and of missed lesions in ml of autoPET (label 1; 18-connectivity)."""
    truth, found = reference == 1, prediction == 1
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    empty = not truth.any() and (fixed or not found.any())
    return [
        _row("lesions", "Dice", None if empty else _dice(truth, found, empty=0.0)),
        _row("lesions", "false volume, ml", _components_without_overlap(found, truth) * voxel_ml),
        _row("lesions", "missed volume, ml", _components_without_overlap(truth, found) * voxel_ml),
    ]


PRESETS: dict[str, Callable[..., list[Row]]] = {
    "brats_gli": partial(brats, dilations=3, forgiven_mm3=50.0),
    "brats_met": partial(brats, dilations=1, forgiven_mm3=2.0),
    "brats_men": partial(brats, dilations=1, forgiven_mm3=50.0),
    "kits23": kits,
    "flare22": flare,
    "autopet": autopet,
}


def _row(structure: str, measure: str, value: float | None) -> Row:
    return {"structure": structure, "measure": measure, "value": None if value is None or np.isnan(value) else value}


def _dice(truth: Mask, found: Mask, *, empty: float) -> float:
    total = int(truth.sum()) + int(found.sum())
    return 2 * int((truth & found).sum()) / total if total else empty


def _nsd(truth: Mask, found: Mask, spacing_mm: Sequence[float], tolerance_mm: float) -> float:
    """Surface Dice; 1 where both are empty, 0 where one is."""
    if not truth.any() or not found.any():
        return 1.0 if truth.any() == found.any() else 0.0
    return surface_distances(truth, found, spacing_mm).within(tolerance_mm)


def _lesion_wise(
    truth: Mask, found: Mask, spacing_mm: Sequence[float], dilations: int, forgiven_mm3: float, fixed: bool
) -> tuple[float, float]:
    """Mean Dice and HD95 over the lesions of the reference and the false ones."""
    grow = ndimage.generate_binary_structure(3, 2)
    voxel_mm3 = float(np.prod(spacing_mm))
    predicted, n_predicted = label_components(found)
    grown = ndimage.binary_dilation(truth, grow, iterations=dilations) if truth.any() else truth
    joined, n_joined = label_components(grown)
    scores: list[tuple[float, float]] = []
    matched: set[int] = set()
    for number in range(1, n_joined + 1):
        lesion = truth & (joined == number)
        near = ndimage.binary_dilation(lesion, grow, iterations=dilations)
        hits = [int(one) for one in np.unique(predicted[near]) if one]
        matched.update(hits)
        if lesion.sum() * voxel_mm3 <= forgiven_mm3:
            continue
        with_it = np.isin(predicted, hits) if hits else np.zeros_like(found)
        far_mm = surface_distances(lesion, with_it, spacing_mm).hausdorff_mm(0.95) if hits else _BRATS_FARTHEST_MM
        scores.append((_dice(lesion, with_it, empty=0.0), far_mm))
    sizes = np.bincount(predicted.ravel(), minlength=n_predicted + 1) * voxel_mm3
    false = [
        one for one in range(1, n_predicted + 1) if one not in matched and not (fixed and sizes[one] <= forgiven_mm3)
    ]
    scores += [(0.0, _BRATS_FARTHEST_MM)] * len(false)
    if not scores:
        return 1.0, 0.0
    dice, far_mm = np.mean(scores, axis=0)
    return float(dice), float(far_mm)


def _components_without_overlap(mask: Mask, other: Mask) -> int:
    """Number of voxels in the components of a mask that do not overlap the other."""
    numbered, count = label_components(mask, 18)
    touched = np.zeros(count + 1, bool)
    touched[np.unique(numbered[other])] = True
    touched[0] = True
    return int((~touched[numbered]).sum())
