"""report.html of a run: results first, then pictures of the worst cases, the data, the plan, the manifest."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isocenter import nifti
from isocenter.artifacts import EvaluationFolder, RunFolder, map_array, read_findings, read_json, write_text
from isocenter.evaluation import HD95, MEASURES
from isocenter.findings import Severity
from isocenter.inference import ordered_values
from isocenter.preparation import Dataset, read_case, reference_of
from isocenter.reports import figures, page

_WORST = 3
TITLES = {"dice": "Dice", "iou": "IoU", HD95: "HD95, mm", "assd_mm": "ASSD, mm", "nsd": "NSD"}


def write_run_report(folder: RunFolder, dataset: Dataset, fold: int) -> None:
    """Write report.html from the artifacts of a finished, evaluated run."""
    manifest = read_json(folder.manifest, "the run")
    evaluation = EvaluationFolder(folder.evaluation)
    summary = read_json(evaluation.summary, "the evaluation")
    rows = _rows(evaluation.cases)
    name = str(manifest["config"]["name"])
    sections = [
        *_results(name, manifest, summary, dataset, fold),
        *_training(folder, dataset),
        *_cases(rows, dataset),
        *_doubts(evaluation),
        *_worst(rows, folder, dataset),
        *_data(dataset, fold, manifest["config"]["data"]["known_findings"]),
        *_origin(manifest),
    ]
    write_text(folder.report, page.page(f"Isocenter: {name}", sections))


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    for row in rows:
        for measure in MEASURES:
            row[measure] = float(row[measure]) if row[measure] else None
    return rows


def _results(
    name: str, manifest: Mapping[str, Any], summary: Mapping[str, Any], dataset: Dataset, fold: int
) -> list[str]:
    side = "test" if dataset.splits.test else f"validation, fold {fold}"
    of = "held-out cases"
    if manifest["config"]["training"]["data"]["cases"]:
        of, side = "cases", "the very ones it was trained on: a check of the code, not a result"
    mean = "not measurable: no structure in any case" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    lead = f"Mean Dice {mean}, {summary['n_cases']} {of} ({side})."
    columns = ["label", "n", "missed", "spurious", "absent", "Dice, 95 % interval", *(TITLES[one] for one in MEASURES)]
    rows = [
        [label, values["n"], values["missed"] + values["missing"] + values["refused"], values["spurious"],
         values["absent"], _bounds(values["intervals"]["dice"]), *(values[measure] for measure in MEASURES)]
        for label, values in summary["labels"].items()
    ]  # fmt: skip
    return [
        page.heading(f"Run {name}", 1),
        page.paragraph(f"seed {manifest['seed']}, weights {manifest['weights_sha256'][:16]}…", "quiet"),
        page.paragraph(lead, "lead"),
        *_criteria(summary["criteria"]),
        page.table(columns, rows),
        page.paragraph(
            "Measured on each reference's own grid. A missed or spurious structure counts as the worst value (0, or "
            "the image's diagonal), a structure absent from both is counted apart. HD95 is the larger of the two "
            "directed 95 percent distances, by area; NSD's tolerance stands in cases.csv. Intervals take patients for "
            "independent, not cases. One seed: how far another "
            "would differ is not shown here.", "quiet",
        ),
    ]  # fmt: skip


def _criteria(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    failed = sum(not row["passed"] for row in rows)
    verdict = f"{failed} of {len(rows)} criteria are NOT met." if failed else f"All {len(rows)} criteria are met."
    table = [[row["criterion"], row["label"], row["found"], "met" if row["passed"] else "NOT MET"] for row in rows]
    return [page.paragraph(verdict, "lead"), page.table(["criterion", "label", "found", "verdict"], table)]


def _bounds(interval: Sequence[float] | None) -> str:
    return "too few" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _training(folder: RunFolder, dataset: Dataset) -> list[str]:
    with folder.metrics.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    png = figures.curves(rows, dataset.labels.names)
    return [page.heading("Training"), page.picture(png, "Dice on patches guides the eye; it is not a result.")]


def _cases(rows: Sequence[Mapping[str, Any]], dataset: Dataset) -> list[str]:
    shown = {measure: TITLES[measure] for measure in ("dice", HD95, "nsd")}
    png = figures.distributions(rows, dataset.labels.names, shown)
    return [page.heading("Every held-out case"), page.picture(png, "A point a case; the bar is the median.")]


def _doubts(evaluation: EvaluationFolder) -> list[str]:
    found = [finding for finding in read_findings(evaluation.findings) if finding.severity is not Severity.INFO]
    if not found:
        return []
    rows = [[finding.rule, finding.where, finding.found, finding.remedy] for finding in found]
    return [page.heading("Predictions that need a look"), page.table(["rule", "where", "found", "what to do"], rows)]


def _worst(rows: Sequence[Mapping[str, Any]], folder: RunFolder, dataset: Dataset) -> list[str]:
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["dice"] is not None:
            scores.setdefault(row["case"], []).append(row["dice"])
    worst = sorted(scores, key=lambda name: (float(np.mean(scores[name])), name))[:_WORST]
    parts = [page.heading("The worst cases")]
    for name in worst:
        own = [row for row in rows if row["case"] == name and row["dice"] is not None]
        told = ", ".join(f"{row['label']} Dice {row['dice']:.3f} ({row['status']})" for row in own)
        pictured = _pictured(name, folder, dataset)
        if pictured is None:
            parts.append(page.paragraph(f"{name}: no prediction to show. {told}"))
            continue
        png = figures.three_planes(pictured, dataset.labels.values, dataset.labels.names)
        parts.append(page.picture(png, f"{name}: {told}. Planes with the most voxels that differ."))
    return parts


def _pictured(name: str, folder: RunFolder, dataset: Dataset) -> figures.PicturedCase | None:
    path = folder.predictions / f"{name}.nii.gz"
    if not path.is_file():
        return None
    case = read_case(dataset.folder, name)
    order = case.native.reorientation_to("RAS")
    ordered = case.native.reoriented(order)
    image = map_array(dataset.folder.case(name) / "image.npy")[0]
    return figures.PicturedCase(
        image=ordered_values(np.asarray(image), case.canonical, ordered),
        reference=order.apply(nifti.read_label(reference_of(dataset.folder, name)).voxels),
        prediction=order.apply(nifti.read_label(path).voxels),
        grid=ordered,
    )


def _data(dataset: Dataset, fold: int, known: Sequence[str]) -> list[str]:
    train, val = dataset.splits.folds[fold]
    counts = f"{len(train)} cases trained on, {len(val)} for validation, {len(dataset.splits.test)} for the test."
    told = [finding for finding in dataset.findings if finding.severity is not Severity.INFO]
    rows = [[f.rule + (" (expected)" if f.rule in known else ""), f.where, f.found, f.expected, f.remedy] for f in told]
    left_out = (
        [page.table(["rule", "where", "found", "expected", "what to do"], rows)]
        if rows
        else [page.paragraph("Nothing was left out.")]
    )
    plan = dataset.plan
    spacing = " x ".join(f"{step:.3g}" for step in plan.spacing_mm)
    patch = " x ".join(str(size) for size in plan.topology.patch)
    return [
        page.heading("Data"),
        page.paragraph(f"{counts} Patients are never parted. Data set {dataset.content_sha256[:16]}…"),
        page.heading("What was left out, or needs a look", 3),
        *left_out,
        page.heading("Plan"),
        page.paragraph(f"Patches of {patch} voxels at {spacing} mm, {plan.batch} a step."),
        page.table(["stage", "stride", "kernel", "why"], [
            [i, " ".join(map(str, stride)), " ".join(map(str, kernel)), reason]
            for i, (stride, kernel, reason) in enumerate(
                zip(plan.topology.strides, plan.topology.kernels, plan.topology.reasons)
            )
        ]),
    ]  # fmt: skip


def _origin(manifest: Mapping[str, Any]) -> list[str]:
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
        page.heading("Where it comes from"),
        page.table(["", ""], facts),
        page.folded("The whole manifest", manifest),
    ]
