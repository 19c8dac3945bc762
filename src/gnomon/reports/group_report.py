"""report.html of a group of runs: the mean over seeds, the spread between them, each seed by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.evaluation import column_title, measure_entries
from gnomon.io.artifacts import write_text
from gnomon.io.folders import GroupFolder
from gnomon.reports.page import Heading, Paragraph, Part, Table, html


def write_group_report(
    folder: GroupFolder, name: str, summary: Mapping[str, Any], dataset: Dataset, n_runs: int
) -> None:
    """Write report.html from the summary of a finished group."""
    seeds = summary["seeds"]
    side = "the test set, by all folds together" if dataset.splits.test else "every case by a run that did not see it"
    if len(dataset.splits.folds) * len(seeds) != n_runs:
        side = "the held-out cases of one fold"
    mean = "not measurable" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    spread = summary["between_seeds"]
    said = (
        "One seed: how far another would differ is not shown here."
        if spread is None
        else (f"Standard deviation between {len(seeds)} seeds: {spread:.4f}.")
    )
    headline = [entry for entry in measure_entries(next(iter(summary["by_seed"].values()))) if entry["headline"]]
    sections: list[Part] = [
        Heading(f"{name}: {n_runs} runs", 1),
        Paragraph(f"Mean Dice {mean}, {summary['n_cases']} held-out cases: {side}. {said}", "lead"),
        Table(
            ["label", "mean Dice", "standard deviation between seeds"],
            [[label, values["dice"], values["between_seeds"]] for label, values in summary["labels"].items()],
        ),
        Heading("Each seed"),
        Table(
            ["seed", "label", "n", "missed", *(column_title(entry) for entry in headline)],
            [
                [seed, label, values["n"], values["missed"], *(values[entry["name"]] for entry in headline)]
                for seed, one in summary["by_seed"].items()
                for label, values in one["labels"].items()
            ],
        ),
        Paragraph("Each run has a report of its own in its folder, fold-F-seed-S.", "quiet"),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", sections))
