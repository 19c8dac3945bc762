"""A prepared data set as read from its folder: the contract between preparation and every later stage."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.dataset.plan import Plan
from gnomon.dataset.splits import Splits
from gnomon.io.artifacts import read_findings, read_json
from gnomon.io.folders import DatasetFolder
from gnomon.rules.finding import Finding

SCHEMA = "gnomon/dataset/2"


@dataclass(frozen=True)
class Dataset:
    """A prepared data set, as read from its folder.

    Attributes:
        labels: the structures, or the classes of a classification.
        task: 'segmentation' or 'classification'.
        audit: hash of the audit that the data passed; `files` where there was no DICOM, or `off`.
    """

    folder: DatasetFolder
    labels: LabelScheme
    plan: Plan
    splits: Splits
    content_sha256: str
    findings: tuple[Finding, ...]
    task: str = "segmentation"
    audit: str = "off"


@dataclass(frozen=True)
class Case:
    """One prepared case, as read from its case.json.

    Attributes:
        header: NIfTI header of the image, so that a prediction keeps its affine to the bit.
        background: value assumed outside the image, in the unit of the network input.
        foreground: number of voxels of each channel, in the order of foreground.npy.
        annotated: channels that were annotated; None: all.
        patient: pseudonym of the patient.
    """

    name: str
    native: Grid
    canonical: Grid
    header: nib.Nifti1Header
    background: float
    foreground: dict[int, int]
    annotated: tuple[int, ...] | None = None
    patient: str = ""


def read_dataset(path: Path) -> Dataset:
    """Open a prepared data set. Raises Refusal where it is missing or incomplete."""
    folder = DatasetFolder(path)
    index = read_json(folder.index, "the prepared data set")
    return Dataset(
        folder=folder,
        labels=LabelScheme.from_dict(index),
        plan=Plan.from_dict(index["plan"]),
        splits=Splits.from_dict(read_json(folder.splits, "the prepared data set")),
        content_sha256=index["content_sha256"],
        findings=tuple(read_findings(folder.findings)),
        task=index.get("task", "segmentation"),
        audit=index.get("audit", "off"),
    )


def read_case(folder: DatasetFolder, name: str) -> Case:
    """Read the case.json of one prepared case."""
    facts = read_json(folder.case(name) / "case.json", "the prepared data set")
    return Case(
        name=name,
        native=Grid.from_dict(facts["native"]),
        canonical=Grid.from_dict(facts["canonical"]),
        header=nib.Nifti1Header(base64.b64decode(facts["native_header"])),
        background=facts["background"],
        foreground={int(channel): count for channel, count in facts["foreground"].items()},
        annotated=None if facts["annotated"] is None else tuple(facts["annotated"]),
        patient=facts["patient"],
    )


def class_and_patient(folder: DatasetFolder, name: str) -> tuple[str, str]:
    """The class and the patient of a prepared image."""
    facts = read_json(folder.case(name) / "case.json", "the prepared data set")
    return str(facts["class"]), str(facts["patient"])


def reference_path(folder: DatasetFolder, name: str) -> Path:
    """The native label file of a prepared case."""
    return next(folder.case(name).glob("reference.nii*"))
