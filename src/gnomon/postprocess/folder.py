"""The stage: rules and predictions/ -> predictions/ with the same headers, and a list of changes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from gnomon.core.alignment import compare_grids
from gnomon.core.geometry import Grid
from gnomon.io.artifacts import write_findings, write_rows
from gnomon.io.console import show_progress
from gnomon.io.folders import PredictionsFolder
from gnomon.io.images import images_in_folder, read_image, read_label, write_like
from gnomon.postprocess.apply import CHANGE_COLUMNS, Change, apply_rules
from gnomon.postprocess.rule_set import RuleSet, write_rule_set
from gnomon.rules.catalogue.postprocessing import INVALID_PROBABILITIES, MISSING_PROBABILITIES, OUTPUT_IS_INPUT
from gnomon.rules.catalogue.usage import MISSING_FOLDER
from gnomon.rules.finding import Finding, Refusal

_ROUNDING = 1e-3  # of a probability stored with few bits


def apply_to_folder(
    spec: RuleSet, predictions: Path, output: Path, probabilities: Path | None = None, workers: int = 2
) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Apply rules to every NIfTI file of a folder.

    Args:
        probabilities: folder of `<label>/<case>.nii.gz`; None: `probabilities` in the folder of predictions.

    Returns:
        One finding per case that could not be processed, and one row per change, as in changes.csv.

    Raises:
        Refusal: USE101, no predictions; POS105, the output is the input.
    """
    files = images_in_folder(predictions) if predictions.is_dir() else {}
    if not files:
        raise MISSING_FOLDER.refusal(str(predictions), found="no NIfTI file", expected="a folder of predictions")
    if output.resolve() == predictions.resolve():
        raise OUTPUT_IS_INPUT.refusal(str(output), found="the folder of the predictions")
    source = probabilities or PredictionsFolder(predictions).probabilities
    run = joblib.Parallel(n_jobs=max(1, min(workers, os.cpu_count() or 1)), return_as="generator")
    jobs = run(joblib.delayed(_apply_to_case)(spec, name, path, source, output) for name, path in files.items())
    done = list(show_progress(jobs, len(files), "applying rules"))
    findings = [finding for found, _ in done for finding in found]
    rows = [row for _, changed in done for row in changed]
    write_changes(PredictionsFolder(output), spec, rows)
    write_findings(output / "findings.jsonl", findings)
    return findings, rows


def write_changes(folder: PredictionsFolder, spec: RuleSet, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write changes.csv and the rules that made the changes."""
    write_rows(folder.changes, list(rows), ("case", *CHANGE_COLUMNS))
    write_rule_set(folder.rules, spec, f"applied; sha256 {spec.sha256}")


def add_changes(folder: PredictionsFolder, spec: RuleSet, case: str, changes: Iterable[Change]) -> None:
    """Add the changes of a case to changes.csv; call it before the case is written, so that no change is unlisted."""
    listed = list(csv.DictReader(io.StringIO(folder.changes.read_text()))) if folder.changes.is_file() else []
    rows: list[Mapping[str, Any]] = [row for row in listed if row["case"] != case]
    write_changes(folder, spec, [*rows, *change_rows(case, changes)])


def change_rows(case: str, changes: Iterable[Change]) -> list[dict[str, Any]]:
    """One row per change."""
    return [{"case": case, **asdict(one), "at_mm": " ".join(f"{place:.1f}" for place in one.at_mm)} for one in changes]


def read_probabilities(spec: RuleSet, case: str, folder: Path, grid: Grid) -> dict[str, NDArray[Any]]:
    """Read the probabilities that the rules need, by label (x, y, z).

    Raises:
        Refusal: POS103 a file is missing, POS104 it is on another grid or holds no probabilities.
    """
    shares: dict[str, NDArray[Any]] = {}
    for label in spec.reads_probability:
        path = folder / label / f"{case}.nii.gz"
        where = f"case {case}, probability of {label}"
        if not path.is_file():
            raise MISSING_PROBABILITIES.refusal(where, found="no such file", expected=f"{label}/{case}.nii.gz")
        image = read_image(path)
        if compare_grids(grid, image.grid).state != "identical":
            raise INVALID_PROBABILITIES.refusal(
                where, found=f"another grid ({image.grid})", expected=f"the grid of the prediction ({grid})"
            )
        if image.voxels.min() < -_ROUNDING or image.voxels.max() > 1 + _ROUNDING:
            raise INVALID_PROBABILITIES.refusal(
                where,
                found=f"values from {image.voxels.min():g} to {image.voxels.max():g}",
                expected="probabilities from 0 to 1",
                remedy="Write probabilities instead of logits or percentages.",
            )
        shares[label] = image.voxels
    return shares


def _apply_to_case(
    spec: RuleSet, name: str, path: Path, probabilities: Path, output: Path
) -> tuple[list[Finding], list[dict[str, Any]]]:
    try:
        image = read_label(path)
        shares = read_probabilities(spec, name, probabilities, image.grid)
        voxels, changes = apply_rules(spec, image.voxels, image.grid, shares)
    except Refusal as refusal:
        return list(refusal.findings), []
    kind = np.uint8 if voxels.max(initial=0) < 256 and max(spec.scheme.values) < 256 else np.uint16
    write_like(PredictionsFolder(output).path / f"{name}.nii.gz", voxels.astype(kind), image.header)
    return [], change_rows(name, changes)
