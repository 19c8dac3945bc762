"""Report of several runs: mean over seeds, variation between seeds, and each seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.evaluation import column_title, measure_entries
from gnomon.io.artifacts import write_text
from gnomon.io.folders import GroupFolder
from gnomon.reports.page import Heading, Paragraph, Part, Table, html
from gnomon.reports.spread import spread_sentence


def write_group_report(
    folder: GroupFolder, name: str, summary: Mapping[str, Any], dataset: Dataset, n_runs: int
) -> None:
    """Write report.html from the summary of a finished group."""
    seeds = summary["seeds"]
    side = "test set, ensemble of all folds" if dataset.splits.test else "each predicted by a run not trained on it"
    if len(dataset.splits.folds) * len(seeds) != n_runs:
        side = "those of one fold"
    mean = "not measurable" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    spread = spread_sentence(summary["between_seeds"], seeds)
    headline = [entry for entry in measure_entries(next(iter(summary["by_seed"].values()))) if entry["headline"]]
    sections: list[Part] = [
        Heading(f"{name}: {n_runs} runs", 1),
        Paragraph(f"Mean Dice {mean}, {summary['n_cases']} held-out cases ({side}). {spread}", "lead"),
        Table(
            ["label", "mean Dice", "standard deviation between seeds"],
            [[label, values["dice"], values["between_seeds"]] for label, values in summary["labels"].items()],
        ),
        Heading("Scores per seed"),
        Table(
            ["seed", "label", "n", "missed", *(column_title(entry) for entry in headline)],
            [
                [seed, label, values["n"], values["missed"], *(values[entry["name"]] for entry in headline)]
                for seed, one in summary["by_seed"].items()
                for label, values in one["labels"].items()
            ],
        ),
        Paragraph("Each run has its own report, in its folder fold-F-seed-S.", "quiet"),
    ]
    write_text(folder.report, html(f"Gnomon: {name}", sections))
