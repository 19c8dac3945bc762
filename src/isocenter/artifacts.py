"""The on-disk contracts between the stages: what lies where, and writes that a kill cannot tear.

Every file is written beside its place and renamed into it, so a reader sees the old artifact or the new
one, never a part. JSON is strict: no NaN, no Infinity.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isocenter.findings import Finding, Severity, refuse


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` for the caller to write; it becomes `path` when the block ends well.

    The name keeps the suffixes, because libraries choose the format by them. What an earlier, killed
    writer of the same path left behind is removed. Works for a file and for a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".part-*-{path.name}"):
        _remove(leftover)
    temporary = path.parent / f".part-{os.getpid()}-{path.name}"
    try:
        yield temporary
        if temporary.is_dir():
            _remove(path)
        elif temporary.is_file():
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, values: Any) -> None:
    """Write strict, indented JSON; a NaN raises ValueError rather than becoming a token no parser takes."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read JSON, or refuse in the user's words; `what` names the artifact, as 'the data set'."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise refuse(
            "ART101", str(path), "no such file", f"the {path.name} of {what}",
            "Check the path, or run the stage that writes it.",
        ) from None  # fmt: skip
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise refuse(
            "ART102", str(path), f"a file that cannot be read ({error})", f"the {path.name} of {what}, in JSON",
            "Restore the file, or run the stage that writes it again.",
        ) from None  # fmt: skip


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write a CSV table; None becomes an empty cell, floats keep every digit."""
    names = list(columns or (rows[0] if rows else ()))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(row.get(name)) for name in names} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, (float, np.floating)) else value


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as .npy, which can be memory-mapped."""
    whole = np.ascontiguousarray(array)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(whole))
        stream.write(whole.reshape(-1).view(np.uint8).data)  # np.save would hide why a write fails


def map_array(path: Path) -> NDArray[Any]:
    """Open an .npy without reading it: pages come in as they are touched."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write findings as JSON lines, in the order given."""
    write_text(path, "".join(json.dumps(finding.as_row()) + "\n" for finding in findings))


def read_findings(path: Path) -> list[Finding]:
    """The findings that `write_findings` wrote; none where the file is absent."""
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Finding(**{**row, "severity": Severity(row["severity"])}) for row in rows]


@dataclass(frozen=True)
class VolumesFolder:
    """Converted volumes in real-world values, with the way back to every DICOM file."""

    path: Path

    @property
    def index(self) -> Path:
        """volumes.json: schema, decisions and hashes of every volume, the refused ones too."""
        return self.path / "volumes.json"

    @property
    def table(self) -> Path:
        """volumes.csv: the same, to look at."""
        return self.path / "volumes.csv"

    @property
    def findings(self) -> Path:
        """findings.jsonl."""
        return self.path / "findings.jsonl"

    @property
    def instances(self) -> Path:
        """instances.parquet: the index of the export, one typed row a file."""
        return self.path / "instances.parquet"

    @property
    def spool(self) -> Path:
        """Folder of compressed archives in their unpacked form; there while a conversion runs."""
        return self.path / ".spool"

    @property
    def pseudonyms(self) -> Path:
        """pseudonyms.json: the one file that links patients and pseudonyms; owner-only."""
        return self.path / "pseudonyms.json"

    def image(self, volume_id: str) -> Path:
        """`<volume_id>.nii.gz` in real-world values."""
        return self.path / f"{volume_id}.nii.gz"

    def padding(self, volume_id: str) -> Path:
        """`<volume_id>.padding.nii.gz`, where the scanner declared padding."""
        return self.path / f"{volume_id}.padding.nii.gz"

    def sidecar(self, volume_id: str) -> Path:
        """`<volume_id>.json`: slice -> SOPInstanceUID, findings, provenance."""
        return self.path / f"{volume_id}.json"


@dataclass(frozen=True)
class DatasetFolder:
    """A canonical training set."""

    path: Path

    @property
    def index(self) -> Path:
        """dataset.json: labels, fingerprint, plan, content hash, cases; written last."""
        return self.path / "dataset.json"

    @property
    def splits(self) -> Path:
        """splits.json."""
        return self.path / "splits.json"

    @property
    def findings(self) -> Path:
        """findings.jsonl."""
        return self.path / "findings.jsonl"

    def case(self, name: str) -> Path:
        """Folder of one case: image.npy, label.npy, foreground.npy, native label, case.json."""
        return self.path / "cases" / name


@dataclass(frozen=True)
class RunFolder:
    """One training run."""

    path: Path

    @property
    def config(self) -> Path:
        """config.yaml: the resolved configuration."""
        return self.path / "config.yaml"

    @property
    def manifest(self) -> Path:
        """manifest.json, with `weights_sha256`; written when training is done."""
        return self.path / "manifest.json"

    @property
    def metrics(self) -> Path:
        """metrics.csv: a row an epoch."""
        return self.path / "metrics.csv"

    @property
    def plan(self) -> Path:
        """plan.json: everything that inference needs besides the weights."""
        return self.path / "plan.json"

    @property
    def checkpoints(self) -> Path:
        """checkpoints/{best,last}.ckpt."""
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        """checkpoints/weights.safetensors: the final, averaged weights."""
        return self.checkpoints / "weights.safetensors"

    def replay(self, step: int) -> Path:
        """replay/step-N.safetensors: the batch on which a training broke down."""
        return self.path / "replay" / f"step-{step:06d}.safetensors"

    @property
    def profile(self) -> Path:
        """profile.txt: where the time went, if that was asked for."""
        return self.path / "profile.txt"

    @property
    def predictions(self) -> Path:
        """predictions/ of the held-out cases."""
        return self.path / "predictions"

    @property
    def evaluation(self) -> Path:
        """evaluation/ of the held-out cases."""
        return self.path / "evaluation"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"

    @property
    def pdf(self) -> Path:
        """report.pdf: the same for a submission file."""
        return self.path / "report.pdf"


@dataclass(frozen=True)
class GroupFolder:
    """Runs of several folds or seeds, and what they say together."""

    path: Path

    @property
    def config(self) -> Path:
        """config.yaml: the resolved configuration of all."""
        return self.path / "config.yaml"

    @property
    def members(self) -> Path:
        """members.json: fold, seed, folder and hash of every run; written when all are done."""
        return self.path / "members.json"

    def member(self, fold: int, seed: int) -> RunFolder:
        """The run of one fold and seed."""
        return RunFolder(self.path / f"fold-{fold}-seed-{seed}")

    def predictions(self, seed: int) -> Path:
        """predictions/seed-N: each held-out case, by a run that did not see it or by all of the seed's."""
        return self.path / "predictions" / f"seed-{seed}"

    def evaluation(self, seed: int) -> Path:
        """evaluation/seed-N."""
        return self.path / "evaluation" / f"seed-{seed}"

    @property
    def summary(self) -> Path:
        """summary.json: means over the seeds and the spread between them."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"


@dataclass(frozen=True)
class PredictionsFolder:
    """Predicted label files, one a case; on request the probabilities they come from."""

    path: Path

    @property
    def probabilities(self) -> Path:
        """A folder of NIfTI files for each label."""
        return self.path / "probabilities"

    def probability(self, label: str, case: str) -> Path:
        """Where a case's probability of a label lies."""
        return self.probabilities / label / f"{case}.nii.gz"

    @property
    def classes(self) -> Path:
        """classes.csv: of a classification a row an image, its class and a probability of each."""
        return self.path / "classes.csv"

    @property
    def changes(self) -> Path:
        """changes.csv: a row a part that rules removed, or a hole that they filled."""
        return self.path / "changes.csv"

    @property
    def rules(self) -> Path:
        """rules.yaml: the rules that were applied."""
        return self.path / "rules.yaml"

    def of_case(self, case: str) -> list[Path]:
        """The files of a case that are there; its labels come last, so that they say that the others are whole."""
        return [*sorted(self.probabilities.glob(f"*/{case}.nii.gz")), self.path / f"{case}.nii.gz"]


@dataclass(frozen=True)
class SearchFolder:
    """Rules of postprocessing, and why they are these."""

    path: Path

    @property
    def rules(self) -> Path:
        """rules.yaml: what was adopted; may be none."""
        return self.path / "rules.yaml"

    @property
    def search(self) -> Path:
        """search.json: what was tried, for every structure, and what became of it."""
        return self.path / "search.json"

    @property
    def parts(self) -> Path:
        """parts.csv: a row a predicted part."""
        return self.path / "parts.csv"

    @property
    def findings(self) -> Path:
        """findings.jsonl."""
        return self.path / "findings.jsonl"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"


@dataclass(frozen=True)
class EvaluationFolder:
    """Metrics of predictions against references."""

    path: Path

    @property
    def cases(self) -> Path:
        """cases.csv: one row a case and label."""
        return self.path / "cases.csv"

    @property
    def lesions(self) -> Path:
        """lesions.csv: one row a lesion, where lesions are judged."""
        return self.path / "lesions.csv"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"

    @property
    def pdf(self) -> Path:
        """report.pdf: the same for a submission file."""
        return self.path / "report.pdf"

    @property
    def challenge(self) -> Path:
        """challenge.csv: a public challenge's own scores, where one is named."""
        return self.path / "challenge.csv"

    @property
    def subgroups(self) -> Path:
        """subgroups.csv: one row a group, label and measure, where there is a table to group by."""
        return self.path / "subgroups.csv"

    @property
    def summary(self) -> Path:
        """summary.json."""
        return self.path / "summary.json"

    @property
    def findings(self) -> Path:
        """findings.jsonl."""
        return self.path / "findings.jsonl"
