"""Preparation for classification: images and a table of their classes -> a data set of whole images."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_array, sha256_of_file, sha256_of_values
from gnomon.dataset.canonicalise import image_in_patch
from gnomon.dataset.dataset import SCHEMA, Dataset
from gnomon.dataset.plan import Plan
from gnomon.io.artifacts import read_json
from gnomon.io.console import show_progress
from gnomon.io.folders import DatasetFolder, VolumesFolder
from gnomon.io.images import Image, ImageSpool, images_in_folder
from gnomon.preparation.fingerprint import CaseStatistics, compute_fingerprint, sample_intensities
from gnomon.preparation.planner import whole_image_plan
from gnomon.preparation.raw_dataset import patient_of
from gnomon.preparation.stage import audit_record, choose_splits
from gnomon.preparation.survey import CaseSurvey, file_state, survey_cases
from gnomon.preparation.written_cases import existing_content, write_case, write_dataset
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
_BODY_HU = -500.0
_NAME_COLUMNS = ("case", "volume_id")


@dataclass(frozen=True)
class RawClassCase:
    """An image and its class. Cases of one patient always stay on the same side of a split."""

    name: str
    image: Path
    class_name: str
    patient: str


@dataclass(frozen=True)
class RawClassDataset:
    """Images with classes, before preparation.

    Attributes:
        modality: 'CT' for Hounsfield units; other modalities have no unit.
        classes: names, in alphabetical order.
        findings: images and rows that were left out, and why.
        audit: as in a `RawDataset`.
    """

    modality: str
    classes: tuple[str, ...]
    cases: tuple[RawClassCase, ...]
    findings: tuple[Finding, ...] = field(default=())
    audit: str | None = "files"


def read_classes(root: Path, table: Path, patient_pattern: str | None, modality: str = "MR") -> RawClassDataset:
    """List the images of a folder to which a CSV gives a class.

    Args:
        root: NIfTI images, or the output of `gnomon convert`, which states modality and patients.
        table: columns `case` (or `volume_id`) and `class`.
        patient_pattern: regular expression whose match in a case's name is the patient; None: one patient per case.

    Raises:
        Refusal: USE101, no folder; CLS101, a table that cannot be read; CLS102, fewer than two classes.
    """
    if not root.is_dir():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="a folder of images")
    images, patients, audit = images_in_folder(root), dict[str, str](), "files"
    images = {name: path for name, path in images.items() if not name.endswith(".padding")}
    if VolumesFolder(root).index.is_file():
        index = read_json(VolumesFolder(root).index, "the volumes")
        rows, audit = [row for row in index["volumes"] if row["decision"] != "reject"], index.get("audit_sha256")
        patients = {row["volume_id"]: row["patient"] for row in rows}
        images = {name: path for name, path in images.items() if name in patients}
        modality = rows[0]["modality"] if rows else modality
    class_names = _read_table(table)
    findings = [
        IMAGE_WITHOUT_CLASS.at(f"case {name}", found="an image without a class", expected=f"a row in {table.name}")
        for name in sorted(images.keys() - class_names.keys())
    ] + [
        CLASS_WITHOUT_IMAGE.at(f"case {name}", found="a class, but no image", expected=f"{name}.nii.gz")
        for name in sorted(class_names.keys() - images.keys())
    ]
    cases = tuple(
        RawClassCase(name, images[name], class_names[name], patients.get(name) or patient_of(name, patient_pattern))
        for name in sorted(images.keys() & class_names.keys())
    )
    classes = tuple(sorted({case.class_name for case in cases}))
    if len(classes) < 2:
        raise TOO_FEW_CLASSES.refusal(str(table), found=f"{len(cases)} image(s) of {len(classes)} class(es)")
    return RawClassDataset(modality, classes, cases, tuple(findings), audit)


def prepare_classes(
    source: RawClassDataset, output: Path, settings: PrepareSettings, *, verify: bool = False
) -> Dataset:
    """Check, measure, plan and canonicalise whole images, each resampled to fit the input of the net.

    Args:
        verify: whether images are read again whose files have not changed in size and time.

    Raises:
        Refusal: USE131, the volumes passed no audit; PRP104, no image is left; PRP301 to PRP304, the splits cannot be
            made.
    """
    folder, audit = DatasetFolder(output), audit_record(source.audit, settings)
    try:
        return _prepare_classes(source, folder, settings, audit, verify=verify)
    finally:
        shutil.rmtree(folder.spool, ignore_errors=True)


def _prepare_classes(
    source: RawClassDataset, folder: DatasetFolder, settings: PrepareSettings, audit: str, *, verify: bool
) -> Dataset:
    surveys = _survey_cases(source, folder, verify=verify)
    statistics = {one.name: one.statistics for one in surveys if one.statistics is not None}
    hashes = {one.name: one.files_sha256 for one in surveys}
    cases = [case for case in source.cases if case.name in statistics]
    if not cases:
        raise NO_CASE_LEFT.refusal(
            str(folder.path), found="no image that can be prepared", expected="at least one image without an error"
        )
    splits = choose_splits({case.name: case.patient for case in cases}, settings.splits)
    fingerprint = compute_fingerprint(list(statistics.values()))
    plan = whole_image_plan(fingerprint, source.modality, settings.plan)
    return write_dataset(
        folder,
        task=TASK,
        modality=source.modality,
        labels=LabelScheme(source.classes, tuple(range(1, len(source.classes) + 1))),
        fingerprint=fingerprint,
        plan=plan,
        splits=splits,
        cases={
            case.name: _write_case(case, hashes[case.name], plan, folder)
            for case in show_progress(cases, len(cases), "writing canonical images")
        },
        findings=[*source.findings, *(finding for one in surveys for finding in one.findings)],
        audit=audit,
    )


def _survey_cases(source: RawClassDataset, folder: DatasetFolder, *, verify: bool) -> list[CaseSurvey]:
    """Check and measure every image that is new or has changed."""
    cases = {case.name: case for case in source.cases}
    states = {name: file_state([case.image], TASK, source.modality) for name, case in cases.items()}

    def survey(names: Sequence[str]) -> Iterator[CaseSurvey]:
        for name in show_progress(names, len(names), "checking images"):
            yield _survey(cases[name], source.modality, ImageSpool(folder.spool))

    return survey_cases(folder, states, survey, verify=verify)


def _survey(case: RawClassCase, modality: str, spool: ImageSpool) -> CaseSurvey:
    try:
        statistics = _measure(case, spool.read_image(case.image), modality)
    except Refusal as refusal:
        found = tuple(replace(one, where=f"case {case.name} ({one.where})") for one in refusal.findings)
        return CaseSurvey(case.name, None, found)
    return CaseSurvey(case.name, statistics, (), sha256_of_file(case.image))


def _read_table(path: Path) -> dict[str, str]:
    """The class of each case."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        column = next(name for name in _NAME_COLUMNS if name in rows[0])
        classes = {row[column].strip(): row["class"].strip() for row in rows}
        if len(classes) != len(rows) or not all(classes.values()):
            raise ValueError("a case without a class, or listed twice")
        return classes
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


def _measure(case: RawClassCase, image: Image, modality: str) -> CaseStatistics:
    if image.voxels.min() == image.voxels.max():
        raise CONSTANT_IMAGE.refusal(case.image.name, found=f"{image.voxels.flat[0]:g} in every voxel")
    canonical = image.grid.reorient(image.grid.reorientation_to("RAS"))
    body = image.voxels[image.voxels > _BODY_HU] if modality == "CT" else image.voxels.ravel()
    return CaseStatistics(case.name, canonical.shape, canonical.spacing_mm, sample_intensities(body, case.name), {})


def _write_case(case: RawClassCase, file_sha256: str, plan: Plan, folder: DatasetFolder) -> str:
    """Write the image, if it is missing or has changed; its content hash."""
    key = sha256_of_values([file_sha256, case.class_name, plan.as_dict(), SCHEMA, TASK])
    spool = ImageSpool(folder.spool)
    if (content := existing_content(folder, case.name, key)) is not None:
        spool.remove(case.image)
        return content
    image = spool.read_image(case.image)
    voxels, outside = image_in_patch(image.voxels, image.grid, plan)
    content = sha256_of_values([sha256_of_array(voxels), case.class_name])
    facts = {
        "key": key,
        "patient": case.patient,
        "class": case.class_name,
        "background": outside,
        "content_sha256": content,
    }
    write_case(folder.case(case.name), {"image": voxels}, facts, image)
    spool.remove(case.image)
    return content
