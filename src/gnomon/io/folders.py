"""Where each artifact lies: a folder a stage, and the paths of the files in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    def digests(self) -> Path:
        """digests.json: hashes of slices that share a place, so that unchanged ones are not decoded again."""
        return self.path / "digests.json"

    @property
    def staging(self) -> VolumesFolder:
        """Volumes that an audit has decoded and not judged yet; the conversion publishes or drops them."""
        return VolumesFolder(self.path / ".staged")

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

    def state(self, volume_id: str) -> Path:
        """A hash of sizes and times of the files that a volume was made from, on this machine."""
        return self.path / ".states" / f"{volume_id}.json"


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

    @property
    def spool(self) -> Path:
        """Folder of images that are parsed and not written yet; there while a preparation runs."""
        return self.path / ".spool"

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


@dataclass(frozen=True)
class AuditFolder:
    """What an audit found, and what it decided about every volume."""

    path: Path

    @property
    def index(self) -> Path:
        """audit.json: policy, rules, hashes, counts by decision and severity."""
        return self.path / "audit.json"

    @property
    def instances(self) -> Path:
        """instances.parquet: one row a file."""
        return self.path / "instances.parquet"

    @property
    def digests(self) -> Path:
        """digests.json: hashes of slices that share a place, so that unchanged ones are not decoded again."""
        return self.path / "digests.json"

    @property
    def slices(self) -> Path:
        """slices.parquet: one row a slice, the columns that rules look at."""
        return self.path / "slices.parquet"

    @property
    def volumes(self) -> Path:
        """volumes.parquet: one row a volume, with decision and reasons."""
        return self.path / "volumes.parquet"

    @property
    def table(self) -> Path:
        """volumes.csv: the same for a spreadsheet, the main columns."""
        return self.path / "volumes.csv"

    @property
    def measures(self) -> Path:
        """measures.parquet: what was measured in the pixels, one row a volume; kept from run to run."""
        return self.path / "measures.parquet"

    @property
    def findings(self) -> Path:
        """findings.parquet: every finding, with the slices it is about."""
        return self.path / "findings.parquet"

    @property
    def lines(self) -> Path:
        """findings.jsonl: the same, a line each."""
        return self.path / "findings.jsonl"

    @property
    def sarif(self) -> Path:
        """findings.sarif: the same for code-scanning services (SARIF 2.1.0)."""
        return self.path / "findings.sarif"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def pseudonyms(self) -> Path:
        """The one local file that links pseudonyms to patients and paths."""
        return self.path / "pseudonyms.json"

    @property
    def spool(self) -> Path:
        """What had to be unpacked to be read; removed at the end."""
        return self.path / ".spool"

    def thumbnail(self, volume_id: str) -> Path:
        """Three planes of a volume."""
        return self.path / "thumbnails" / f"{volume_id}.png"
