"""Report of a run: results first, then pictures of cases, data, plan, provenance."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json, write_bytes, write_text
from gnomon.io.folders import EvaluationFolder, RunFolder
from gnomon.reports import figures
from gnomon.reports.case_images import images_of_dataset
from gnomon.reports.evaluation_report import case_parts, result_parts
from gnomon.reports.finding_table import finding_table
from gnomon.reports.page import Folded, Heading, Paragraph, Part, Picture, Table, Values, html
from gnomon.reports.pdf import pdf
from gnomon.rules.finding import Severity


def write_run_report(folder: RunFolder, dataset: Dataset, fold: int) -> None:
    """Write report.html and report.pdf from the artifacts of a finished, evaluated run."""
    manifest = read_json(folder.manifest, "the run")
    evaluation = EvaluationFolder(folder.evaluation)
    summary = read_json(evaluation.summary, "the evaluation")
    name = str(manifest["config"]["name"])
    parts = [
        *run_heading(f"Run {name}", manifest),
        _headline(manifest, summary, dataset, fold),
        *result_parts(summary),
        *training_parts(
            folder,
            {f"patch_dice/{name}": name for name in dataset.labels.names},
            "Dice on validation patches",
            "Dice on patches is a guide, not a result.",
        ),
        *case_parts(evaluation, dataset.labels, images_of_dataset(dataset, folder.predictions)),
        *_data(dataset, fold, manifest["config"]["data"]["known_findings"]),
        *provenance_parts(manifest),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", parts))
    write_bytes(folder.pdf, pdf(f"Gnomon: {name}", parts))


def run_heading(title: str, manifest: Mapping[str, Any]) -> list[Part]:
    """Title, seed and weights of a run."""
    facts = f"seed {manifest['seed']}, weights {manifest['weights_sha256'][:16]}…"
    return [Heading(title, 1), Paragraph(facts, "quiet")]


def _headline(manifest: Mapping[str, Any], summary: Mapping[str, Any], dataset: Dataset, fold: int) -> Part:
    side = "test" if dataset.splits.test else f"validation, fold {fold}"
    of = "held-out cases"
    if manifest["config"]["training"]["data"]["cases"]:
        of, side = "cases", "the training cases themselves: a check of the code, not a result"
    mean = "not measurable: no structure in any case" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    return Paragraph(f"Mean Dice {mean}, {summary['n_cases']} {of} ({side}).", "lead")


def training_parts(folder: RunFolder, scores: Mapping[str, str], title: str, caption: str) -> list[Part]:
    """Training loss and validation scores of a run; `scores` as in `figures.training_curves`."""
    with folder.metrics.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [Heading("Training"), Picture(figures.training_curves(rows, scores, title), caption)]


def _data(dataset: Dataset, fold: int, known: Sequence[str]) -> list[Part]:
    train, val = dataset.splits.folds[fold]
    counts = f"{len(train)} training, {len(val)} validation and {len(dataset.splits.test)} test cases."
    found = [finding for finding in dataset.findings if finding.severity is not Severity.INFO]
    findings: Part = finding_table(found, known=known) if found else Paragraph("None.")
    plan = dataset.plan
    spacing = " x ".join(f"{step:.3g}" for step in plan.spacing_mm)
    patch = " x ".join(str(size) for size in plan.topology.patch)
    return [
        Heading("Data"),
        Paragraph(f"{counts} All cases of a patient are in one of them. Data set {dataset.content_sha256[:16]}…"),
        Paragraph(_audit(dataset.audit)),
        Heading("Findings of the preparation", 3),
        findings,
        Heading("Plan"),
        Paragraph(f"Patches of {patch} voxels at {spacing} mm, batch size {plan.batch}."),
        Table(
            ["stage", "stride", "kernel", "reason"],
            [
                [i, " ".join(map(str, stride)), " ".join(map(str, kernel)), reason]
                for i, (stride, kernel, reason) in enumerate(
                    zip(plan.topology.strides, plan.topology.kernels, plan.topology.reasons)
                )
            ],
        ),
    ]


def _audit(audit: str) -> str:
    """What is known of the audit of the data."""
    texts = {
        "off": "NOT AUDITED (preparation.audit=off): the data may be affected by any of the pitfalls of DICOM.",
        "files": "No DICOM audit: the data are NIfTI files, and passed the checks for these.",
    }
    return texts.get(audit, f"Audited: every volume was accepted or repaired by audit {audit[:16]}…")


def provenance_parts(manifest: Mapping[str, Any]) -> list[Part]:
    """What a run was made from: weights, data set, commit, hardware, manifest."""
    facts = [
        ["weights", manifest["weights_sha256"]],
        ["data set", manifest["dataset_sha256"]],
        ["commit", manifest["git"]["commit"] or "not a Git checkout"],
        ["uncommitted changes", {True: "yes", False: "no", None: "unknown"}[manifest["git"]["dirty"]]],
        ["lock file", manifest["lock_sha256"] or "none"],
        ["processor", f"{manifest['hardware']['processor']}, {manifest['hardware']['cpu_count']} cores"],
        ["time to weights", f"{manifest['seconds_to_weights']} s, {manifest['precision']}"],
        ["peak memory", f"{manifest['peak_memory_bytes'] / 2**30:.2f} GiB"],
    ]
    return [
        Heading("Provenance"),
        Table(["", ""], facts),
        Folded("Complete manifest", [Values(manifest)]),
    ]
