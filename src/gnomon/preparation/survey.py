"""Survey of raw cases: each is parsed once, checked and measured; what an unchanged case showed is kept.

Whether a case has changed is decided by sizes and times of its files. What was parsed waits in a spool until the case
is written, because the plan needs the statistics of all cases.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.provenance import sha256_of_file, sha256_of_values
from gnomon.io.artifacts import finding_of, write_table
from gnomon.io.folders import DatasetFolder
from gnomon.preparation.fingerprint import CaseStatistics
from gnomon.rules.finding import Finding

_VERSION = "1"
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "name": pl.String,
    "state": pl.String,
    "files_sha256": pl.String,
    "findings": pl.String,
    "shape": pl.List(pl.Int64),
    "spacing_mm": pl.List(pl.Float64),
    "intensities": pl.List(pl.Float32),
    "voxels": pl.String,
}


@dataclass(frozen=True)
class CaseSurvey:
    """What the survey of one case found.

    Attributes:
        statistics: None where the case has an error and is left out.
        findings: errors and warnings.
        files_sha256: hash of the contents of its files; empty where the case is left out.
    """

    name: str
    statistics: CaseStatistics | None
    findings: tuple[Finding, ...]
    files_sha256: str = ""


def file_state(paths: Sequence[Path], *values: Any) -> str:
    """Hash of paths, sizes and times of files, and of the values that matter beside them; missing files count too."""
    files = [(path, path.stat() if path.is_file() else None) for path in paths]
    stamps = [[str(path.resolve()), status and [status.st_size, status.st_mtime_ns]] for path, status in files]
    return sha256_of_values([_VERSION, stamps, *values])


def content_hash(paths: Sequence[Path]) -> str:
    """Hash of the contents of a case's files."""
    return sha256_of_values([sha256_of_file(path) for path in paths])


def survey_cases(
    folder: DatasetFolder,
    states: Mapping[str, str],
    survey: Callable[[Sequence[str]], Iterable[CaseSurvey]],
    *,
    verify: bool,
) -> list[CaseSurvey]:
    """The survey of every case: those of unchanged cases from the last run, the others anew.

    Args:
        folder: where surveys are kept.
        states: `file_state` of each case, by name.
        survey: surveys the cases with these names, in order.
        verify: whether all cases are surveyed anew.
    """
    known = {} if verify else _read(folder, states)
    names = [name for name in states if name not in known]
    if names:
        known |= {found.name: found for found in survey(names)}
    surveys = [known[name] for name in states]
    if names or not folder.surveys.is_file():
        write_table(folder.surveys, pl.DataFrame([_row(one, states[one.name]) for one in surveys], schema=_SCHEMA))
    return surveys


def _row(survey: CaseSurvey, state: str) -> dict[str, Any]:
    statistics = survey.statistics
    return {
        "name": survey.name,
        "state": state,
        "files_sha256": survey.files_sha256,
        "findings": json.dumps([finding.as_row() for finding in survey.findings]),
        "shape": None if statistics is None else list(statistics.shape),
        "spacing_mm": None if statistics is None else list(statistics.spacing_mm),
        "intensities": None if statistics is None else list(statistics.intensities),
        "voxels": None if statistics is None else json.dumps(statistics.voxels),
    }


def _read(folder: DatasetFolder, states: Mapping[str, str]) -> dict[str, CaseSurvey]:
    if not folder.surveys.is_file():
        return {}
    try:
        rows = pl.read_parquet(folder.surveys).to_dicts()
        return {row["name"]: _survey_of(row) for row in rows if states.get(row["name"]) == row["state"]}
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError, TypeError):  # damaged: surveyed anew
        return {}


def _survey_of(row: Mapping[str, Any]) -> CaseSurvey:
    statistics = None
    if row["shape"] is not None:
        (i, j, k), (x, y, z) = row["shape"], row["spacing_mm"]
        statistics = CaseStatistics(
            row["name"], (i, j, k), (x, y, z), tuple(row["intensities"]), json.loads(row["voxels"])
        )
    findings = tuple(finding_of(one) for one in json.loads(row["findings"]))
    return CaseSurvey(row["name"], statistics, findings, row["files_sha256"])
