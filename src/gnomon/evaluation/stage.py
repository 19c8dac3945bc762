"""The stage: references and predictions -> evaluation/, on the reference's own grid."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import joblib

from gnomon.core.labels import LabelScheme
from gnomon.evaluation import subgroups
from gnomon.evaluation.case import CaseResult, EvaluationCase, evaluate_case
from gnomon.evaluation.criteria import check_labels, judge_criteria, read_criteria
from gnomon.evaluation.lesions import LESION_COLUMNS
from gnomon.evaluation.measure import Measure, check_names
from gnomon.evaluation.measures import all_measures, installed_measures
from gnomon.evaluation.options import options_for
from gnomon.evaluation.scoring import VOLUME_COLUMNS
from gnomon.evaluation.summary import calibration_summary, challenge_summary, lesion_summary, summarise
from gnomon.io.artifacts import write_findings, write_json, write_rows
from gnomon.io.console import show_progress
from gnomon.io.folders import EvaluationFolder
from gnomon.io.images import images_in_folder
from gnomon.rules.catalogue.evaluation import MISSING_REFERENCE, UNKNOWN_STRUCTURE
from gnomon.rules.catalogue.usage import NO_REFERENCES
from gnomon.rules.finding import Finding, Severity
from gnomon.settings import EvaluateSettings


@dataclass(frozen=True)
class Evaluation:
    """Rows of cases.csv, the summary, and the findings."""

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
    measures: Sequence[Measure] | None = None,
) -> Evaluation:
    """Score the prediction of every reference on the reference's grid; write cases.csv, summary.json and tables.

    A prediction that is missing, unreadable or on another grid gets the worst scores, and a finding.

    Args:
        references: label files by case, in any orientation; they define the grids.
        predictions: folder of `<case>.nii.gz`.
        labels: names and values of the labels.
        output: folder of the evaluation.
        settings: distances in mm, volumes in mm3.
        annotated: labels that were annotated, by case; the others are not evaluated there. None: all.
        patients: by case; intervals treat patients, not cases, as independent. None: by the settings' pattern.
        measures: what is computed; None: all built-in and installed measures.

    Raises:
        Refusal: USE106, no references; EVL110, criteria that cannot be judged; EVL111, settings that name an
            unknown structure; EVL120, a table of subgroups that cannot be read.
    """
    computed = check_names(all_measures() if measures is None else measures)
    structures = structures_of(labels, settings)
    criteria = read_criteria(settings.criteria, [measure.name for measure in computed])
    check_labels(criteria, structures)
    table = subgroups.read_table(Path(settings.subgroups).expanduser()) if settings.subgroups else None
    if not references:
        raise NO_REFERENCES.refusal(
            "references",
            found="no reference",
            expected="at least one label file",
            remedy="Check the path in references=.",
        )
    found = images_in_folder(predictions) if predictions.is_dir() else {}
    cases = _cases(references, found, labels, structures, settings, annotated or {}, computed)
    run = joblib.Parallel(n_jobs=max(1, min(settings.workers, os.cpu_count() or 1)), return_as="generator")
    results = list(show_progress(run(joblib.delayed(evaluate_case)(case) for case in cases), len(cases), "measuring"))
    rows = [
        {**row, "patient": (patients or {}).get(row["case"]) or settings.patient_of(row["case"])}
        for result in results
        for row in result.rows
    ]
    findings = [finding for result in results for finding in result.findings] + [
        MISSING_REFERENCE.at(f"prediction {name}", found="no reference of that name")
        for name in sorted(found.keys() - references.keys())
    ]
    findings += installed_measures()[1] if measures is None else []
    findings += [] if table is None else subgroups.columns_not_grouped(table)
    unscored = [one for one in findings if one.severity is Severity.ERROR and one.rule not in ("EVL103", "EVL106")]
    summary = summarise(rows, list(structures), labels.names, len(references), settings, computed, unscored)
    _add_lesions(summary, results, settings)
    _add_calibration(summary, results, settings)
    summary["criteria"] = judge_criteria(criteria, summary)
    folder = EvaluationFolder(output)
    if settings.challenge is not None:
        scores = [row for result in results for row in result.challenge]
        write_rows(folder.challenge, scores, ("case", "structure", "measure", "value"))
        summary["challenge"] = challenge_summary(settings, scores, len(references))
    if table is not None:
        groups = subgroups.subgroup_rows(rows, table, list(structures), computed)
        write_rows(folder.subgroups, groups, subgroups.COLUMNS)
    if settings.lesions.labels:
        lesions = [_table_row(row) for result in results for row in result.lesions]
        write_rows(folder.lesions, lesions, ("case", "label", *LESION_COLUMNS))
    evaluation = Evaluation(tuple(rows), summary, tuple(findings))
    _write(folder, evaluation, computed)
    return evaluation


def _write(folder: EvaluationFolder, evaluation: Evaluation, measures: Sequence[Measure]) -> None:
    columns = ("case", "patient", "label", "status", *(measure.name for measure in measures), *VOLUME_COLUMNS)
    write_rows(folder.cases, evaluation.rows, columns)
    write_findings(folder.findings, evaluation.findings)
    write_json(folder.summary, evaluation.summary)


def structures_of(labels: LabelScheme, settings: EvaluateSettings) -> dict[str, tuple[int, ...]]:
    """The label values of every evaluated structure, by name: labels first, then regions.

    Raises:
        Refusal: EVL111, a setting names an unknown structure.
    """
    values = dict(zip(labels.names, labels.values))
    declared = {name: tuple(parts) for name, parts in (settings.regions or {}).items()}
    regions = {**dict(labels.regions), **declared}
    if unknown := sorted(settings.named_structures - values.keys() - regions.keys()):
        raise UNKNOWN_STRUCTURE.refusal(
            "evaluation",
            found=f"unknown structures {', '.join(unknown)}",
            expected=f"names among {', '.join([*values, *regions])}",
        )
    if wrong := sorted(
        name for name, parts in declared.items() if not parts or name in values or not {*parts} <= {*values}
    ):
        raise UNKNOWN_STRUCTURE.refusal(
            "evaluation.regions",
            found=f"{', '.join(wrong)}",
            expected="regions with names of their own, each a union of labels",
            remedy="Correct evaluation.regions, for example {abdomen: [liver, spleen]}.",
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
    measures: tuple[Measure, ...],
) -> list[EvaluationCase]:
    value_of = dict(zip(labels.names, labels.values))
    folder = Path(settings.probabilities).expanduser() if settings.probabilities else None
    files = {
        name: images_in_folder(folder / name) if folder and (folder / name).is_dir() else {} for name in structures
    }
    cases = []
    for name, path in references.items():
        known = {value_of[label] for label in annotated.get(name, labels.names)}
        evaluated = {
            one: (values, options_for(settings, one)) for one, values in structures.items() if known >= {*values}
        }
        cases.append(
            EvaluationCase(
                name,
                path,
                found.get(name),
                probabilities={one: files[one][name] for one in evaluated if name in files[one]},
                structures=evaluated,
                labels={one: value_of[one] for one in evaluated if one in value_of},
                ignore=labels.ignore,
                on_mismatch=settings.on_mismatch,
                band_mm=settings.calibration_band_mm,
                measures=measures,
                challenge=settings.challenge,
                challenge_fixed=settings.challenge_fixed,
            )
        )
    return cases


def _add_lesions(summary: dict[str, Any], results: list[CaseResult], settings: EvaluateSettings) -> None:
    for name in settings.lesions.labels:
        scans = sum(any(row["label"] == name and row["status"] != "unreadable" for row in one.rows) for one in results)
        rows = [row for one in results for row in one.lesions if row["label"] == name]
        summary["labels"][name]["lesions"] = lesion_summary(rows, scans)


def _add_calibration(summary: dict[str, Any], results: list[CaseResult], settings: EvaluateSettings) -> None:
    for name, values in summary["labels"].items():
        if known := [one.reliability[name] for one in results if name in one.reliability]:
            values["calibration"] = calibration_summary(reduce(add, known), settings.calibration_band_mm)


def _table_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A lesion's row of lesions.csv."""
    return {**row, "hits": " ".join(str(number) for number in row.get("hits", ()))}
