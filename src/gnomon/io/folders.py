"""Where each artifact lies: one class per folder, one attribute per file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast


class Inside:
    """A file or folder with a fixed name inside the folder of an artifact."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Any, owner: type | None = None) -> Path:
        """Its path inside `folder.path`."""
        if folder is None:
            raise AttributeError(f"{self._name} lies in a folder, not in a class of folders")
        return cast(Path, folder.path / self._name)


@dataclass(frozen=True)
class VolumesFolder:
    """Converted volumes in real-world values, each traceable to its DICOM files."""

    path: Path

    index = Inside("volumes.json")
    """Schema, decisions and hashes of every volume, including those refused."""

    table = Inside("volumes.csv")
    """The same for a spreadsheet."""

    findings = Inside("findings.jsonl")
    """One finding per line."""

    instances = Inside("instances.parquet")
    """Index of the export, one row per file."""

    spool = Inside(".spool")
    """Unpacked archives; exists while a conversion runs."""

    digests = Inside("digests.json")
    """Hashes of slices at the same position, so that unchanged ones are not decoded again."""

    @property
    def staging(self) -> VolumesFolder:
        """Volumes that an audit has decoded and not judged yet; the conversion publishes or deletes them."""
        return VolumesFolder(self.path / ".staged")

    pseudonyms = Inside("pseudonyms.json")
    """The only file that links patients and pseudonyms; readable by its owner alone."""

    def image(self, volume_id: str) -> Path:
        """`<volume_id>.nii.gz` in real-world values."""
        return self.path / f"{volume_id}.nii.gz"

    def padding(self, volume_id: str) -> Path:
        """`<volume_id>.padding.nii.gz`, where the scanner declared padding."""
        return self.path / f"{volume_id}.padding.nii.gz"

    def sidecar(self, volume_id: str) -> Path:
        """`<volume_id>.json`: slice -> SOPInstanceUID, findings, provenance."""
        return self.path / f"{volume_id}.json"

    def state(self, volume_id: str) -> Path:
        """A hash of sizes and times of the source files of a volume, on this machine."""
        return self.path / ".states" / f"{volume_id}.json"


@dataclass(frozen=True)
class DatasetFolder:
    """A canonical training set."""

    path: Path

    index = Inside("dataset.json")
    """Labels, fingerprint, plan, content hash, cases; written last."""

    splits = Inside("splits.json")
    """Folds and test set."""

    findings = Inside("findings.jsonl")
    """One finding per line."""

    surveys = Inside("surveys.parquet")
    """What each raw case showed, so that unchanged ones are not read again."""

    spool = Inside(".spool")
    """Images that are read and not written yet; exists while a preparation runs."""

    def case(self, name: str) -> Path:
        """Folder of one case: image.npy, label.npy, foreground.npy, native label, case.json."""
        return self.path / "cases" / name


@dataclass(frozen=True)
class RunFolder:
    """One training run."""

    path: Path

    config = Inside("config.yaml")
    """The resolved configuration."""

    manifest = Inside("manifest.json")
    """The manifest, with `weights_sha256`; written when training has finished."""

    metrics = Inside("metrics.csv")
    """One row per epoch."""

    plan = Inside("plan.json")
    """Everything that inference needs besides the weights."""

    checkpoints = Inside("checkpoints")
    """best.ckpt and last.ckpt."""

    weights = Inside("checkpoints/weights.safetensors")
    """The final, averaged weights."""

    def replay(self, step: int) -> Path:
        """The batch on which a training failed."""
        return self.path / "replay" / f"step-{step:06d}.safetensors"

    profile = Inside("profile.txt")
    """Profile of the training, on request."""

    predictions = Inside("predictions")
    """Predictions of the held-out cases."""

    evaluation = Inside("evaluation")
    """Evaluation of the held-out cases."""

    report = Inside("report.html")
    """The report."""

    pdf = Inside("report.pdf")
    """The report as a PDF, for a submission."""


@dataclass(frozen=True)
class GroupFolder:
    """Runs of several folds or seeds, and their joint results."""

    path: Path

    config = Inside("config.yaml")
    """The resolved configuration of all runs."""

    members = Inside("members.json")
    """Fold, seed, folder and hash of every run; written when all have finished."""

    def member(self, fold: int, seed: int) -> RunFolder:
        """The run of one fold and seed."""
        return RunFolder(self.path / f"fold-{fold}-seed-{seed}")

    def predictions(self, seed: int) -> Path:
        """Predictions of one seed: each held-out case, by the run that did not train on it, or by the ensemble."""
        return self.path / "predictions" / f"seed-{seed}"

    def evaluation(self, seed: int) -> Path:
        """Evaluation of one seed."""
        return self.path / "evaluation" / f"seed-{seed}"

    summary = Inside("summary.json")
    """Means over the seeds and their spread."""

    report = Inside("report.html")
    """The report."""


@dataclass(frozen=True)
class PredictionsFolder:
    """Predicted label maps, one per case; on request their probabilities."""

    path: Path

    probabilities = Inside("probabilities")
    """One folder per label with NIfTI files."""

    def probability(self, label: str, case: str) -> Path:
        """Probability map of a label for one case."""
        return self.probabilities / label / f"{case}.nii.gz"

    classes = Inside("classes.csv")
    """Classification: one row per image, with its class and the probability of each class."""

    changes = Inside("changes.csv")
    """One row per component that a rule removed or hole that it filled."""

    rules = Inside("rules.yaml")
    """The rules that were applied."""

    def of_case(self, case: str) -> list[Path]:
        """Existing files of a case. The label map comes last, because it is written last."""
        return [*sorted(self.probabilities.glob(f"*/{case}.nii.gz")), self.path / f"{case}.nii.gz"]


@dataclass(frozen=True)
class SearchFolder:
    """Rules of postprocessing, and the search that chose them."""

    path: Path

    rules = Inside("rules.yaml")
    """The rules adopted; may be none."""

    search = Inside("search.json")
    """Every rule tried for each structure, and its result."""

    parts = Inside("parts.csv")
    """One row per predicted component."""

    findings = Inside("findings.jsonl")
    """One finding per line."""

    report = Inside("report.html")
    """The report."""


@dataclass(frozen=True)
class EvaluationFolder:
    """Metrics of predictions against references."""

    path: Path

    cases = Inside("cases.csv")
    """One row per case and label."""

    lesions = Inside("lesions.csv")
    """One row per lesion, where lesions are evaluated."""

    report = Inside("report.html")
    """The report."""

    pdf = Inside("report.pdf")
    """The report as a PDF, for a submission."""

    challenge = Inside("challenge.csv")
    """Scores of a public challenge, where one is named."""

    subgroups = Inside("subgroups.csv")
    """One row per group, label and measure, where there is a table to group by."""

    summary = Inside("summary.json")
    """Statistics over the cases."""

    findings = Inside("findings.jsonl")
    """One finding per line."""


@dataclass(frozen=True)
class AuditFolder:
    """Findings of an audit, and its decision on every volume."""

    path: Path

    index = Inside("audit.json")
    """Policy, rules, hashes, counts by decision and severity."""

    instances = Inside("instances.parquet")
    """One row per file."""

    digests = Inside("digests.json")
    """Hashes of slices at the same position, so that unchanged ones are not decoded again."""

    slices = Inside("slices.parquet")
    """One row per slice, with the columns that rules use."""

    volumes = Inside("volumes.parquet")
    """One row per volume, with decision and reasons."""

    table = Inside("volumes.csv")
    """The main columns of it, for a spreadsheet."""

    measures = Inside("measures.parquet")
    """Measurements of the pixels, one row per volume; reused by later runs."""

    findings = Inside("findings.parquet")
    """Every finding, with the slices it concerns."""

    lines = Inside("findings.jsonl")
    """The same, one line per finding."""

    sarif = Inside("findings.sarif")
    """The same for code-scanning services (SARIF 2.1.0)."""

    report = Inside("report.html")
    """The report."""

    pseudonyms = Inside("pseudonyms.json")
    """The only file that links pseudonyms to patients and paths."""

    spool = Inside(".spool")
    """Unpacked archives; removed at the end."""

    def thumbnail(self, volume_id: str) -> Path:
        """Three planes of a volume, as a picture."""
        return self.path / "thumbnails" / f"{volume_id}.png"
