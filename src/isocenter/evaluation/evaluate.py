"""The stage: references and predictions -> evaluation/, on the reference's own grid."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from isocenter import nifti
from isocenter.artifacts import EvaluationFolder, write_findings, write_json, write_rows
from isocenter.console import tracked
from isocenter.evaluation.criteria import check_labels, judged_by, read_criteria
from isocenter.evaluation.detectors import suspicion
from isocenter.evaluation.gate import POLICIES, Placed, placed
from isocenter.evaluation.metrics import MEASURES, measure, worst
from isocenter.evaluation.statistics import mean_interval
from isocenter.findings import Finding, Refusal, Severity, refuse
from isocenter.geometry import Grid
from isocenter.labels import LabelScheme
from isocenter.nifti import NiftiImage
from isocenter.settings import bounded, chosen

SCHEMA = "isocenter/evaluation/2"
_COLUMNS = (
    "case", "patient", "label", "status", *MEASURES, "tolerance_mm", "reference_mm3", "prediction_mm3",
    "volume_error_mm3", "outside_mm3",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of the evaluation.

    Attributes:
        tolerance_mm: of the surface Dice (NSD), for every label that `tolerances_mm` does not name.
        on_mismatch: of a prediction on another grid: `error` scores the worst; `reorient` puts the same voxels in
            order, without loss; `resample` also moves others, and counts what lies outside the reference's block.
        criteria: YAML file of what must be reached; None: nothing is demanded.
        patient_pattern: regular expression that finds the patient in a case's name; None: every case its own.
        workers: processes; the result does not depend on it.
    """

    tolerance_mm: float = 1.0
    tolerances_mm: dict[str, float] | None = None
    on_mismatch: str = "reorient"
    criteria: str | None = None
    patient_pattern: str | None = None
    workers: int = 2

    def __post_init__(self) -> None:
        bounded(self, tolerance_mm=(0, 1e4), workers=(1, 256))
        chosen(self, on_mismatch=POLICIES)
        try:
            re.compile(self.patient_pattern or "")
        except re.error as error:
            raise ValueError(f"patient_pattern {self.patient_pattern!r} ({error})") from None

    def patient_of(self, case: str) -> str:
        """The patient of a case, by its name."""
        match = re.search(self.patient_pattern, case) if self.patient_pattern else None
        return match.group(0) if match else case

    def tolerance_of(self, label: str) -> float:
        """The NSD tolerance of a label."""
        return (self.tolerances_mm or {}).get(label, self.tolerance_mm)


@dataclass(frozen=True)
class Evaluation:
    """Rows of cases.csv, the summary, and what was found on the way."""

    rows: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    findings: tuple[Finding, ...]


def evaluate(
    references: Mapping[str, Path], predictions: Path, labels: LabelScheme, output: Path, settings: EvaluateSettings,
    annotated: Mapping[str, Collection[str]] | None = None, patients: Mapping[str, str] | None = None,
) -> Evaluation:  # fmt: skip
    """Score the prediction of every reference, and write cases.csv and summary.json.

    A prediction that is missing, unreadable or on another grid is scored as the worst there is, and named.
    A structure that was not looked for in a case (`annotated`: what was, by case) is not judged there. Intervals
    take patients for independent, not cases: `patients` by case, or as the settings find them in its name.

    Raises:
        Refusal: USE106, no references; EVL110, criteria that cannot be judged.
    """
    demanded = read_criteria(settings.criteria)
    check_labels(demanded, labels.names)
    if not references:
        raise refuse("USE106", "references", "no reference", "at least one label file", "Check the path.")
    found = nifti.images_in(predictions) if predictions.is_dir() else {}
    run = joblib.Parallel(n_jobs=max(1, min(settings.workers, os.cpu_count() or 1)), return_as="generator")
    looked_for = {name: (annotated or {}).get(name, labels.names) for name in references}
    jobs = (
        joblib.delayed(_case)(name, path, found.get(name), labels, settings, looked_for[name])
        for name, path in references.items()
    )
    done = list(tracked(run(jobs), len(references), "measuring"))
    rows = [
        {**row, "patient": (patients or {}).get(row["case"]) or settings.patient_of(row["case"])}
        for case_rows, _ in done for row in case_rows
    ]  # fmt: skip
    findings = [finding for _, case_findings in done for finding in case_findings]
    findings += [
        Finding("EVL103", f"prediction {name}", "a prediction without a reference", "a reference of that name",
                "Remove it, or add the reference.")
        for name in sorted(found.keys() - references.keys())
    ]  # fmt: skip
    unscored = [one for one in findings if one.severity is Severity.ERROR and one.rule != "EVL103"]
    summary = summarise(rows, labels, len(references), unscored)
    summary["criteria"] = judged_by(demanded, summary)
    folder = EvaluationFolder(output)
    write_rows(folder.cases, rows, _COLUMNS)
    write_findings(folder.findings, findings)
    write_json(folder.summary, summary)
    return Evaluation(tuple(rows), summary, tuple(findings))


def _case(
    name: str,
    reference_path: Path,
    prediction_path: Path | None,
    labels: LabelScheme,
    settings: EvaluateSettings,
    looked_for: Collection[str],
) -> tuple[list[dict[str, Any]], list[Finding]]:
    try:
        reference = nifti.read_label(reference_path)
    except Refusal as refusal:
        return [], list(refusal.findings)
    prediction, findings = _prediction(name, prediction_path, reference, settings.on_mismatch)
    wanted = {label: value for label, value in zip(labels.names, labels.values) if label in looked_for}
    if prediction.voxels is None:
        return [
            {"case": name, "label": label,
             **_unscored(reference.voxels == value, reference.grid, settings.tolerance_of(label), findings[0].rule)}
            for label, value in wanted.items()
        ], findings  # fmt: skip
    found = prediction.voxels
    if labels.ignore is not None:
        found = np.where(reference.voxels == labels.ignore, 0, found)
    rows = [
        {"case": name, "label": label,
         **measure(reference.voxels == value, found == value, reference.grid, settings.tolerance_of(label),
                   prediction.outside_mm3.get(value, 0.0))}
        for label, value in wanted.items()
    ]  # fmt: skip
    doubt = suspicion(name, reference.voxels, found, reference.grid, wanted) if wanted else None
    return rows, [*findings, *([] if doubt is None else [doubt])]


def _prediction(name: str, path: Path | None, reference: NiftiImage, policy: str) -> tuple[Placed, list[Finding]]:
    """A case's prediction on its reference's grid, or why it is not there."""
    if path is None:
        return Placed(None, {}, None), [Finding(
            "EVL101", f"case {name}", "no prediction", f"{name}.nii.gz", "Predict the case; until then it scores 0."
        )]  # fmt: skip
    try:
        prediction = nifti.read_label(path)
    except Refusal as refusal:
        return Placed(None, {}, None), list(refusal.findings)
    there = placed(name, prediction.voxels, prediction.grid, reference.grid, policy)
    return there, [] if there.finding is None else [there.finding]


def _unscored(truth: np.ndarray, grid: Grid, tolerance_mm: float, rule: str) -> dict[str, Any]:
    """The worst score, also where the structure is absent: not predicting must never pay."""
    return {
        "status": "missing" if rule == "EVL101" else "refused",
        **worst(grid),
        "tolerance_mm": tolerance_mm,
        "reference_mm3": float(truth.sum()) * grid.voxel_volume_mm3,
        "prediction_mm3": None,
        "volume_error_mm3": None,
        "outside_mm3": None,
    }


def summarise(
    rows: Sequence[Mapping[str, Any]], labels: LabelScheme, n_cases: int, unscored: Sequence[Finding] = ()
) -> dict[str, Any]:
    """Means per label over the cases that count, with intervals and how many count, and the mean Dice over labels."""
    per_label: dict[str, Any] = {}
    for label in labels.names:
        own = [row for row in rows if row["label"] == label]
        counted = [row for row in own if row["status"] != "absent"]
        statuses = {status: sum(row["status"] == status for row in own)
                    for status in ("found", "missed", "spurious", "missing", "refused", "absent")}  # fmt: skip
        means = {name: float(np.mean([row[name] for row in counted])) if counted else None for name in MEASURES}
        per_label[label] = {
            "n": len(counted), "n_patients": len({row["patient"] for row in counted}), **statuses, **means,
            "intervals": {name: _interval(counted, name) for name in MEASURES},
        }  # fmt: skip
    dices = [values["dice"] for values in per_label.values() if values["dice"] is not None]
    return {
        "schema": SCHEMA,
        "n_cases": n_cases,
        "n_unscored": len({finding.where for finding in unscored}),
        "mean_dice": float(np.mean(dices)) if dices else None,
        "labels": per_label,
    }


def _interval(rows: Sequence[Mapping[str, Any]], measure: str) -> list[float] | None:
    """The interval of a measure's mean over patients; None where there are too few."""
    if not rows:
        return None
    found = mean_interval([row[measure] for row in rows], [row["patient"] for row in rows])
    return None if found.lower is None or found.upper is None else [found.lower, found.upper]
