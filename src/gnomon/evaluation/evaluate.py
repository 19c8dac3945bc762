"""The stage: references and predictions -> evaluation/, on the reference's own grid."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import joblib

from gnomon.core.labels import LabelScheme
from gnomon.evaluation import subgroups
from gnomon.evaluation.case import Case, Judged, judge
from gnomon.evaluation.criteria import check_labels, judged_by, read_criteria
from gnomon.evaluation.lesions import LESION_COLUMNS
from gnomon.evaluation.metrics import MEASURES
from gnomon.evaluation.settings import EvaluateSettings
from gnomon.evaluation.summary import calibration_summary, challenge_summary, lesion_summary, summarise
from gnomon.io import nifti
from gnomon.io.artifacts import write_findings, write_json, write_rows
from gnomon.io.console import tracked
from gnomon.io.folders import EvaluationFolder
from gnomon.rules.finding import Finding, Severity, refuse

_COLUMNS = (
    "case",
    "patient",
    "label",
    "status",
    *MEASURES,
    "tolerance_mm",
    "reference_mm3",
    "prediction_mm3",
    "volume_error_mm3",
    "outside_mm3",
)


@dataclass(frozen=True)
class Evaluation:
    """Rows of cases.csv, the summary, and what was found on the way."""

    rows: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    findings: tuple[Finding, ...]


def evaluate(
    references: Mapping[str, Path],
    predictions: Path,
    labels: LabelScheme,
    output: Path,
    settings: EvaluateSettings,
    annotated: Mapping[str, Collection[str]] | None = None,
    patients: Mapping[str, str] | None = None,
) -> Evaluation:
    """Score the prediction of every reference, and write cases.csv, summary.json and what else is asked for.

    A prediction that is missing, unreadable or on another grid is scored as the worst there is, and named.
    A structure that was not looked for in a case (`annotated`: what was, by case) is not judged there. Intervals
    take patients for independent, not cases: `patients` by case, or as the settings find them in its name.

    Raises:
        Refusal: USE106, no references; EVL110, criteria that cannot be judged; EVL111, settings that name a
            structure there is not; EVL120, a table of subgroups that cannot be read.
    """
    structures = structures_of(labels, settings)
    demanded = read_criteria(settings.criteria)
    check_labels(demanded, structures)
    table = subgroups.read_table(Path(settings.subgroups).expanduser()) if settings.subgroups else None
    if not references:
        raise refuse(
            rule="USE106",
            where="references",
            found="no reference",
            expected="at least one label file",
            remedy="Check the path.",
        )
    found = nifti.images_in(predictions) if predictions.is_dir() else {}
    cases = _cases(references, found, labels, structures, settings, annotated or {})
    run = joblib.Parallel(n_jobs=max(1, min(settings.workers, os.cpu_count() or 1)), return_as="generator")
    done = list(tracked(run(joblib.delayed(judge)(case) for case in cases), len(cases), "measuring"))
    rows = [
        {**row, "patient": (patients or {}).get(row["case"]) or settings.patient_of(row["case"])}
        for one in done
        for row in one.rows
    ]
    findings = [finding for one in done for finding in one.findings] + [
        Finding(
            rule="EVL103",
            where=f"prediction {name}",
            found="a prediction without a reference",
            expected="a reference of that name",
            remedy="Remove it, or add the reference.",
        )
        for name in sorted(found.keys() - references.keys())
    ]
    findings += [] if table is None else subgroups.ungrouped(table)
    unscored = [one for one in findings if one.severity is Severity.ERROR and one.rule != "EVL103"]
    summary = summarise(rows, list(structures), labels.names, len(references), settings, unscored)
    _add_lesions(summary, done, settings)
    _add_calibration(summary, done, settings)
    summary["criteria"] = judged_by(demanded, summary)
    folder = EvaluationFolder(output)
    write_rows(folder.cases, rows, _COLUMNS)
    if settings.lesions.labels:
        write_rows(
            folder.lesions, [_flat(row) for one in done for row in one.lesions], ("case", "label", *LESION_COLUMNS)
        )
    if settings.challenge is not None:
        rows_of_challenge = [row for one in done for row in one.challenge]
        write_rows(folder.challenge, rows_of_challenge, ("case", "structure", "measure", "value"))
        summary["challenge"] = challenge_summary(settings, rows_of_challenge, len(references))
    if table is not None:
        write_rows(folder.subgroups, subgroups.by_group(rows, table, list(structures)), subgroups.COLUMNS)
    write_findings(folder.findings, findings)
    write_json(folder.summary, summary)
    return Evaluation(tuple(rows), summary, tuple(findings))


def structures_of(labels: LabelScheme, settings: EvaluateSettings) -> dict[str, tuple[int, ...]]:
    """What is judged, by name: the label values of each label, then of each region.

    Raises:
        Refusal: EVL111, a setting names a structure there is not.
    """
    values = dict(zip(labels.names, labels.values))
    asked = {name: tuple(parts) for name, parts in (settings.regions or {}).items()}
    regions = {**dict(labels.regions), **asked}
    if unknown := sorted(settings.named - values.keys() - regions.keys()):
        raise refuse(
            rule="EVL111",
            where="evaluation",
            found=f"structures {unknown}",
            expected=f"some of {', '.join([*values, *regions])}",
            remedy="Correct the names.",
        )
    if wrong := sorted(
        name for name, parts in asked.items() if not parts or name in values or not {*parts} <= {*values}
    ):
        raise refuse(
            rule="EVL111",
            where="evaluation.regions",
            found=f"{wrong}",
            expected="names of their own, each of labels",
            remedy="Correct the regions.",
        )
    return {
        **{name: (value,) for name, value in values.items()},
        **{name: tuple(values[part] for part in parts) for name, parts in regions.items()},
    }


def _cases(
    references: Mapping[str, Path],
    found: Mapping[str, Path],
    labels: LabelScheme,
    structures: Mapping[str, tuple[int, ...]],
    settings: EvaluateSettings,
    annotated: Mapping[str, Collection[str]],
) -> list[Case]:
    value_of = dict(zip(labels.names, labels.values))
    folder = Path(settings.probabilities).expanduser() if settings.probabilities else None
    files = {name: nifti.images_in(folder / name) if folder and (folder / name).is_dir() else {} for name in structures}
    cases = []
    for name, path in references.items():
        looked_for = {value_of[label] for label in annotated.get(name, labels.names)}
        judged = {one: (values, settings.how(one)) for one, values in structures.items() if looked_for >= {*values}}
        cases.append(
            Case(
                name,
                path,
                found.get(name),
                probabilities={one: files[one][name] for one in judged if name in files[one]},
                structures=judged,
                labels={one: value_of[one] for one in judged if one in value_of},
                ignore=labels.ignore,
                on_mismatch=settings.on_mismatch,
                band_mm=settings.calibration_band_mm,
                challenge=settings.challenge,
                challenge_fixed=settings.challenge_fixed,
            )
        )
    return cases


def _add_lesions(summary: dict[str, Any], done: list[Judged], settings: EvaluateSettings) -> None:
    for name in settings.lesions.labels:
        scans = sum(any(row["label"] == name and row["status"] != "unreadable" for row in one.rows) for one in done)
        rows = [row for one in done for row in one.lesions if row["label"] == name]
        summary["labels"][name]["lesions"] = lesion_summary(rows, scans)


def _add_calibration(summary: dict[str, Any], done: list[Judged], settings: EvaluateSettings) -> None:
    for name, values in summary["labels"].items():
        if there := [one.reliability[name] for one in done if name in one.reliability]:
            values["calibration"] = calibration_summary(reduce(add, there), settings.calibration_band_mm)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A lesion's row for a table."""
    return {**row, "hits": " ".join(str(number) for number in row.get("hits", ()))}
