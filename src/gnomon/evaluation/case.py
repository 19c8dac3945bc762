"""One case: its prediction is brought to the grid of its reference, and every structure is scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.boxes import bounding_box, enclosing_box
from gnomon.core.geometry import Grid
from gnomon.evaluation.calibration import Reliability, reliability
from gnomon.evaluation.challenges import PRESETS
from gnomon.evaluation.detectors import find_pipeline_error
from gnomon.evaluation.gate import AlignedPrediction, align_prediction
from gnomon.evaluation.mask_pair import MaskPair, MeasureOptions
from gnomon.evaluation.measure import Measure
from gnomon.evaluation.scoring import score_structure, worst_scores
from gnomon.io.images import Image, read_image, read_label
from gnomon.rules.catalogue.evaluation import (
    INVALID_PROBABILITY,
    MEASURE_FAILED,
    MISSING_PREDICTION,
    UNKNOWN_PREDICTED_VALUES,
)
from gnomon.rules.finding import Finding, Refusal

Values = tuple[int, ...]
_ROUNDING = 1e-3  # of a probability stored with few bits


@dataclass(frozen=True)
class EvaluationCase:
    """What is compared, and how.

    Attributes:
        prediction: None where there is none.
        probabilities: files by structure, where there are any.
        structures: the label values of every evaluated structure, by name, and how it is measured.
        labels: value by name of the structures that are a single label.
        ignore: the reference's value that is not evaluated, or None.
        measures: what is computed, in the order of the columns.
    """

    name: str
    reference: Path
    prediction: Path | None
    probabilities: Mapping[str, Path]
    structures: Mapping[str, tuple[Values, MeasureOptions]]
    labels: Mapping[str, int]
    ignore: int | None
    on_mismatch: str
    band_mm: float
    measures: tuple[Measure, ...]
    challenge: str | None = None
    challenge_fixed: bool = False


@dataclass(frozen=True)
class CaseResult:
    """A case's rows by structure and by lesion, reliability by structure, rows of a challenge's scores, findings."""

    rows: list[dict[str, Any]]
    findings: list[Finding]
    lesions: list[dict[str, Any]] = field(default_factory=list)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    challenge: list[dict[str, Any]] = field(default_factory=list)


def evaluate_case(case: EvaluationCase) -> CaseResult:
    """Score a case. One that cannot be scored still has its rows, and findings that say why.

    Without a readable reference the rows are 'unreadable' and hold no score; without a prediction on the
    reference's grid they hold the worst scores.
    """
    try:
        reference = read_label(case.reference)
    except Refusal as refusal:
        no_scores = {"status": "unreadable", **dict.fromkeys(measure.name for measure in case.measures)}
        rows = [{"case": case.name, "label": name, **no_scores} for name in case.structures]
        return CaseResult(rows, list(refusal.findings))
    prediction, findings = _prediction(case, reference)
    if prediction.voxels is None:
        status = "missing" if findings[0].rule == MISSING_PREDICTION.id else "refused"
        return CaseResult(_worst_rows(case, reference, status), findings)
    truth, found = reference.voxels, prediction.voxels
    if case.ignore is not None:
        found = np.where(truth == case.ignore, 0, found).astype(found.dtype)
    findings += _unknown_values(case, truth, found)
    probabilities, unusable = _probabilities(case, reference.grid)
    result = _score_structures(case, truth, found, reference.grid, prediction.outside_mm3, probabilities)
    suspicion = find_pipeline_error(case.name, truth, found, reference.grid, case.labels) if case.labels else None
    scores: list[dict[str, Any]] = []
    if case.challenge is not None:
        score_rows = PRESETS[case.challenge](truth, found, reference.grid.spacing_mm, fixed=case.challenge_fixed)
        scores = [{"case": case.name, **row} for row in score_rows]
    findings = [*findings, *unusable, *result.findings, *([] if suspicion is None else [suspicion])]
    return CaseResult(result.rows, findings, result.lesions, result.reliability, scores)


def _score_structures(
    case: EvaluationCase,
    truth: NDArray[Any],
    found: NDArray[Any],
    grid: Grid,
    outside_mm3: Mapping[int, float],
    probabilities: Mapping[str, NDArray[Any]],
) -> CaseResult:
    result = CaseResult([], [])
    for name, block, reference, prediction in structure_blocks(
        truth, found, {name: values for name, (values, _) in case.structures.items()}
    ):
        values, options = case.structures[name]
        pair = MaskPair(
            reference,
            prediction,
            grid,
            options,
            outside_mm3=sum(outside_mm3.get(value, 0.0) for value in values),
            probability=probabilities[name][block] if name in probabilities else None,
        )
        scores = score_structure(pair, case.measures)
        result.rows.append({"case": case.name, "label": name, **scores.row})
        result.findings.extend(_failures(case, name, scores.failures))
        if pair.lesions is not None:
            lesions = (*pair.lesions.reference, *pair.lesions.prediction)
            result.lesions.extend({"case": case.name, "label": name, **lesion} for lesion in lesions)
        if name in probabilities:
            whole = _mask(truth, values)
            result.reliability[name] = reliability(whole, probabilities[name], grid.spacing_mm, case.band_mm)
    return result


def _failures(case: EvaluationCase, structure: str, failures: Mapping[str, str]) -> list[Finding]:
    return [
        MEASURE_FAILED.at(f"case {case.name}, {structure}, measure {name}", found=reason)
        for name, reason in failures.items()
    ]


def structure_blocks(
    truth: NDArray[Any], found: NDArray[Any], structures: Mapping[str, Values]
) -> Iterator[tuple[str, tuple[slice, ...], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Each structure's name, the smallest block that holds it on both sides, and its two masks there (x, y, z)."""
    whole = enclosing_box([bounding_box(truth), bounding_box(found)])
    sides = truth[whole], found[whole]
    boxes = [ndimage.find_objects(side) if side.size else [] for side in sides]
    for name, values in structures.items():
        inner = enclosing_box([own[value - 1] for own in boxes for value in values if value <= len(own)])
        block = tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(whole, inner))
        yield name, block, _mask(sides[0][inner], values), _mask(sides[1][inner], values)


def _mask(voxels: NDArray[Any], values: Values) -> NDArray[np.bool_]:
    return np.asarray(voxels == values[0] if len(values) == 1 else np.isin(voxels, values))


def _union(boxes: list[tuple[slice, ...] | None]) -> tuple[slice, ...]:
    """The smallest block that holds all boxes; an empty one where there are none."""
    known = [box for box in boxes if box is not None]
    if not known:
        return (slice(0, 0),) * 3
    return tuple(
        slice(min(box[axis].start for box in known), max(box[axis].stop for box in known)) for axis in range(3)
    )


def _prediction(case: EvaluationCase, reference: Image) -> tuple[AlignedPrediction, list[Finding]]:
    """A case's prediction on the reference's grid, or why there is none."""
    if case.prediction is None:
        return AlignedPrediction(None, {}, None), [
            MISSING_PREDICTION.at(f"case {case.name}", found="no prediction", expected=f"{case.name}.nii.gz")
        ]
    try:
        prediction = read_label(case.prediction)
    except Refusal as refusal:
        return AlignedPrediction(None, {}, None), list(refusal.findings)
    aligned = align_prediction(case.name, prediction.voxels, prediction.grid, reference.grid, case.on_mismatch)
    return aligned, [] if aligned.finding is None else [aligned.finding]


def _worst_rows(case: EvaluationCase, reference: Image, status: str) -> list[dict[str, Any]]:
    """The worst scores, also where a structure is absent: not predicting must never pay."""
    voxel_mm3 = reference.grid.voxel_volume_mm3
    return [
        {
            "case": case.name,
            "label": name,
            "status": status,
            **dict.fromkeys(measure.name for measure in case.measures),
            **worst_scores(reference.grid, options, case.measures),
            "reference_mm3": float(_mask(reference.voxels, values).sum()) * voxel_mm3,
            "tolerance_mm": options.tolerance_mm,
        }
        for name, (values, options) in case.structures.items()
    ]


def _unknown_values(case: EvaluationCase, truth: NDArray[Any], found: NDArray[Any]) -> list[Finding]:
    """A prediction that holds none of the labels' values, such as a mask of 0 and 255."""
    known = {value for values, _ in case.structures.values() for value in values}
    values = {int(value) for value in np.flatnonzero(np.bincount(found.ravel()))} - {0}
    if not values or values & known or values & {int(value) for value in np.flatnonzero(np.bincount(truth.ravel()))}:
        return []
    return [
        UNKNOWN_PREDICTED_VALUES.at(
            f"case {case.name}",
            found=f"label values {sorted(values)[:5]}",
            expected=f"values among {sorted(known)[:9]}",
        )
    ]


def _probabilities(case: EvaluationCase, grid: Grid) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Probabilities by structure on the reference's grid; findings of those that cannot be used."""
    usable: dict[str, NDArray[Any]] = {}
    findings: list[Finding] = []
    for name, path in case.probabilities.items():
        where = f"case {case.name}, probability of {name}"
        try:
            image = read_image(path)
            policy = "error" if case.on_mismatch == "error" else "reorient"
            aligned = align_prediction(case.name, image.voxels, image.grid, grid, policy)
            if aligned.voxels is None:
                found, expected = f"another grid ({image.grid})", f"the reference's ({grid})"
                raise INVALID_PROBABILITY.refusal(
                    where,
                    found=found,
                    expected=expected,
                    remedy="Write the probabilities on the grid of the reference.",
                )
            if image.voxels.min() < -_ROUNDING or image.voxels.max() > 1 + _ROUNDING:
                found = f"values from {image.voxels.min():g} to {image.voxels.max():g}"
                raise INVALID_PROBABILITY.refusal(where, found=found)
        except Refusal as refusal:
            findings += refusal.findings
            continue
        usable[name] = aligned.voxels
    return usable, findings
