"""report.html of a classification: how sure, who is taken for whom, every wrong image, where it comes from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gnomon.core.geometry import Grid
from gnomon.dataset.dataset import Dataset, class_and_patient
from gnomon.io.artifacts import map_array, read_json, write_text
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.reports import figures
from gnomon.reports.cases import PicturedCase, three_planes
from gnomon.reports.page import Heading, Paragraph, Part, Picture, Table, html
from gnomon.reports.run_report import origin_parts

_SHOWN = 6


def write_class_report(
    folder: RunFolder, dataset: Dataset, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write report.html from the artifacts of a finished, judged run."""
    manifest = read_json(folder.manifest, "the run")
    name, accuracy = str(manifest["config"]["name"]), summary["accuracy"]
    sure = "" if accuracy["lower"] is None else f" (95 % interval {accuracy['lower']:.3f} to {accuracy['upper']:.3f})"
    names = dataset.labels.names
    parts: list[Part] = [
        Heading(f"Classification {name}", 1),
        Paragraph(f"seed {manifest['seed']}, weights {manifest['weights_sha256'][:16]}…", "quiet"),
        Paragraph(
            f"Accuracy {accuracy['estimate']:.3f}{sure}, balanced {summary['balanced_accuracy']:.3f}, of "
            f"{summary['n_cases']} held-out images of {summary['n_patients']} patients.",
            "lead",
        ),
        Table(
            ["class", "images", "recall", "precision", "AUC"],
            [[one, v["n"], v["recall"], v["precision"], v["auc"]] for one, v in summary["classes"].items()],
        ),
        Heading("Who is taken for whom"),
        Table(
            ["truth", *(f"found {one}" for one in names)],
            [[one, *counts] for one, counts in zip(names, summary["confusion"]["counts"])],
        ),
        Heading("Training"),
        _curves(folder),
        *_wrong(dataset, summary, rows),
        *origin_parts(manifest),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", parts))


def write_class_group_report(folder: GroupFolder, name: str, summary: Mapping[str, Any], n_runs: int) -> None:
    """Write report.html of several folds or seeds of a classification."""
    spread, seeds = summary["between_seeds"], summary["seeds"]
    said = (
        "One seed: how far another would differ is not shown here."
        if spread is None
        else (f"Standard deviation between {len(seeds)} seeds: {spread:.4f}.")
    )
    parts: list[Part] = [
        Heading(f"{name}: {n_runs} runs", 1),
        Paragraph(
            f"Accuracy {summary['accuracy']:.3f}, balanced {summary['balanced_accuracy']:.3f}, of "
            f"{summary['n_cases']} images, each by runs that did not see it. {said}",
            "lead",
        ),
        Table(
            ["class", "recall", "standard deviation between seeds"],
            [[one, values["recall"], values["between_seeds"]] for one, values in summary["classes"].items()],
        ),
    ]
    for seed, one in summary["by_seed"].items():
        names = one["confusion"]["classes"]
        counts = [[truth, *found] for truth, found in zip(names, one["confusion"]["counts"])]
        parts += [
            Heading(f"Seed {seed}"),
            Table(["truth", *(f"found {each}" for each in names)], counts),
            Paragraph(f"Wrong: {', '.join(one['wrong']) or 'none'}.", "quiet"),
        ]
    parts.append(Paragraph("Each run has a report of its own in its folder, fold-F-seed-S.", "quiet"))
    write_text(folder.report, html(f"Gnomon: {name}", parts))


def _curves(folder: RunFolder) -> Picture:
    with folder.metrics.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    png = figures.class_curves(rows)
    return Picture(png, "Balanced accuracy on validation images guides the eye; it is not a result.")


def _wrong(dataset: Dataset, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The wrong images that the net was surest of, as it sees them."""
    if not summary["wrong"]:
        return [Heading("Wrong images"), Paragraph("None.")]
    wrong = [row for row in rows if row["case"] in summary["wrong"]]
    wrong.sort(key=lambda row: -float(row[f"p/{row['class']}"]))
    parts: list[Part] = [Heading("Wrong images, the surest first")]
    for row in wrong[:_SHOWN]:
        image = np.array(map_array(dataset.folder.case(str(row["case"])) / "image.npy"))[0]
        truth, _ = class_and_patient(dataset.folder, str(row["case"]))
        text = f"{row['case']}: {truth}, found {row['class']} with {float(row['p/' + row['class']]):.2f}"
        grid, nothing = Grid.from_parts(image.shape, dataset.plan.spacing_mm), np.zeros(image.shape, np.uint8)
        parts.append(Picture(three_planes(PicturedCase(image, nothing, nothing, grid), (), ()), text))
    return parts
