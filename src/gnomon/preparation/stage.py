"""Preparation for segmentation: raw images and labels -> a canonical data set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_array, sha256_of_values
from gnomon.dataset.canonicalise import canonical_image, canonical_label, outside_value
from gnomon.dataset.dataset import SCHEMA, Dataset
from gnomon.dataset.plan import Plan
from gnomon.dataset.splits import Splits
from gnomon.io.artifacts import map_array, read_json
from gnomon.io.console import show_progress
from gnomon.io.folders import DatasetFolder
from gnomon.io.images import ImageSpool
from gnomon.preparation.fingerprint import check_case, compute_fingerprint, measure_case
from gnomon.preparation.planner import StepBytes, make_plan
from gnomon.preparation.raw_dataset import RawCase, RawDataset
from gnomon.preparation.splitting import split_patients, splits_from_lists
from gnomon.preparation.survey import CaseSurvey, content_hash, file_state, survey_cases
from gnomon.preparation.written_cases import existing_content, foreground_indices, write_case, write_dataset
from gnomon.rules.catalogue.preparation import INVALID_SPLIT_FILE, NO_CASE_LEFT, UNKNOWN_ANNOTATION
from gnomon.rules.catalogue.usage import NOT_AUDITED
from gnomon.rules.finding import Refusal, Severity
from gnomon.settings import PrepareSettings, SplitSettings


def prepare(
    source: RawDataset,
    output: Path,
    settings: PrepareSettings,
    step_bytes: StepBytes | None = None,
    *,
    verify: bool = False,
) -> Dataset:
    """Check, measure, plan and canonicalise the cases of a raw data set.

    A case with an error is left out, with its finding; the other cases are prepared. A second run writes only what
    is missing or has changed.

    Args:
        step_bytes: memory of a training step, where the plan has to fit `preparation.plan.memory_gib`.
        verify: whether cases are read again whose files have not changed in size and time, and prepared arrays hashed.

    Raises:
        Refusal: USE131, the volumes passed no audit; PRP104, no case is left; PRP301 to PRP304, the splits cannot be
            made; PRP305, unknown annotated structures; PRP306 or PRP308, no plan.
    """
    folder, audit = DatasetFolder(output), audit_record(source.audit, settings)
    try:
        return _prepare(source, folder, settings, step_bytes, audit, verify=verify)
    finally:
        shutil.rmtree(folder.spool, ignore_errors=True)


def _prepare(
    source: RawDataset,
    folder: DatasetFolder,
    settings: PrepareSettings,
    step_bytes: StepBytes | None,
    audit: str,
    *,
    verify: bool,
) -> Dataset:
    surveys = _survey_cases(source, folder, settings.workers, verify=verify)
    statistics = {one.name: one.statistics for one in surveys if one.statistics is not None}
    findings = [*source.findings, *(finding for one in surveys for finding in one.findings)]
    if not statistics:
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        raise Refusal(*errors, NO_CASE_LEFT.at(str(folder.path), found="no case that can be prepared"))
    cases = [case for case in source.cases if case.name in statistics]
    splits = choose_splits({case.name: case.patient for case in cases}, settings.splits)
    fingerprint = compute_fingerprint(list(statistics.values()))
    plan = make_plan(fingerprint, source.modality, settings.plan, source.labels.n_channels, step_bytes)
    annotated = _annotated_channels(cases, source.labels, settings.annotated)
    recipe = sha256_of_values([plan.as_dict(), source.labels.as_dict(), SCHEMA])
    hashes = {one.name: one.files_sha256 for one in surveys}
    jobs = [
        _CaseJob(case, f"{hashes[case.name]}-{recipe}", source.labels, plan, folder, annotated.get(case.name), verify)
        for case in cases
    ]
    return write_dataset(
        folder,
        task="segmentation",
        modality=source.modality,
        labels=source.labels,
        fingerprint=fingerprint,
        plan=plan,
        splits=splits,
        cases=_write_cases(jobs, settings.workers),
        findings=findings,
        audit=audit,
    )


def audit_record(passed: str | None, settings: PrepareSettings) -> str:
    """What the index of a data set states about its audit: the hash of the audit, `files`, or `off`.

    Raises:
        Refusal: USE131, an audit is required, and the volumes passed none.
    """
    if passed is None and settings.audit == "required":
        raise NOT_AUDITED.refusal("the converted volumes", found="no audit")
    return passed or "off"


def _survey_cases(source: RawDataset, folder: DatasetFolder, workers: int, *, verify: bool) -> list[CaseSurvey]:
    """Check and measure every case that is new or has changed."""
    cases = {case.name: case for case in source.cases}
    states = {name: file_state([case.image, case.label], source.labels.as_dict()) for name, case in cases.items()}

    def survey(names: Sequence[str]) -> list[CaseSurvey]:
        jobs = [(cases[name], source.labels, ImageSpool(folder.spool)) for name in names]
        return _in_parallel(_survey, jobs, workers, "checking cases")

    return survey_cases(folder, states, survey, verify=verify)


def _survey(case: RawCase, scheme: LabelScheme, spool: ImageSpool) -> CaseSurvey:
    try:
        image, label = spool.read_image(case.image), spool.read_label(case.label)
    except Refusal as refusal:
        named = (replace(finding, where=f"case {case.name} ({finding.where})") for finding in refusal.findings)
        return CaseSurvey(case.name, None, tuple(named))
    found = tuple(check_case(case.name, image, label, scheme))
    if any(finding.severity is Severity.ERROR for finding in found):
        spool.remove(case.image)
        spool.remove(case.label)
        return CaseSurvey(case.name, None, found)
    statistics = measure_case(case.name, image, label, scheme)
    return CaseSurvey(case.name, statistics, found, content_hash([case.image, case.label]))


def choose_splits(patients: Mapping[str, str], settings: SplitSettings) -> Splits:
    """Split cases by the file that the settings name, or by seed.

    Args:
        patients: patient of each case.

    Raises:
        Refusal: PRP301 to PRP304, the splits cannot be made.
    """
    if settings.file is None:
        return split_patients(patients, settings.folds, settings.test_fraction, settings.seed)
    content = read_json(Path(settings.file).expanduser(), "the splits")
    folds = content if isinstance(content, list) else [content]
    if not folds or not all(isinstance(fold, dict) for fold in folds):
        raise INVALID_SPLIT_FILE.refusal(settings.file, found="neither a fold nor a list of folds")
    return splits_from_lists(folds, patients)


def _annotated_channels(cases: Sequence[RawCase], scheme: LabelScheme, file: str | None) -> dict[str, list[int]]:
    """Channels that were annotated, of the cases in which not all were; from the file that the settings name."""
    if file is None:
        return {}
    listed = read_json(Path(file).expanduser(), "the annotated structures")
    channel = {name: i for i, name in enumerate(scheme.names, start=1)}
    names = {case.name for case in cases}
    unknown = sorted({name for structures in listed.values() for name in structures} - channel.keys())
    if unknown or not listed.keys() <= names:
        found = f"structures {unknown}" if unknown else f"cases {sorted(listed.keys() - names)[:3]}"
        raise UNKNOWN_ANNOTATION.refusal(file, found=f"{found} that the data set does not have")
    return {case: sorted(channel[name] for name in structures) for case, structures in listed.items()}


@dataclass(frozen=True)
class _CaseJob:
    """A case to be written, with all that a worker needs; `key` stands for all that its arrays depend on."""

    case: RawCase
    key: str
    scheme: LabelScheme
    plan: Plan
    folder: DatasetFolder
    annotated: list[int] | None
    verify: bool


def _write_cases(jobs: Sequence[_CaseJob], workers: int) -> dict[str, str]:
    """Write the cases that are missing or have changed; content hash of every case."""
    return dict(_in_parallel(_write_case, [(job,) for job in jobs], workers, "writing canonical cases"))


def _write_case(job: _CaseJob) -> tuple[str, str]:
    case, scheme, plan, folder, annotated = job.case, job.scheme, job.plan, job.folder, job.annotated
    key, spool = job.key if annotated is None else f"{job.key}-{annotated}", ImageSpool(folder.spool)
    content = existing_content(folder, case.name, key)
    if content is None or (job.verify and content != _content_on_disk(folder, case.name)):
        image, label = spool.read_image(case.image), spool.read_label(case.label)
        voxels, canonical = canonical_image(image.voxels, image.grid, plan)
        channels = canonical_label(scheme.channels_from_values(label.voxels), label.grid, scheme, plan)
        indices, counts = foreground_indices(channels, scheme)
        content = _content(voxels, channels, canonical.as_dict(), annotated)
        facts = {
            "key": key,
            "patient": case.patient,
            "canonical": canonical.as_dict(),
            "background": outside_value(voxels, plan.normalisation),
            "foreground": counts,
            "annotated": annotated,
            "content_sha256": content,
        }
        arrays = {"image": voxels, "label": channels, "foreground": indices}
        write_case(folder.case(case.name), arrays, facts, image, case.label)
    spool.remove(case.image)
    spool.remove(case.label)
    return case.name, content


def _content(
    voxels: NDArray[Any], channels: NDArray[Any], canonical: Mapping[str, Any], annotated: list[int] | None
) -> str:
    """Content hash of a case."""
    parts = [sha256_of_array(voxels), sha256_of_array(channels), dict(canonical)]
    return sha256_of_values(parts if annotated is None else [*parts, annotated])


def _content_on_disk(folder: DatasetFolder, name: str) -> str:
    """Content hash of the arrays of a case, as they lie on disk; empty where they cannot be read."""
    place = folder.case(name)
    try:
        facts = read_json(place / "case.json", "the prepared data set")
        voxels, channels = map_array(place / "image.npy"), map_array(place / "label.npy")
        return _content(voxels, channels, facts["canonical"], facts["annotated"])
    except (OSError, ValueError, KeyError, EOFError):
        return ""


def _in_parallel(work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int, label: str) -> list[Any]:
    run = joblib.Parallel(n_jobs=max(1, min(workers, os.cpu_count() or 1)), return_as="generator")
    return list(show_progress(run(joblib.delayed(work)(*job) for job in jobs), len(jobs), label))
