"""What there is to prepare: cases, their labels, and whatever does not fit, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnomon.core.labels import LabelScheme
from gnomon.io import nifti
from gnomon.io.artifacts import read_findings, read_json
from gnomon.io.folders import VolumesFolder
from gnomon.rules.catalogue.preparation import (
    IMAGE_WITHOUT_LABEL,
    INVALID_DATASET_JSON,
    LABEL_WITHOUT_IMAGE,
    LISTED_CASE_MISSING,
    SEVERAL_CHANNELS,
    SEVERAL_MODALITIES,
)
from gnomon.rules.catalogue.usage import MISSING_FOLDER, NO_LABELS_FOR_VOLUMES, UNKNOWN_LAYOUT
from gnomon.rules.finding import Finding, Refusal

_FIRST_CHANNEL = "_0000"


@dataclass(frozen=True)
class RawCase:
    """An image with its label, still on the native grid. `patient` groups cases that must not be parted."""

    name: str
    image: Path
    label: Path
    patient: str


@dataclass(frozen=True)
class RawDataset:
    """A set of raw cases.

    Attributes:
        modality: 'CT' for Hounsfield units; any other has no unit of its own.
        findings: what was left out, and why.
        audit: hash of the audit that the volumes passed; `files` where there never was DICOM to audit; None for
            volumes that were converted without one.
    """

    modality: str
    labels: LabelScheme
    cases: tuple[RawCase, ...]
    findings: tuple[Finding, ...] = field(default=())
    audit: str | None = "files"


def read_raw_dataset(
    root: Path, labels_folder: Path | None, scheme: LabelScheme | None, patient_pattern: str | None
) -> RawDataset:
    """Recognise a Medical Decathlon folder or a volumes folder, and list its cases.

    Args:
        labels_folder: label files for a volumes folder, named by volume_id or SeriesInstanceUID.
        scheme: the labels of a volumes folder; a Decathlon folder brings its own.
        patient_pattern: regular expression; its match in a case's name is the patient. None: the case is.

    Raises:
        Refusal: the folder is missing, empty, or of neither kind, or a description is broken.
    """
    if not root.is_dir():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="a folder of images")
    if VolumesFolder(root).index.is_file():
        return _read_volumes(VolumesFolder(root), labels_folder, scheme)
    if (root / "dataset.json").is_file():
        return _read_decathlon(root, patient_pattern)
    images, labels = _files(root / "imagesTr"), _files(root / "labelsTr")
    there = (
        f"{len(images)} images and {len(labels)} labels without dataset.json"
        if images or labels
        else ("neither dataset.json nor volumes.json" if any(root.iterdir()) else "an empty folder")
    )
    raise Refusal(
        *_strays(images, labels),
        UNKNOWN_LAYOUT.at(str(root), found=there),
    )


def _read_decathlon(root: Path, patient_pattern: str | None) -> RawDataset:
    description = read_json(root / "dataset.json", "the data set")
    try:
        scheme = _scheme(description["labels"])
        modalities = [str(name) for name in description[_one_of(description, "modality", "channel_names")].values()]
        listed = {_case(nifti.stem(Path(entry["image"]))) for entry in description.get("training", ())}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise INVALID_DATASET_JSON.refusal(
            str(root / "dataset.json"), found=f"contents that cannot be read ({type(error).__name__}: {error})"
        ) from None
    if len(modalities) != 1:
        raise SEVERAL_CHANNELS.refusal(
            str(root / "dataset.json"), found=f"{len(modalities)} channels ({', '.join(modalities)})"
        )
    images = {_case(name): path for name, path in _files(root / "imagesTr").items()}
    labels = _files(root / "labelsTr")
    findings = [*_strays(images, labels), *_absent(listed, images, labels)]
    cases = [
        RawCase(name, images[name], labels[name], _patient(name, patient_pattern))
        for name in sorted(images.keys() & labels.keys())
    ]
    return RawDataset("CT" if modalities[0].upper() == "CT" else modalities[0], scheme, tuple(cases), tuple(findings))


def _scheme(labels: Mapping[str, Any]) -> LabelScheme:
    """Labels by value (Decathlon) or by name (nnU-Net, whose `ignore` carries no judgement); no background."""
    by_name = {str(name): value for name, value in labels.items()}
    if all(name.isdigit() for name in by_name):
        by_name = {str(name): int(value) for value, name in labels.items()}
    if regions := [name for name, value in by_name.items() if isinstance(value, list)]:
        raise ValueError(f"regions {regions}, which are not read; give each value a name")
    ignore = by_name.pop("ignore", None)
    named = {name: int(value) for name, value in by_name.items() if int(value) != 0}
    return LabelScheme(tuple(named), tuple(named.values()), ignore=None if ignore is None else int(ignore))


def _one_of(description: Mapping[str, Any], *names: str) -> str:
    return next((name for name in names if name in description), names[0])


def _case(stem: str) -> str:
    """A case's name: nnU-Net's images end with the number of their channel."""
    return stem.removesuffix(_FIRST_CHANNEL)


def _files(folder: Path) -> dict[str, Path]:
    return nifti.images_in(folder) if folder.is_dir() else {}


def _strays(images: dict[str, Path], labels: dict[str, Path]) -> list[Finding]:
    findings = []
    for name in sorted(images.keys() - labels.keys()):
        findings.append(
            IMAGE_WITHOUT_LABEL.at(
                f"case {name}",
                found=f"an image ({_described(images[name])}) without a label",
                expected=f"labelsTr/{name}.nii.gz",
                remedy="Add the label, or move the image to imagesTs/.",
            )
        )
    typical = _described(next(iter(images.values()))) if images else "none"
    for name in sorted(labels.keys() - images.keys()):
        findings.append(
            LABEL_WITHOUT_IMAGE.at(
                f"case {name}",
                found=f"a label ({_described(labels[name])}) without an image",
                expected=f"imagesTr/{name}.nii.gz (an image of this data set: {typical})",
            )
        )
    return findings


def _absent(listed: set[str], images: dict[str, Path], labels: dict[str, Path]) -> list[Finding]:
    return [
        LISTED_CASE_MISSING.at(f"case {name}", found="neither an image nor a label")
        for name in sorted(listed - images.keys() - labels.keys())
    ]


def _described(path: Path) -> str:
    try:
        return str(nifti.read_grid(path))
    except Refusal:
        return "unreadable"


def _patient(name: str, pattern: str | None) -> str:
    match = re.search(pattern, name) if pattern else None
    return match.group(0) if match else name


def _read_volumes(folder: VolumesFolder, labels_folder: Path | None, scheme: LabelScheme | None) -> RawDataset:
    if labels_folder is None or not labels_folder.is_dir() or scheme is None:
        raise NO_LABELS_FOR_VOLUMES.refusal("labels", found="converted volumes without a label folder or label names")
    index = read_json(folder.index, "the converted volumes")
    labels = nifti.images_in(labels_folder)
    findings = read_findings(folder.findings)
    cases, used = [], set()
    for row in index["volumes"]:
        label = labels.get(row["volume_id"]) or labels.get(row["series_uid"])
        used |= {row["volume_id"], row["series_uid"]}
        if row["decision"] == "reject":
            continue
        if label is None:
            findings.append(
                IMAGE_WITHOUT_LABEL.at(
                    f"volume {row['volume_id']}",
                    found="a volume without a label",
                    expected="a label file named by volume_id or SeriesInstanceUID",
                )
            )
        else:
            name = row["volume_id"]
            cases.append(RawCase(name, folder.image(name), label, row["patient"]))
    findings += [
        LABEL_WITHOUT_IMAGE.at(
            f"label {name}",
            found="a label without a volume",
            expected="a volume with that volume_id or SeriesInstanceUID",
            remedy="Convert the series, or remove the label.",
        )
        for name in sorted(labels.keys() - used)
    ]
    modalities = {row["modality"] for row in index["volumes"] if row["decision"] != "reject"}
    if len(modalities) > 1:
        raise SEVERAL_MODALITIES.refusal(str(folder.path), found=f"modalities {', '.join(sorted(modalities))}")
    modality = modalities.pop() if modalities else "CT"
    return RawDataset(modality, scheme, tuple(cases), tuple(findings), index.get("audit_sha256"))
