"""Images with a class each -> a prepared data set of whole images: contrast phases, views, anything a CSV names."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_array, sha256_of_file, sha256_of_values
from gnomon.core.randomness import generator
from gnomon.dataset.canonicalise import image_in_patch
from gnomon.dataset.dataset import SCHEMA, Dataset, read_dataset
from gnomon.dataset.plan import Plan
from gnomon.io import nifti
from gnomon.io.artifacts import atomic_replacement, read_json, write_array, write_findings, write_json
from gnomon.io.console import show_progress
from gnomon.io.folders import DatasetFolder, VolumesFolder
from gnomon.preparation.fingerprint import CaseStatistics, compute_fingerprint
from gnomon.preparation.planner import whole_image_plan
from gnomon.preparation.stage import audit_record, choose_splits
from gnomon.rules.catalogue.classification import (
    CLASS_WITHOUT_IMAGE,
    IMAGE_WITHOUT_CLASS,
    INVALID_CLASS_TABLE,
    TOO_FEW_CLASSES,
)
from gnomon.rules.catalogue.preparation import CONSTANT_IMAGE, NO_CASE_LEFT
from gnomon.rules.catalogue.usage import MISSING_FOLDER
from gnomon.rules.finding import Finding, Refusal
from gnomon.settings import PrepareSettings

TASK = "classification"
_SAMPLE_VOXELS = 10_000
_BODY_HU = -500.0
_NAME_COLUMNS = ("case", "volume_id")


@dataclass(frozen=True)
class RawClassCase:
    """An image with its class; `patient` groups cases that must not be parted."""

    name: str
    image: Path
    kind: str
    patient: str


@dataclass(frozen=True)
class RawClassDataset:
    """Images with classes. `findings` names what was left out, and why; `audit` is as in a `RawDataset`."""

    modality: str
    classes: tuple[str, ...]
    cases: tuple[RawClassCase, ...]
    findings: tuple[Finding, ...] = field(default=())
    audit: str | None = "files"


def read_classes(root: Path, table: Path, patient_pattern: str | None, modality: str = "MR") -> RawClassDataset:
    """List the images of a folder that a CSV names with a class.

    Args:
        root: NIfTI images, or the output of `gnomon convert`, which knows modality and patients.
        table: columns `case` (or `volume_id`) and `class`.

    Raises:
        Refusal: USE101 no images; CLS101 a table that cannot be read; CLS102 fewer than two classes.
    """
    if not root.is_dir():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="a folder of images")
    images, patients, audit = nifti.images_in(root), dict[str, str](), "files"
    images = {name: path for name, path in images.items() if not name.endswith(".padding")}
    if VolumesFolder(root).index.is_file():
        index = read_json(VolumesFolder(root).index, "the volumes")
        rows, audit = [row for row in index["volumes"] if row["decision"] != "reject"], index.get("audit_sha256")
        patients = {row["volume_id"]: row["patient"] for row in rows}
        images = {name: path for name, path in images.items() if name in patients}
        modality = rows[0]["modality"] if rows else modality
    kinds = _table(table)
    findings = [
        IMAGE_WITHOUT_CLASS.at(f"case {name}", found="an image without a class", expected=f"a row in {table.name}")
        for name in sorted(images.keys() - kinds.keys())
    ] + [
        CLASS_WITHOUT_IMAGE.at(f"case {name}", found="a class, but no image", expected=f"{name}.nii.gz")
        for name in sorted(kinds.keys() - images.keys())
    ]
    cases = tuple(
        RawClassCase(name, images[name], kinds[name], patients.get(name) or _patient(name, patient_pattern))
        for name in sorted(images.keys() & kinds.keys())
    )
    classes = tuple(sorted({case.kind for case in cases}))
    if len(classes) < 2:
        raise TOO_FEW_CLASSES.refusal(str(table), found=f"{len(cases)} image(s) of {len(classes)} class(es)")
    return RawClassDataset(modality, classes, cases, tuple(findings), audit)


def prepare_classes(source: RawClassDataset, output: Path, settings: PrepareSettings) -> Dataset:
    """Check, measure, plan and canonicalise: each image whole, as large as the net's input.

    Raises:
        Refusal: PRP104, no image can be read; or the splits cannot be made.
    """
    folder, findings, audit = DatasetFolder(output), list(source.findings), audit_record(source.audit, settings)
    measured: dict[str, CaseStatistics] = {}
    for case in show_progress(source.cases, len(source.cases), "checking images"):
        try:
            measured[case.name] = _measured(case, nifti.read_image(case.image), source.modality)
        except Refusal as refusal:
            findings += [replace(one, where=f"case {case.name} ({one.where})") for one in refusal.findings]
    cases = [case for case in source.cases if case.name in measured]
    if not cases:
        raise NO_CASE_LEFT.refusal(
            str(output), found="no image that can be prepared", expected="at least one image without an error"
        )
    splits = choose_splits({case.name: case.patient for case in cases}, settings.splits)
    found = compute_fingerprint(list(measured.values()))
    plan = whole_image_plan(found, source.modality, settings.plan)
    labels = LabelScheme(source.classes, tuple(range(1, len(source.classes) + 1)))
    hashes = {
        case.name: _write_case(case, plan, folder)
        for case in show_progress(cases, len(cases), "writing canonical images")
    }
    content = sha256_of_values({"task": TASK, "cases": hashes, "classes": labels.as_dict(), "plan": plan.as_dict()})
    write_json(folder.splits, splits.as_dict())
    write_findings(folder.findings, findings)
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "task": TASK,
            "modality": source.modality,
            **labels.as_dict(),
            "fingerprint": found.as_dict(),
            "plan": plan.as_dict(),
            "cases": hashes,
            "audit": audit,
            "content_sha256": content,
        },
    )
    return read_dataset(output)


def _table(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        column = next(name for name in _NAME_COLUMNS if name in rows[0])
        found = {row[column].strip(): row["class"].strip() for row in rows}
        if len(found) != len(rows) or not all(found.values()):
            raise ValueError("a case without a class, or twice")
        return found
    except (
        OSError,
        UnicodeDecodeError,
        csv.Error,
        AttributeError,
        IndexError,
        KeyError,
        StopIteration,
        ValueError,
    ) as error:
        raise INVALID_CLASS_TABLE.refusal(
            str(path), found=f"a table that cannot be read ({type(error).__name__}: {error})"
        ) from None


def _patient(name: str, pattern: str | None) -> str:
    match = re.search(pattern, name) if pattern else None
    return match.group(0) if match else name


def _measured(case: RawClassCase, image: nifti.NiftiImage, modality: str) -> CaseStatistics:
    if image.voxels.min() == image.voxels.max():
        raise CONSTANT_IMAGE.refusal(case.image.name, found=f"{image.voxels.flat[0]:g} in every voxel")
    ordered = image.grid.reorient(image.grid.reorientation_to("RAS"))
    body = image.voxels[image.voxels > _BODY_HU] if modality == "CT" else image.voxels.ravel()
    values = generator(0, "fingerprint", case.name).choice(body, min(body.size, _SAMPLE_VOXELS), replace=False)
    return CaseStatistics(case.name, ordered.shape, ordered.spacing_mm, tuple(float(v) for v in values), {})


def _write_case(case: RawClassCase, plan: Plan, folder: DatasetFolder) -> str:
    """Write what is not there yet; the content's hash."""
    place = folder.case(case.name)
    key = sha256_of_values([sha256_of_file(case.image), case.kind, plan.as_dict(), SCHEMA, TASK])
    if (place / "case.json").is_file():
        kept: Mapping[str, Any] = read_json(place / "case.json", "the prepared data set")
        if kept["key"] == key:
            return str(kept["content_sha256"])
    image = nifti.read_image(case.image)
    voxels, outside = image_in_patch(image.voxels, image.grid, plan)
    content = sha256_of_values([sha256_of_array(voxels), case.kind])
    with atomic_replacement(place) as temporary:
        temporary.mkdir(parents=True)
        write_array(temporary / "image.npy", voxels)
        write_json(
            temporary / "case.json",
            {
                "key": key,
                "patient": case.patient,
                "class": case.kind,
                "native": image.grid.as_dict(),
                "native_header": base64.b64encode(image.header.binaryblock).decode(),
                "background": outside,
                "content_sha256": content,
            },
        )
    return content
