"""Rules on one segmentation: a pure function of label values, their grid and probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.components import fill_holes, label_components
from gnomon.core.geometry import Grid
from gnomon.postprocess.spec import BACKGROUND, NEXT_BEST, Rule, Spec
from gnomon.rules.catalogue.postprocessing import INVALID_PROBABILITIES, MISSING_PROBABILITIES

Mask = NDArray[np.bool_]
Probabilities = Mapping[str, NDArray[Any]]
CHANGE_COLUMNS = ("structure", "done", "why", "voxels", "mm3", "at_mm", "mean_probability", "became")
_AXES = {"sagittal": "RL", "coronal": "AP", "axial": "SI"}
_COMPLEMENT = {6: 3, 18: 1, 26: 1}  # rank of the neighbourhood that parts a hole from the outside


@dataclass(frozen=True)
class Change:
    """One part that was removed, or one hole that was filled.

    Attributes:
        why: the limit it missed, with its own value.
        at_mm: its first voxel, RAS+.
        mean_probability: of the structure; None where there are no probabilities.
        became: what stands there now.
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
    """One separate part of a structure, as rules see it."""

    number: int
    mm3: float
    at_edge: bool
    mean: float | None
    peak: float | None
    near_parent: float | None


def apply(
    spec: Spec, voxels: NDArray[Any], grid: Grid, probabilities: Probabilities | None = None
) -> tuple[NDArray[Any], list[Change]]:
    """Apply the rules one after the other.

    Args:
        voxels: label values (x, y, z) in any orientation; not changed.
        grid: where they lie; volumes are in its mm3.
        probabilities: by label, each (x, y, z), 0 to 1; all that `spec.reads_probability` names.

    Returns:
        Label values of the same shape and kind, and what was changed, in order.

    Raises:
        Refusal: POS103, probabilities that the rules read are not there; POS104, one of another shape.
    """
    shares = probabilities or {}
    if missing := [name for name in spec.reads_probability if name not in shares]:
        raise MISSING_PROBABILITIES.refusal("probabilities", found=f"no probabilities of {', '.join(missing)}")
    if wrong := [name for name in spec.reads_probability if shares[name].shape != voxels.shape]:
        raise INVALID_PROBABILITIES.refusal(
            "probabilities",
            found=f"probabilities of {wrong[0]} of shape {shares[wrong[0]].shape}",
            expected=f"the shape of the prediction, {voxels.shape}",
        )
    out, changes = np.array(voxels), list[Change]()
    for rule in spec.rules:
        if rule.removes:
            changes += _removed(rule, spec, out, grid, shares)
        if rule.fill_holes:
            changes += _filled(rule, spec, out, grid)
    return out, changes


def _removed(rule: Rule, spec: Spec, out: NDArray[Any], grid: Grid, shares: Probabilities) -> list[Change]:
    """Take parts away in place."""
    block, mask = _cropped(out, spec.values_of(rule.structure))
    if mask is None:
        return []
    numbered, count = label_components(mask, rule.connectivity)
    share = _share_of(rule.structure, spec, shares, block)
    near = None if rule.parent is None else _near_parent(rule, spec, out, grid, block)
    parts = _parts(numbered, count, grid, block, out.shape, share, near)
    verdicts = judged(rule, parts)
    if not verdicts:
        return []
    gone = np.isin(numbered, list(verdicts))
    out[block][gone] = _successor(rule, spec, gone, block, shares)
    places = ndimage.find_objects(numbered)
    changes = []
    for part in parts:
        if part.number in verdicts:
            inside = np.argwhere(numbered[places[part.number - 1]] == part.number)[0]
            first = [step.start + box.start + at for box, step, at in zip(block, places[part.number - 1], inside)]
            changes.append(_change(rule, "removed", verdicts[part.number], part.mm3, grid, first, part.mean))
    return changes


def judged(rule: Rule, parts: list[Part]) -> dict[int, str]:
    """The parts that go, by number, each with the limit it missed."""
    gone = {part.number: why for part in parts if (why := _missed_limit(rule, part)) is not None}
    if rule.keeps is not None:
        left = [part for part in parts if part.number not in gone and not (rule.exempt_at_edge and part.at_edge)]
        if len(left) > rule.keeps:
            least = sorted((part.mm3 for part in left), reverse=True)[rule.keeps - 1]
            which = "the largest" if rule.keeps == 1 else f"the {rule.keeps} largest"
            gone |= {
                part.number: f"{part.mm3:.4g} mm3, not among {which}, from {least:.4g} mm3 on"
                for part in left
                if part.mm3 < least
            }
    return gone


def _missed_limit(rule: Rule, part: Part) -> str | None:
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
    share: NDArray[Any] | None,
    near: Mask | None,
) -> list[Part]:
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    numbers = np.arange(1, count + 1)
    edge = set[int]()
    for axis, (box, size) in enumerate(zip(block, shape)):
        for at, cut in ((0, box.start == 0), (-1, box.stop == size)):
            if cut:
                edge |= set(np.unique(np.take(numbered, at, axis)).tolist())
    nothing: list[float | None] = [None] * count
    means, peaks, nears = nothing, nothing, nothing
    if share is not None:
        means = ndimage.mean(share, numbered, numbers).tolist()
        peaks = ndimage.maximum(share, numbered, numbers).tolist()
    if near is not None:
        nears = (np.bincount(numbered[near], minlength=count + 1)[1:] / sizes[1:]).tolist()
    return [
        Part(int(n), float(sizes[n]) * grid.voxel_volume_mm3, int(n) in edge, means[n - 1], peaks[n - 1], nears[n - 1])
        for n in numbers
    ]


def _near_parent(rule: Rule, spec: Spec, out: NDArray[Any], grid: Grid, block: tuple[slice, ...]) -> Mask:
    """Where in the block the parent is near: inside it, within the distance, or touching."""
    own = set(spec.values_of(rule.structure))
    others = tuple(value for value in spec.values_of(str(rule.parent)) if value not in own)
    place, there = _cropped(out, others)
    parent = np.zeros(out.shape, bool)
    if there is None:
        return parent[block]
    parent[place] = fill_holes(there)  # what it encloses lies inside it
    margin = [int(np.ceil(rule.parent_within_mm / step)) + 1 for step in grid.spacing_mm]
    wide = tuple(slice(max(0, b.start - m), b.stop + m) for b, m in zip(block, margin))
    inner = tuple(slice(b.start - w.start, b.stop - w.start) for b, w in zip(block, wide))
    touching = ndimage.binary_dilation(parent[wide], ndimage.generate_binary_structure(3, 3))
    if rule.parent_within_mm == 0 or not parent[wide].any():
        return np.asarray(touching[inner])
    away_mm = ndimage.distance_transform_edt(~parent[wide], sampling=grid.spacing_mm)
    return np.asarray((away_mm <= rule.parent_within_mm * (1 + 1e-9)) | touching)[inner]


def _successor(
    rule: Rule, spec: Spec, gone: Mask, block: tuple[slice, ...], shares: Probabilities
) -> NDArray[Any] | int:
    """What the removed voxels become."""
    if rule.removed_becomes == BACKGROUND:
        return 0
    if rule.removed_becomes != NEXT_BEST:
        return spec.values_of(rule.removed_becomes)[0]
    own = set(spec.values_of(rule.structure))
    every = {value: np.asarray(shares[name][block][gone], np.float32) for name, value in spec.labels}
    background = 1 - np.sum(list(every.values()), axis=0)
    values = [0, *(value for value in every if value not in own)]
    stacked = np.stack([background, *(every[value] for value in values[1:])])
    return np.asarray(np.asarray(values)[stacked.argmax(0)])


def _filled(rule: Rule, spec: Spec, out: NDArray[Any], grid: Grid) -> list[Change]:
    """Fill enclosed background in place."""
    (value,) = spec.values_of(rule.structure)
    block, mask = _cropped(out, (value,))
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
    """The index axis across the planes; None for all of space."""
    if plane == "3d":
        return None
    return next(axis for axis, letter in enumerate(grid.orientation) if letter in _AXES[plane])


def _change(rule: Rule, done: str, why: str, mm3: float, grid: Grid, first: list[int], mean: float | None) -> Change:
    x, y, z = (float(place) for place in grid.points_mm(np.asarray(first)))
    became = rule.structure if done == "filled" else rule.removed_becomes
    return Change(rule.structure, done, why, round(mm3 / grid.voxel_volume_mm3), mm3, (x, y, z), mean, became)


def _cropped(out: NDArray[Any], values: tuple[int, ...]) -> tuple[tuple[slice, ...], Mask | None]:
    """The smallest block that holds a structure, and its mask there; None where it is absent."""
    mask = np.isin(out, values)
    block = []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if not there.size:
            return (slice(0, 0),) * 3, None
        block.append(slice(int(there[0]), int(there[-1]) + 1))
    return tuple(block), mask[tuple(block)]


def _share_of(
    structure: str, spec: Spec, shares: Probabilities, block: tuple[slice, ...]
) -> NDArray[np.float64] | None:
    """Probability of a label, or of a region as the sum of its labels'; None where not all are known."""
    parts = dict(spec.regions).get(structure, (structure,))
    if any(name not in shares for name in parts):
        return None
    return np.asarray(np.sum([np.asarray(shares[name][block], np.float64) for name in parts], axis=0))
