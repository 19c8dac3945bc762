"""Reports of a classification: accuracy, confusion matrix, misclassified images, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gnomon.core.geometry import Grid
from gnomon.dataset.dataset import Dataset, class_and_patient
from gnomon.io.artifacts import map_array, read_json, write_text
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.reports.case_pictures import CaseImages, three_planes
from gnomon.reports.page import Heading, Paragraph, Part, Picture, Table, html
from gnomon.reports.run_report import provenance_parts, run_heading, training_parts
from gnomon.reports.spread import spread_sentence

_MOST_SHOWN = 6


def write_class_report(
    folder: RunFolder, dataset: Dataset, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write report.html from the artifacts of a finished, evaluated run."""
    manifest = read_json(folder.manifest, "the run")
    name, accuracy = str(manifest["config"]["name"]), summary["accuracy"]
    ci = "" if accuracy["lower"] is None else f" (95 % CI {accuracy['lower']:.3f} to {accuracy['upper']:.3f})"
    parts: list[Part] = [
        *run_heading(f"Classification {name}", manifest),
        Paragraph(
            f"Accuracy {accuracy['estimate']:.3f}{ci}, balanced accuracy {summary['balanced_accuracy']:.3f}, on "
            f"{summary['n_cases']} held-out images of {summary['n_patients']} patients.",
            "lead",
        ),
        Table(
            ["class", "images", "recall", "precision", "AUC"],
            [[one, v["n"], v["recall"], v["precision"], v["auc"]] for one, v in summary["classes"].items()],
        ),
        Heading("Confusion matrix"),
        _confusion_matrix(summary["confusion"]),
        *training_parts(
            folder,
            {"balanced_accuracy": ""},
            "balanced accuracy",
            "Balanced accuracy on validation images is a guide, not a result.",
        ),
        *_show_misclassified(dataset, summary, rows),
        *provenance_parts(manifest),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", parts))


def write_class_group_report(folder: GroupFolder, name: str, summary: Mapping[str, Any], n_runs: int) -> None:
    """Write report.html of several folds or seeds of a classification."""
    spread = spread_sentence(summary["between_seeds"], summary["seeds"])
    parts: list[Part] = [
        Heading(f"{name}: {n_runs} runs", 1),
        Paragraph(
            f"Accuracy {summary['accuracy']:.3f}, balanced accuracy {summary['balanced_accuracy']:.3f}, on "
            f"{summary['n_cases']} images, each classified by runs that were not trained on it. {spread}",
            "lead",
        ),
        Table(
            ["class", "recall", "standard deviation between seeds"],
            [[one, values["recall"], values["between_seeds"]] for one, values in summary["classes"].items()],
        ),
    ]
    for seed, one in summary["by_seed"].items():
        parts += [
            Heading(f"Seed {seed}"),
            _confusion_matrix(one["confusion"]),
            Paragraph(f"Misclassified: {', '.join(one['wrong']) or 'none'}.", "quiet"),
        ]
    parts.append(Paragraph("Each run has its own report, in its folder fold-F-seed-S.", "quiet"))
    write_text(folder.report, html(f"Gnomon: {name}", parts))


def _confusion_matrix(confusion: Mapping[str, Any]) -> Table:
    names = confusion["classes"]
    rows = [[truth, *counts] for truth, counts in zip(names, confusion["counts"])]
    return Table(["reference", *(f"predicted {name}" for name in names)], rows)


def _show_misclassified(dataset: Dataset, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The misclassified images with the highest probabilities, as the net sees them."""
    if not summary["wrong"]:
        return [Heading("Misclassified images"), Paragraph("None.")]
    wrong = [row for row in rows if row["case"] in summary["wrong"]]
    wrong.sort(key=lambda row: -float(row[f"p/{row['class']}"]))
    parts: list[Part] = [Heading("Misclassified images, most confident first")]
    for row in wrong[:_MOST_SHOWN]:
        image = np.array(map_array(dataset.folder.case(str(row["case"])) / "image.npy"))[0]
        truth, _ = class_and_patient(dataset.folder, str(row["case"]))
        text = (
            f"{row['case']}: {truth}, predicted {row['class']} with probability {float(row['p/' + row['class']]):.2f}"
        )
        grid, no_label = Grid.from_parts(image.shape, dataset.plan.spacing_mm), np.zeros(image.shape, np.uint8)
        parts.append(Picture(three_planes(CaseImages(image, no_label, no_label, grid), (), ()), text))
    return parts
