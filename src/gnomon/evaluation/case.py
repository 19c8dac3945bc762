"""One case: its prediction brought to its reference's grid, and every structure measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.geometry import Grid
from gnomon.evaluation.calibration import Reliability, reliability
from gnomon.evaluation.challenges import PRESETS
from gnomon.evaluation.detectors import suspicion
from gnomon.evaluation.gate import Placed, placed
from gnomon.evaluation.lesions import lesions
from gnomon.evaluation.metrics import MEASURES, How, measure, worst
from gnomon.evaluation.surface import block_of
from gnomon.io import nifti
from gnomon.io.nifti import NiftiImage
from gnomon.rules.finding import Finding, Refusal, refuse

Values = tuple[int, ...]
_ROUNDING = 1e-3  # of a probability that was stored in few bits


@dataclass(frozen=True)
class Case:
    """What is compared.

    Attributes:
        prediction: None where there is none.
        probabilities: files by structure, where there are any.
        structures: the label values of every structure that is judged, by name; how each is measured.
        labels: those of the structures that are one label each, by name: its value.
        ignore: the reference's value that carries no judgement, or None.
    """

    name: str
    reference: Path
    prediction: Path | None
    probabilities: Mapping[str, Path]
    structures: Mapping[str, tuple[Values, How]]
    labels: Mapping[str, int]
    ignore: int | None
    on_mismatch: str
    band_mm: float
    challenge: str | None = None
    challenge_fixed: bool = False


@dataclass(frozen=True)
class Judged:
    """A case's rows by structure, its lesions', its reliability by structure, a challenge's rows, what was found."""

    rows: list[dict[str, Any]]
    findings: list[Finding]
    lesions: list[dict[str, Any]] = field(default_factory=list)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    challenge: list[dict[str, Any]] = field(default_factory=list)


def judge(case: Case) -> Judged:
    """Measure a case; what cannot be measured still has its rows, and says why.

    Without a reference that can be read nothing can be said, and its rows are 'unreadable'; without a prediction
    on the reference's grid they are the worst there are.
    """
    try:
        reference = nifti.read_label(case.reference)
    except Refusal as refusal:
        empty = {"status": "unreadable", **dict.fromkeys(MEASURES)}
        return Judged([{"case": case.name, "label": name, **empty} for name in case.structures], list(refusal.findings))
    prediction, findings = _prediction(case, reference)
    if prediction.voxels is None:
        status = "missing" if findings[0].rule == "EVL101" else "refused"
        rows = [
            {
                "case": case.name,
                "label": name,
                **_unscored(_mask(reference.voxels, values), reference.grid, how, status),
            }
            for name, (values, how) in case.structures.items()
        ]
        return Judged(rows, findings)
    truth, found = reference.voxels, prediction.voxels
    if case.ignore is not None:
        found = np.where(truth == case.ignore, 0, found).astype(found.dtype)
    findings += _unknown_values(case, truth, found)
    probabilities, unread = _probabilities(case, reference.grid)
    done = _measured(case, truth, found, reference.grid, prediction.outside_mm3, probabilities)
    doubt = suspicion(case.name, truth, found, reference.grid, case.labels) if case.labels else None
    scores: list[dict[str, Any]] = []
    if case.challenge is not None:
        found_rows = PRESETS[case.challenge](truth, found, reference.grid.spacing_mm, fixed=case.challenge_fixed)
        scores = [{"case": case.name, **row} for row in found_rows]
    findings = [*findings, *unread, *([] if doubt is None else [doubt])]
    return Judged(done.rows, findings, done.lesions, done.reliability, scores)


def _measured(
    case: Case,
    truth: NDArray[Any],
    found: NDArray[Any],
    grid: Grid,
    outside_mm3: Mapping[int, float],
    probabilities: Mapping[str, NDArray[Any]],
) -> Judged:
    done = Judged([], [])
    for name, block, one, other in masks_of(
        truth, found, {name: values for name, (values, _) in case.structures.items()}
    ):
        values, how = case.structures[name]
        row = measure(one, other, grid, how, sum(outside_mm3.get(value, 0.0) for value in values))
        if how.lesions is not None:
            probability = probabilities[name][block] if name in probabilities else None
            matched = lesions(one, other, grid.spacing_mm, how.lesions, probability)
            row |= matched.measures()
            done.lesions.extend(
                {"case": case.name, "label": name, **lesion} for lesion in (*matched.reference, *matched.prediction)
            )
        if name in probabilities:
            whole = _mask(truth, values)
            done.reliability[name] = reliability(whole, probabilities[name], grid.spacing_mm, case.band_mm)
        done.rows.append({"case": case.name, "label": name, **row})
    return done


def masks_of(
    truth: NDArray[Any], found: NDArray[Any], structures: Mapping[str, Values]
) -> Iterator[tuple[str, tuple[slice, ...], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Each structure's name, the smallest block that holds it on both sides, and its two masks there."""
    whole = _around([block_of(truth), block_of(found)])
    sides = truth[whole], found[whole]
    boxes = [ndimage.find_objects(one) if one.size else [] for one in sides]
    for name, values in structures.items():
        inner = _around([one[value - 1] for one in boxes for value in values if value <= len(one)])
        block = tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(whole, inner))
        yield name, block, _mask(sides[0][inner], values), _mask(sides[1][inner], values)


def _mask(voxels: NDArray[Any], values: Values) -> NDArray[np.bool_]:
    return np.asarray(voxels == values[0] if len(values) == 1 else np.isin(voxels, values))


def _around(boxes: list[tuple[slice, ...] | None]) -> tuple[slice, ...]:
    """The smallest block that holds all boxes; an empty one where there are none."""
    there = [box for box in boxes if box is not None]
    if not there:
        return (slice(0, 0),) * 3
    return tuple(
        slice(min(box[axis].start for box in there), max(box[axis].stop for box in there)) for axis in range(3)
    )


def _prediction(case: Case, reference: NiftiImage) -> tuple[Placed, list[Finding]]:
    """A case's prediction on its reference's grid, or why it is not there."""
    if case.prediction is None:
        return Placed(None, {}, None), [
            Finding(
                rule="EVL101",
                where=f"case {case.name}",
                found="no prediction",
                expected=f"{case.name}.nii.gz",
                remedy="Predict the case; until then it scores 0.",
            )
        ]
    try:
        prediction = nifti.read_label(case.prediction)
    except Refusal as refusal:
        return Placed(None, {}, None), list(refusal.findings)
    there = placed(case.name, prediction.voxels, prediction.grid, reference.grid, case.on_mismatch)
    return there, [] if there.finding is None else [there.finding]


def _unscored(truth: NDArray[np.bool_], grid: Grid, how: How, status: str) -> dict[str, Any]:
    """The worst score, also where the structure is absent: not predicting must never pay."""
    volume = {"reference_mm3": float(truth.sum()) * grid.voxel_volume_mm3, "tolerance_mm": how.tolerance_mm}
    return {"status": status, **dict.fromkeys(MEASURES), **worst(grid, how), **volume}


def _unknown_values(case: Case, truth: NDArray[Any], found: NDArray[Any]) -> list[Finding]:
    """A prediction whose values are none of the labels', as a mask of 0 and 255 has."""
    known = {value for values, _ in case.structures.values() for value in values}
    values = {int(value) for value in np.flatnonzero(np.bincount(found.ravel()))} - {0}
    if not values or values & known or values & {int(value) for value in np.flatnonzero(np.bincount(truth.ravel()))}:
        return []
    return [
        Finding(
            rule="EVL104",
            where=f"case {case.name}",
            found=f"a prediction of values {sorted(values)[:5]}",
            expected=f"values among {sorted(known)[:9]}",
            remedy="It scores as if empty. Write it with the labels' values.",
        )
    ]


def _probabilities(case: Case, grid: Grid) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Probabilities by structure on the reference's grid; what cannot be used is named and left out."""
    usable: dict[str, NDArray[Any]] = {}
    findings: list[Finding] = []
    for name, path in case.probabilities.items():
        where = f"case {case.name}, probability of {name}"
        try:
            image = nifti.read_image(path)
            policy = "error" if case.on_mismatch == "error" else "reorient"
            there = placed(case.name, image.voxels, image.grid, grid, policy)
            if there.voxels is None:
                found, expected = f"another grid ({image.grid})", f"the reference's ({grid})"
                raise refuse(
                    rule="EVL105",
                    where=where,
                    found=found,
                    expected=expected,
                    remedy="Write it on that grid.",
                )
            if image.voxels.min() < -_ROUNDING or image.voxels.max() > 1 + _ROUNDING:
                found = f"values from {image.voxels.min():g} to {image.voxels.max():g}"
                raise refuse(
                    rule="EVL105",
                    where=where,
                    found=found,
                    expected="probabilities, 0 to 1",
                    remedy="Write neither logits nor percent.",
                )
        except Refusal as refusal:
            findings += refusal.findings
            continue
        usable[name] = there.voxels
    return usable, findings
