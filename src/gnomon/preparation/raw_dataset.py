"""The cases of a Medical Decathlon, nnU-Net or volumes folder, before preparation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnomon.core.labels import LabelScheme
from gnomon.io.artifacts import read_findings, read_json
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import image_stem, images_in_folder, read_grid
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
    """An image and its label on their native grid. Cases of one patient always stay on the same side of a split."""

    name: str
    image: Path
    label: Path
    patient: str


@dataclass(frozen=True)
class RawDataset:
    """Images and labels before preparation.

    Attributes:
        modality: 'CT' for Hounsfield units; other modalities have no unit.
        findings: files that were left out, and why.
        audit: hash of the audit that the volumes passed; `files` for NIfTI files that were not converted here; None
            for volumes that were converted without an audit.
    """

    modality: str
    labels: LabelScheme
    cases: tuple[RawCase, ...]
    findings: tuple[Finding, ...] = field(default=())
    audit: str | None = "files"


def read_raw_dataset(
    root: Path, labels_folder: Path | None, scheme: LabelScheme | None, patient_pattern: str | None
) -> RawDataset:
    """List the cases of a Medical Decathlon or nnU-Net folder, or of the output of `gnomon convert`.

    Args:
        labels_folder: label files of converted volumes, named by volume_id or SeriesInstanceUID.
        scheme: the labels of converted volumes; a dataset.json states its own.
        patient_pattern: regular expression whose match in a case's name is the patient; None: one patient per case.

    Raises:
        Refusal: USE101, no folder; USE103, another kind of folder; USE104, volumes without labels; PRP105 to PRP107,
            a description that cannot be used.
    """
    if not root.is_dir():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="a folder of images")
    if VolumesFolder(root).index.is_file():
        return _read_volumes(VolumesFolder(root), labels_folder, scheme)
    if (root / "dataset.json").is_file():
        return _read_decathlon(root, patient_pattern)
    images, labels = _images_in(root / "imagesTr"), _images_in(root / "labelsTr")
    content = (
        f"{len(images)} images and {len(labels)} labels without dataset.json"
        if images or labels
        else ("neither dataset.json nor volumes.json" if any(root.iterdir()) else "an empty folder")
    )
    raise Refusal(
        *_unpaired_files(images, labels),
        UNKNOWN_LAYOUT.at(str(root), found=content),
    )


def _read_decathlon(root: Path, patient_pattern: str | None) -> RawDataset:
    description = read_json(root / "dataset.json", "the data set")
    try:
        scheme = LabelScheme.from_names(description["labels"])
        modalities = [str(name) for name in description[_first_key(description, "modality", "channel_names")].values()]
        listed = {_case_name(image_stem(Path(entry["image"]))) for entry in description.get("training", ())}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise INVALID_DATASET_JSON.refusal(
            str(root / "dataset.json"), found=f"contents that cannot be read ({type(error).__name__}: {error})"
        ) from None
    if len(modalities) != 1:
        raise SEVERAL_CHANNELS.refusal(
            str(root / "dataset.json"), found=f"{len(modalities)} channels ({', '.join(modalities)})"
        )
    images = {_case_name(name): path for name, path in _images_in(root / "imagesTr").items()}
    labels = _images_in(root / "labelsTr")
    findings = [*_unpaired_files(images, labels), *_missing_cases(listed, images, labels)]
    cases = [
        RawCase(name, images[name], labels[name], patient_of(name, patient_pattern))
        for name in sorted(images.keys() & labels.keys())
    ]
    return RawDataset("CT" if modalities[0].upper() == "CT" else modalities[0], scheme, tuple(cases), tuple(findings))


def _first_key(description: Mapping[str, Any], *names: str) -> str:
    return next((name for name in names if name in description), names[0])


def _case_name(stem: str) -> str:
    """Name of a case: nnU-Net adds the number of the channel to the names of images."""
    return stem.removesuffix(_FIRST_CHANNEL)


def _images_in(folder: Path) -> dict[str, Path]:
    return images_in_folder(folder) if folder.is_dir() else {}


def _unpaired_files(images: dict[str, Path], labels: dict[str, Path]) -> list[Finding]:
    findings = []
    for name in sorted(images.keys() - labels.keys()):
        findings.append(
            IMAGE_WITHOUT_LABEL.at(
                f"case {name}",
                found=f"an image ({_describe(images[name])}) without a label",
                expected=f"labelsTr/{name}.nii.gz",
                remedy="Add the label, or move the image to imagesTs/.",
            )
        )
    typical = _describe(next(iter(images.values()))) if images else "none"
    for name in sorted(labels.keys() - images.keys()):
        findings.append(
            LABEL_WITHOUT_IMAGE.at(
                f"case {name}",
                found=f"a label ({_describe(labels[name])}) without an image",
                expected=f"imagesTr/{name}.nii.gz (an image of this data set: {typical})",
            )
        )
    return findings


def _missing_cases(listed: set[str], images: dict[str, Path], labels: dict[str, Path]) -> list[Finding]:
    return [
        LISTED_CASE_MISSING.at(f"case {name}", found="neither an image nor a label")
        for name in sorted(listed - images.keys() - labels.keys())
    ]


def _describe(path: Path) -> str:
    try:
        return str(read_grid(path))
    except Refusal:
        return "unreadable"


def patient_of(name: str, pattern: str | None) -> str:
    """The match of a pattern in the name of a case; the name itself without a pattern or match."""
    match = re.search(pattern, name) if pattern else None
    return match.group(0) if match else name


def _read_volumes(folder: VolumesFolder, labels_folder: Path | None, scheme: LabelScheme | None) -> RawDataset:
    if labels_folder is None or not labels_folder.is_dir() or scheme is None:
        raise NO_LABELS_FOR_VOLUMES.refusal("labels", found="converted volumes without a label folder or label names")
    index = read_json(folder.index, "the converted volumes")
    labels = images_in_folder(labels_folder)
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
