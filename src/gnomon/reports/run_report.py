"""report.html and report.pdf of a run: results first, then pictures of cases, the data, the plan, the manifest."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json, write_bytes, write_text
from gnomon.io.folders import EvaluationFolder, RunFolder
from gnomon.reports import figures
from gnomon.reports.evaluation_report import case_parts, result_parts
from gnomon.reports.page import Folded, Heading, Paragraph, Part, Picture, Table, Values, html
from gnomon.reports.pdf import pdf
from gnomon.reports.pictured import of_dataset
from gnomon.rules.finding import Severity


def write_run_report(folder: RunFolder, dataset: Dataset, fold: int) -> None:
    """Write report.html and report.pdf from the artifacts of a finished, evaluated run."""
    manifest = read_json(folder.manifest, "the run")
    evaluation = EvaluationFolder(folder.evaluation)
    summary = read_json(evaluation.summary, "the evaluation")
    name = str(manifest["config"]["name"])
    parts = [
        *_head(name, manifest, summary, dataset, fold),
        *result_parts(summary),
        *_training(folder, dataset),
        *case_parts(evaluation, dataset.labels, of_dataset(dataset, folder.predictions)),
        *_data(dataset, fold, manifest["config"]["data"]["known_findings"]),
        *origin_parts(manifest),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", parts))
    write_bytes(folder.pdf, pdf(f"Gnomon: {name}", parts))


def _head(
    name: str, manifest: Mapping[str, Any], summary: Mapping[str, Any], dataset: Dataset, fold: int
) -> list[Part]:
    side = "test" if dataset.splits.test else f"validation, fold {fold}"
    of = "held-out cases"
    if manifest["config"]["training"]["data"]["cases"]:
        of, side = "cases", "the very ones it was trained on: a check of the code, not a result"
    mean = "not measurable: no structure in any case" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    return [
        Heading(f"Run {name}", 1),
        Paragraph(f"seed {manifest['seed']}, weights {manifest['weights_sha256'][:16]}…", "quiet"),
        Paragraph(f"Mean Dice {mean}, {summary['n_cases']} {of} ({side}).", "lead"),
    ]


def _training(folder: RunFolder, dataset: Dataset) -> list[Part]:
    with folder.metrics.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    png = figures.curves(rows, dataset.labels.names)
    return [Heading("Training"), Picture(png, "Dice on patches guides the eye; it is not a result.")]


def _data(dataset: Dataset, fold: int, known: Sequence[str]) -> list[Part]:
    train, val = dataset.splits.folds[fold]
    counts = f"{len(train)} cases trained on, {len(val)} for validation, {len(dataset.splits.test)} for the test."
    told = [finding for finding in dataset.findings if finding.severity is not Severity.INFO]
    rows = [[f.rule + (" (expected)" if f.rule in known else ""), f.where, f.found, f.expected, f.remedy] for f in told]
    left_out: list[Part] = (
        [Table(["rule", "where", "found", "expected", "what to do"], rows)]
        if rows
        else [Paragraph("Nothing was left out.")]
    )
    plan = dataset.plan
    spacing = " x ".join(f"{step:.3g}" for step in plan.spacing_mm)
    patch = " x ".join(str(size) for size in plan.topology.patch)
    return [
        Heading("Data"),
        Paragraph(f"{counts} Patients are never parted. Data set {dataset.content_sha256[:16]}…"),
        Paragraph(_audit(dataset.audit)),
        Heading("What was left out, or needs a look", 3),
        *left_out,
        Heading("Plan"),
        Paragraph(f"Patches of {patch} voxels at {spacing} mm, {plan.batch} a step."),
        Table(
            ["stage", "stride", "kernel", "why"],
            [
                [i, " ".join(map(str, stride)), " ".join(map(str, kernel)), reason]
                for i, (stride, kernel, reason) in enumerate(
                    zip(plan.topology.strides, plan.topology.kernels, plan.topology.reasons)
                )
            ],
        ),
    ]


def _audit(audit: str) -> str:
    """What is known of the data's audit."""
    told = {
        "off": "NOT AUDITED: preparation.audit=off. Nothing is known of what the pitfalls of DICOM did to these data.",
        "files": "No DICOM audit: the data came as NIfTI files, whose own checks they passed.",
    }
    return told.get(audit, f"Audited: every volume was accepted or repaired by audit {audit[:16]}…")


def origin_parts(manifest: Mapping[str, Any]) -> list[Part]:
    """What a run was made from."""
    facts = [
        ["weights", manifest["weights_sha256"]],
        ["data set", manifest["dataset_sha256"]],
        ["commit", manifest["git"]["commit"] or "not a checkout"],
        ["uncommitted changes", {True: "yes", False: "no", None: "unknown"}[manifest["git"]["dirty"]]],
        ["lock", manifest["lock_sha256"] or "none"],
        ["processor", f"{manifest['hardware']['processor']}, {manifest['hardware']['cpu_count']} cores"],
        ["time to weights", f"{manifest['seconds_to_weights']} s, {manifest['precision']}"],
        ["peak memory", f"{manifest['peak_memory_bytes'] / 2**30:.2f} GiB"],
    ]
    return [
        Heading("Where it comes from"),
        Table(["", ""], facts),
        Folded("The whole manifest", [Values(manifest)]),
    ]
