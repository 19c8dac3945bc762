"""Report of an evaluation: criteria, scores, subgroups, volumes, lesions, calibration, findings, cases."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.labels import LabelScheme
from gnomon.evaluation import column_title, measure_entries
from gnomon.io.artifacts import read_findings, read_json, write_bytes, write_text
from gnomon.io.folders import EvaluationFolder
from gnomon.reports import figures
from gnomon.reports.case_pictures import CaseImages, axial_slices, three_planes
from gnomon.reports.finding_table import finding_table
from gnomon.reports.page import Folded, Heading, Link, Paragraph, Part, Picture, Table, html
from gnomon.reports.pdf import pdf
from gnomon.rules.finding import Severity

_WORST = 3
_FOREST_LABELS = 3
ImageSource = Callable[[str], CaseImages | None]


def write_evaluation_report(folder: EvaluationFolder, labels: LabelScheme, title: str, images_of: ImageSource) -> None:
    """Write report.html and report.pdf of an evaluation.

    Args:
        images_of: gives the images of a case by its name; None where there is nothing to draw.
    """
    summary = read_json(folder.summary, "the evaluation")
    mean = "not measurable: no structure in any case" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    parts = [
        Heading(title, 1),
        Paragraph(f"Mean Dice {mean}, {summary['n_cases']} cases.", "lead"),
        *result_parts(summary),
        *case_parts(folder, labels, images_of),
    ]
    write_text(folder.report, html(f"Gnomon: {title}", parts))
    write_bytes(folder.pdf, pdf(f"Gnomon: {title}", parts))


def result_parts(summary: Mapping[str, Any]) -> list[Part]:
    """Criteria first, then the scores of each structure."""
    found = summary["labels"]
    headline = [entry for entry in measure_entries(summary) if entry["headline"]]
    titles = [column_title(entry) for entry in headline]
    columns = ["structure", "n", "missed", "spurious", "absent", "Dice, 95 % CI", *titles]
    rows = [
        [
            Link(name, f"label-{name}"),
            values["n"],
            values["missed"] + values["missing"] + values["refused"],
            values["spurious"],
            values["absent"],
            bounds(values["intervals"]["dice"]),
            *(Link(values[entry["name"]], f"label-{name}") for entry in headline),
        ]
        for name, values in found.items()
    ]
    return [
        *_criteria(summary["criteria"]),
        Table(columns, rows),
        *_few(summary),
        Paragraph(
            "Measured on the grid of each reference. A missed or spurious structure gets the worst value (0, or the "
            "diagonal of the grid); a structure absent from both sides is counted separately. HD95 is the larger of "
            "the two directed 95th percentiles, weighted by area; the tolerance of NSD is listed in cases.csv. The "
            "95 % CIs treat patients, not cases, as independent. "
            f"Surface engine: {summary['engine']}. This is one set of predictions: the variation between trainings "
            "is not included.",
            "quiet",
        ),
        Folded("All measures: mean and median with 95 % CI", [_all_measures(summary)]),
    ]


def case_parts(folder: EvaluationFolder, labels: LabelScheme, images_of: ImageSource) -> list[Part]:
    """Distributions, subgroups, volumes, lesions, calibration, findings, pictures, and all rows."""
    summary = read_json(folder.summary, "the evaluation")
    measures = measure_entries(summary)
    rows = read_rows(folder.cases, [entry["name"] for entry in measures])
    names = list(summary["labels"])
    plotted = {entry["name"]: column_title(entry) for entry in measures if entry["key"]}
    return [
        Heading("Scores per case"),
        Picture(figures.distributions(rows, names, plotted), "One point per case; the bar is the median."),
        *_groups(folder.subgroups, summary),
        *_volumes(rows, summary),
        *_lesions(summary),
        *_calibration(summary),
        *_challenge(summary),
        *_findings(folder),
        *_pictures(rows, labels, images_of),
        Folded("All rows of cases.csv, by line", [_table_of(rows, [entry for entry in measures if entry["headline"]])]),
    ]


def read_rows(path: Path, measures: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of cases.csv with measures and volumes as numbers, and the `line` of each."""
    with path.open(newline="") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    for line, row in enumerate(rows, 2):
        row["line"] = line
        for name in (*measures, "reference_mm3", "prediction_mm3"):
            row[name] = float(row[name]) if row.get(name) else None
    return rows


def bounds(interval: Sequence[float] | None) -> str:
    """An interval as text."""
    return "too few patients" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _criteria(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    if not rows:
        return []
    failed = sum(not row["passed"] for row in rows)
    lead = f"{failed} of {len(rows)} criteria are NOT met." if failed else f"All {len(rows)} criteria are met."
    table = [[row["criterion"], row["label"], row["found"], "met" if row["passed"] else "NOT MET"] for row in rows]
    return [Paragraph(lead, "lead"), Table(["criterion", "structure", "found", "result"], table)]


def _few(summary: Mapping[str, Any]) -> list[Part]:
    if not summary["few_patients"]:
        return []
    return [Paragraph(f"{summary['n_patients']} patients: below 50, interpret the ends of a CI with care.")]


def _all_measures(summary: Mapping[str, Any]) -> Table:
    rows = [
        [
            structure,
            column_title(entry),
            values[entry["name"]],
            bounds(values["intervals"][entry["name"]]),
            values["medians"][entry["name"]]["median"],
            bounds(values["medians"][entry["name"]]["interval"]),
        ]
        for structure, values in summary["labels"].items()
        for entry in measure_entries(summary)
        if values[entry["name"]] is not None
    ]
    return Table(["structure", "measure", "mean", "95 % CI", "median over patients", "95 % CI"], rows)


def _groups(path: Path, summary: Mapping[str, Any]) -> list[Part]:
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        found = [row for row in csv.DictReader(stream) if row["measure"] == "dice"]
    if not found:
        return [Heading("Subgroups"), Paragraph("No column of the table divides the cases into groups.")]
    rows: list[dict[str, Any]] = [
        {
            **row,
            "few": row["few"] == "True",
            "n": int(row["n"]),
            "n_patients": int(row["n_patients"]),
            **{
                key: float(row[key]) if row[key] else None
                for key in ("mean", "lower", "upper", "to_the_rest", "rest_lower", "rest_upper")
            },
        }
        for row in found
    ]
    labels = list(dict.fromkeys(row["label"] for row in rows))[:_FOREST_LABELS]
    drawn = figures.forest_plot(
        [row for row in rows if row["label"] in labels],
        {name: summary["labels"][name]["dice"] for name in labels},
        "Dice",
    )
    table = [
        [
            row["column"],
            row["group"],
            row["label"],
            row["n"],
            row["n_patients"],
            row["mean"],
            bounds(None if row["lower"] is None else (row["lower"], row["upper"])),
            row["to_the_rest"],
            bounds(None if row["rest_lower"] is None else (row["rest_lower"], row["rest_upper"])),
        ]
        for row in rows
    ]
    columns = [
        "column",
        "group",
        "structure",
        "n",
        "patients",
        "Dice",
        "95 % CI",
        "difference to the rest",
        "95 % CI of the difference",
    ]
    return [
        Heading("Subgroups"),
        Picture(drawn, "Mean and 95 % CI of each subgroup, number of patients in brackets; pale: fewer than 10."),
        Folded("Values of the subgroups", [Table(columns, table)]),
    ]


def _volumes(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[Part]:
    limits = {name: values["volume_agreement"] for name, values in summary["labels"].items()}
    known = {name: one for name, one in limits.items() if one is not None}
    if not known:
        return []
    points = {
        name: [
            (row["reference_mm3"] / 1000, row["prediction_mm3"] / 1000)
            for row in rows
            if row["label"] == name and row["prediction_mm3"] is not None
        ]
        for name in known
    }
    table = [
        [
            name,
            one["n"],
            one["bias_ml"],
            bounds(one["bias_interval_ml"]),
            one["lower_limit_ml"],
            one["upper_limit_ml"],
            one["slope"],
            one["p_slope"],
            one["concordance"],
        ]
        for name, one in known.items()
    ]
    columns = [
        "structure",
        "n",
        "bias (ml)",
        "95 % CI",
        "lower limit of agreement (ml)",
        "upper limit of agreement (ml)",
        "slope",
        "p (slope)",
        "concordance (Lin)",
    ]
    return [
        Heading("Agreement of volumes"),
        Picture(
            figures.bland_altman(points, known),
            "Bland-Altman plot, predicted minus reference. Solid: bias; dashed: 95 % limits of agreement.",
        ),
        Table(columns, table),
    ]


def _lesions(summary: Mapping[str, Any]) -> list[Part]:
    found = {name: values["lesions"] for name, values in summary["labels"].items() if "lesions" in values}
    if not found:
        return []
    table = [
        [
            name,
            one["n_scans"],
            one["lesions"],
            one["lesions_found"],
            one["lesions_predicted"],
            one["lesions_false"],
            *(summary["labels"][name][key] for key in ("lesion_sensitivity", "lesion_precision", "lesion_f1")),
        ]
        for name, one in found.items()
    ]
    columns = [
        "structure",
        "scans",
        "reference lesions",
        "found",
        "predicted lesions",
        "false positives",
        "mean sensitivity per case",
        "mean precision per case",
        "mean F1 per case",
    ]
    curves = {name: one["froc"] for name, one in found.items() if one["froc"]}
    parts: list[Part] = [Heading("Lesions"), Table(columns, table)]
    if curves:
        parts.append(
            Picture(figures.froc_curves(curves), "FROC curve: one step per confidence, from the highest down.")
        )
    return parts


def _calibration(summary: Mapping[str, Any]) -> list[Part]:
    found = {name: values["calibration"] for name, values in summary["labels"].items() if "calibration" in values}
    found = {name: one for name, one in found.items() if one["voxels"]}
    if not found:
        return []
    band_mm = next(iter(found.values()))["band_mm"]
    columns = ["structure", "voxels", "Brier score", "expected calibration error"]
    table = [[name, one["voxels"], one["brier"], one["expected_calibration_error"]] for name, one in found.items()]
    return [
        Heading("Calibration"),
        Picture(
            figures.reliability_diagrams(found),
            f"Voxels within {band_mm:g} mm of the reference surface; grey: perfect calibration.",
        ),
        Table(columns, table),
    ]


def _challenge(summary: Mapping[str, Any]) -> list[Part]:
    if "challenge" not in summary:
        return []
    found = summary["challenge"]
    how = "With the errors of its script corrected" if found["fixed"] else "As computed by the challenge's own script"
    table = [[row["structure"], row["measure"], row["n"], row["mean"]] for row in found["means"]]
    return [
        Heading(f"Scores of {found['name']}"),
        Paragraph(f"{how}; {found['n_scored']} of {found['n_cases']} cases scored."),
        Table(["structure", "measure", "n", "mean"], table),
    ]


def _findings(evaluation: EvaluationFolder) -> list[Part]:
    found = [finding for finding in read_findings(evaluation.findings) if finding.severity is not Severity.INFO]
    if not found:
        return []
    return [Heading("Predictions to review"), finding_table(found, ("where", "found", "remedy"))]


def _pictures(rows: Sequence[Mapping[str, Any]], labels: LabelScheme, images_of: ImageSource) -> list[Part]:
    """The worst cases, the median and the best, in three planes and as slices to scroll through."""
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["dice"] is not None and row["label"] in labels.names:
            scores.setdefault(row["case"], []).append(row["dice"])
    ordered = sorted(scores, key=lambda name: (float(np.mean(scores[name])), name))
    parts: list[Part] = [Heading("Worst cases")]
    for name in ordered[:_WORST]:
        parts += _case(name, rows, labels, images_of)
    if len(ordered) > _WORST:
        for title, name in (("Median case", ordered[len(ordered) // 2]), ("Best case", ordered[-1])):
            parts += [Heading(title), *_case(name, rows, labels, images_of)]
    return parts


def _case(name: str, rows: Sequence[Mapping[str, Any]], labels: LabelScheme, images_of: ImageSource) -> list[Part]:
    own = [row for row in rows if row["case"] == name and row["dice"] is not None]
    scores = ", ".join(f"{row['label']} Dice {row['dice']:.3f} ({row['status']}, line {row['line']})" for row in own)
    case = images_of(name)
    if case is None:
        return [Paragraph(f"{name}: no prediction to show. {scores}")]
    planes = three_planes(case, labels.values, labels.names)
    return [
        Picture(planes, f"{name}: {scores}. Planes with the most differing voxels."),
        axial_slices(case, labels.values, f"{name}: axial slices; solid: reference, dotted: prediction."),
    ]


def _table_of(rows: Sequence[Mapping[str, Any]], measures: Sequence[Mapping[str, Any]]) -> Table:
    """The rows ordered by structure, so that the summary of a structure links to its rows."""
    names = list(dict.fromkeys(row["label"] for row in rows))
    ordered = [row for name in names for row in rows if row["label"] == name]
    firsts = {name: next(row["line"] for row in ordered if row["label"] == name) for name in names}
    return Table(
        ["line", "case", "structure", "status", *(column_title(entry) for entry in measures)],
        [
            [row["line"], row["case"], row["label"], row["status"], *(row[entry["name"]] for entry in measures)]
            for row in ordered
        ],
        [f"label-{row['label']}" if row["line"] == firsts[row["label"]] else f"line-{row['line']}" for row in ordered],
    )
