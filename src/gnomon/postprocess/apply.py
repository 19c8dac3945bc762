"""Applies rules to one segmentation: a pure function of label values, grid and probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.boxes import EMPTY_BOX, bounding_box
from gnomon.core.components import fill_holes, label_components
from gnomon.core.geometry import Grid
from gnomon.postprocess.rule_set import BACKGROUND, NEXT_BEST, PostprocessRule, RuleSet
from gnomon.rules.catalogue.postprocessing import INVALID_PROBABILITIES, MISSING_PROBABILITIES

Mask = NDArray[np.bool_]
Probabilities = Mapping[str, NDArray[Any]]
CHANGE_COLUMNS = ("structure", "done", "why", "voxels", "mm3", "at_mm", "mean_probability", "became")
_AXES = {"sagittal": "RL", "coronal": "AP", "axial": "SI"}
_COMPLEMENT = {6: 3, 18: 1, 26: 1}  # connectivity of the background, as scipy ranks it, for that of the structure


@dataclass(frozen=True)
class Change:
    """One removed part, or one filled hole.

    Attributes:
        done: `removed` or `filled`.
        why: the limit that the part missed, and its own value.
        voxels, mm3: its size.
        at_mm: position of its first voxel, RAS+.
        mean_probability: mean probability of the structure in it; None where unknown.
        became: the label or background that replaced it.
    """

    structure: str
    done: str
    why: str
    voxels: int
    mm3: float
    at_mm: tuple[float, float, float]
    mean_probability: float | None
    became: str


@dataclass(frozen=True)
class Part:
    """One part (connected component) of a structure, with what rules read.

    Attributes:
        number: from 1.
        at_edge: whether it touches the edge of the field of view.
        mean, peak: mean and highest probability; None where unknown.
        near_parent: share of its voxels near the parent; None where the rule has no parent.
    """

    number: int
    mm3: float
    at_edge: bool
    mean: float | None
    peak: float | None
    near_parent: float | None


def apply_rules(
    spec: RuleSet, voxels: NDArray[Any], grid: Grid, probabilities: Probabilities | None = None
) -> tuple[NDArray[Any], list[Change]]:
    """Apply rules in order.

    Args:
        voxels: label values (x, y, z) in any orientation; not modified.
        grid: their grid; it gives the volumes in mm3.
        probabilities: by label, each (x, y, z), 0 to 1; those that `spec.reads_probability` names are required.

    Returns:
        Label values of the same shape and type, and the changes in order.

    Raises:
        Refusal: POS103, probabilities that the rules read are missing; POS104, one has another shape.
    """
    given = probabilities or {}
    if missing := [name for name in spec.reads_probability if name not in given]:
        raise MISSING_PROBABILITIES.refusal("probabilities", found=f"no probabilities of {', '.join(missing)}")
    if wrong := [name for name in spec.reads_probability if given[name].shape != voxels.shape]:
        raise INVALID_PROBABILITIES.refusal(
            "probabilities",
            found=f"probabilities of {wrong[0]} of shape {given[wrong[0]].shape}",
            expected=f"the shape of the prediction, {voxels.shape}",
        )
    out, changes = np.array(voxels), list[Change]()
    for rule in spec.rules:
        if rule.removes:
            changes += _remove_parts(rule, spec, out, grid, given)
        if rule.fill_holes:
            changes += _fill_in_place(rule, spec, out, grid)
    return out, changes


def _remove_parts(
    rule: PostprocessRule, spec: RuleSet, out: NDArray[Any], grid: Grid, probabilities: Probabilities
) -> list[Change]:
    """Remove parts in place."""
    block, mask = _crop(out, spec.values_of(rule.structure))
    if mask is None:
        return []
    numbered, count = label_components(mask, rule.connectivity)
    probability = _probability_of(rule.structure, spec, probabilities, block)
    near = None if rule.parent is None else _near_parent(rule, spec, out, grid, block)
    parts = _parts(numbered, count, grid, block, out.shape, probability, near)
    reasons = parts_to_remove(rule, parts)
    if not reasons:
        return []
    removed = np.isin(numbered, list(reasons))
    out[block][removed] = _replacement(rule, spec, removed, block, probabilities)
    boxes = ndimage.find_objects(numbered)
    changes = []
    for part in parts:
        if part.number in reasons:
            inside = np.argwhere(numbered[boxes[part.number - 1]] == part.number)[0]
            first = [step.start + box.start + at for box, step, at in zip(block, boxes[part.number - 1], inside)]
            changes.append(_change(rule, "removed", reasons[part.number], part.mm3, grid, first, part.mean))
    return changes


def parts_to_remove(rule: PostprocessRule, parts: list[Part]) -> dict[int, str]:
    """The parts to remove, by number, each with the limit that it misses."""
    removed = {part.number: why for part in parts if (why := _missed_limit(rule, part)) is not None}
    if rule.keeps is not None:
        left = [part for part in parts if part.number not in removed and not (rule.exempt_at_edge and part.at_edge)]
        if len(left) > rule.keeps:
            least = sorted((part.mm3 for part in left), reverse=True)[rule.keeps - 1]
            which = "the largest" if rule.keeps == 1 else f"the {rule.keeps} largest"
            removed |= {
                part.number: f"{part.mm3:.4g} mm3, not among {which}, from {least:.4g} mm3 on"
                for part in left
                if part.mm3 < least
            }
    return removed


def _missed_limit(rule: PostprocessRule, part: Part) -> str | None:
    sized = not (rule.exempt_at_edge and part.at_edge)
    if sized and rule.min_volume_mm3 is not None and part.mm3 < rule.min_volume_mm3 * (1 - 1e-9):
        return f"{part.mm3:.4g} mm3, below {rule.min_volume_mm3:g} mm3"
    if sized and rule.max_volume_mm3 is not None and part.mm3 > rule.max_volume_mm3 * (1 + 1e-9):
        return f"{part.mm3:.4g} mm3, above {rule.max_volume_mm3:g} mm3"
    for name, found, least in (
        ("mean", part.mean, rule.min_mean_probability),
        ("peak", part.peak, rule.min_peak_probability),
    ):
        if least is not None and found is not None and found < least:
            return f"{name} probability {found:.4g}, below {least:g}"
    if part.near_parent is not None:
        if rule.parent_overlap is not None and part.near_parent < rule.parent_overlap:
            return f"{part.near_parent:.4g} of it near {rule.parent}, less than {rule.parent_overlap:g}"
        if part.near_parent == 0:
            return f"not within {rule.parent_within_mm:g} mm of {rule.parent}"
    return None


def _parts(
    numbered: NDArray[np.int32],
    count: int,
    grid: Grid,
    block: tuple[slice, ...],
    shape: tuple[int, ...],
    probability: NDArray[Any] | None,
    near: Mask | None,
) -> list[Part]:
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    numbers = np.arange(1, count + 1)
    edge = set[int]()
    for axis, (box, size) in enumerate(zip(block, shape)):
        for at, cut in ((0, box.start == 0), (-1, box.stop == size)):
            if cut:
                edge |= set(np.unique(np.take(numbered, at, axis)).tolist())
    unknown: list[float | None] = [None] * count
    means, peaks, nears = unknown, unknown, unknown
    if probability is not None:
        means = ndimage.mean(probability, numbered, numbers).tolist()
        peaks = ndimage.maximum(probability, numbered, numbers).tolist()
    if near is not None:
        nears = (np.bincount(numbered[near], minlength=count + 1)[1:] / sizes[1:]).tolist()
    return [
        Part(int(n), float(sizes[n]) * grid.voxel_volume_mm3, int(n) in edge, means[n - 1], peaks[n - 1], nears[n - 1])
        for n in numbers
    ]


def _near_parent(rule: PostprocessRule, spec: RuleSet, out: NDArray[Any], grid: Grid, block: tuple[slice, ...]) -> Mask:
    """The voxels of the block near the parent: inside it, touching it, or within the distance."""
    own = set(spec.values_of(rule.structure))
    others = tuple(value for value in spec.values_of(str(rule.parent)) if value not in own)
    parent_block, parent_mask = _crop(out, others)
    parent = np.zeros(out.shape, bool)
    if parent_mask is None:
        return parent[block]
    parent[parent_block] = fill_holes(parent_mask)  # what it encloses lies inside it
    margin = [int(np.ceil(rule.parent_within_mm / step)) + 1 for step in grid.spacing_mm]
    outer = tuple(slice(max(0, b.start - m), b.stop + m) for b, m in zip(block, margin))
    inner = tuple(slice(b.start - w.start, b.stop - w.start) for b, w in zip(block, outer))
    touching = ndimage.binary_dilation(parent[outer], ndimage.generate_binary_structure(3, 3))
    if rule.parent_within_mm == 0 or not parent[outer].any():
        return np.asarray(touching[inner])
    away_mm = ndimage.distance_transform_edt(~parent[outer], sampling=grid.spacing_mm)
    return np.asarray((away_mm <= rule.parent_within_mm * (1 + 1e-9)) | touching)[inner]


def _replacement(
    rule: PostprocessRule, spec: RuleSet, removed: Mask, block: tuple[slice, ...], probabilities: Probabilities
) -> NDArray[Any] | int:
    """The values that replace the removed voxels."""
    if rule.removed_becomes == BACKGROUND:
        return 0
    if rule.removed_becomes != NEXT_BEST:
        return spec.values_of(rule.removed_becomes)[0]
    own = set(spec.values_of(rule.structure))
    every = {value: np.asarray(probabilities[name][block][removed], np.float32) for name, value in spec.labels}
    background = 1 - np.sum(list(every.values()), axis=0)
    values = [0, *(value for value in every if value not in own)]
    candidates = np.stack([background, *(every[value] for value in values[1:])])
    return np.asarray(np.asarray(values)[candidates.argmax(0)])


def _fill_in_place(rule: PostprocessRule, spec: RuleSet, out: NDArray[Any], grid: Grid) -> list[Change]:
    """Fill enclosed background in place."""
    (value,) = spec.values_of(rule.structure)
    block, mask = _crop(out, (value,))
    if mask is None:
        return []
    complement = np.pad(~mask, 1, constant_values=True)
    neighbours = ndimage.generate_binary_structure(3, _COMPLEMENT[rule.connectivity])
    if (across := _slice_axis(str(rule.fill_holes), grid)) is not None:
        neighbours[tuple(slice(None) if axis != across else [0, 2] for axis in range(3))] = False
    numbered, count = ndimage.label(complement, neighbours, output=np.int32)
    outside = set[int]()
    for axis in range(3):
        if axis != across:
            outside |= set(np.unique(np.take(numbered, [0, -1], axis)).tolist())
    inner = numbered[1:-1, 1:-1, 1:-1]
    sizes = np.bincount(inner.ravel(), minlength=count + 1)
    limit = np.inf if rule.max_hole_mm3 is None else rule.max_hole_mm3 * (1 + 1e-9)
    changes = []
    for number in range(1, count + 1):
        mm3 = float(sizes[number]) * grid.voxel_volume_mm3
        if number in outside or mm3 > limit or not sizes[number]:
            continue
        hole = (inner == number) & (out[block] == 0)
        if hole.any():
            out[block][hole] = value
            first = [box.start + at for box, at in zip(block, np.argwhere(hole)[0])]
            filled_mm3 = float(np.count_nonzero(hole)) * grid.voxel_volume_mm3
            why = f"a hole of {mm3:.4g} mm3" + ("" if across is None else f" in an {rule.fill_holes} plane")
            changes.append(_change(rule, "filled", why, filled_mm3, grid, first, None))
    return changes


def _slice_axis(plane: str, grid: Grid) -> int | None:
    """The array axis perpendicular to a plane; None for holes in 3D."""
    if plane == "3d":
        return None
    return next(axis for axis, letter in enumerate(grid.orientation) if letter in _AXES[plane])


def _change(
    rule: PostprocessRule, done: str, why: str, mm3: float, grid: Grid, first: list[int], mean: float | None
) -> Change:
    x, y, z = (float(place) for place in grid.points_mm(np.asarray(first)))
    became = rule.structure if done == "filled" else rule.removed_becomes
    return Change(rule.structure, done, why, round(mm3 / grid.voxel_volume_mm3), mm3, (x, y, z), mean, became)


def _crop(out: NDArray[Any], values: tuple[int, ...]) -> tuple[tuple[slice, ...], Mask | None]:
    """The bounding box of a structure, and its mask there; None where it is absent."""
    mask = np.isin(out, values)
    block = bounding_box(mask)
    return (EMPTY_BOX, None) if block is None else (block, mask[block])


def _probability_of(
    structure: str, spec: RuleSet, probabilities: Probabilities, block: tuple[slice, ...]
) -> NDArray[np.float64] | None:
    """Probability of a label, or the sum over a region's labels; None where one is unknown."""
    parts = dict(spec.regions).get(structure, (structure,))
    if any(name not in probabilities for name in parts):
        return None
    return np.asarray(np.sum([np.asarray(probabilities[name][block], np.float64) for name in parts], axis=0))
