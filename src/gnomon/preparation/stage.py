"""The stage: raw cases -> dataset/. Each case is written whole or not at all; a second run goes on."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_array, sha256_of_file, sha256_of_values
from gnomon.dataset.canonicalise import canonical_image, canonical_label, outside_value
from gnomon.dataset.dataset import SCHEMA, Dataset, read_dataset
from gnomon.dataset.plan import Plan
from gnomon.dataset.splits import Splits
from gnomon.io import nifti
from gnomon.io.artifacts import atomic_replacement, read_json, write_array, write_findings, write_json
from gnomon.io.console import show_progress
from gnomon.io.folders import DatasetFolder
from gnomon.preparation.fingerprint import CaseStatistics, check_case, compute_fingerprint, measure_case
from gnomon.preparation.planner import StepBytes, make_plan
from gnomon.preparation.raw_dataset import RawCase, RawDataset
from gnomon.preparation.splitting import split_patients, splits_from_lists
from gnomon.rules.catalogue.preparation import INVALID_SPLIT_FILE, NO_CASE_LEFT, UNKNOWN_ANNOTATION
from gnomon.rules.catalogue.usage import NOT_AUDITED
from gnomon.rules.finding import Finding, Refusal, Severity
from gnomon.settings import PrepareSettings, SplitSettings


def prepare(
    source: RawDataset, output: Path, settings: PrepareSettings, step_bytes: StepBytes | None = None
) -> Dataset:
    """Check, measure, plan and canonicalise the cases of a source.

    A case that cannot be trained on is left out with its finding; the others go on. `step_bytes` tells the
    memory of a training step, where the plan has to fit one.

    Raises:
        Refusal: no case is left, or the splits cannot be made.
    """
    folder, audit = DatasetFolder(output), audit_record(source.audit, settings)
    sums, statistics, findings = _surveyed(source, settings.workers)
    findings = [*source.findings, *findings]
    if not statistics:
        stopped = [finding for finding in findings if finding.severity is Severity.ERROR]
        raise Refusal(
            *stopped,
            NO_CASE_LEFT.at(str(output), found="no case that can be prepared"),
        )
    cases = [case for case in source.cases if case.name in statistics]
    splits = choose_splits({case.name: case.patient for case in cases}, settings.splits)
    found = compute_fingerprint(list(statistics.values()))
    plan = make_plan(found, source.modality, settings.plan, source.labels.n_channels, step_bytes)
    looked_for = _annotated(cases, source.labels, settings.annotated)
    hashes = _write_cases(cases, sums, source.labels, plan, folder, settings.workers, looked_for)
    content = sha256_of_values({"cases": hashes, "labels": source.labels.as_dict(), "plan": plan.as_dict()})
    write_json(folder.splits, splits.as_dict())
    write_findings(folder.findings, findings)
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "modality": source.modality,
            **source.labels.as_dict(),
            "fingerprint": found.as_dict(),
            "plan": plan.as_dict(),
            "cases": hashes,
            "audit": audit,
            "content_sha256": content,
        },
    )
    return read_dataset(output)


def audit_record(passed: str | None, settings: PrepareSettings) -> str:
    """What a data set says of its audit.

    Raises:
        Refusal: USE131, an audit is required and there was none.
    """
    if passed is None and settings.audit == "required":
        raise NOT_AUDITED.refusal("the converted volumes", found="no audit")
    return passed or "off"


Survey = tuple[str, str, CaseStatistics | None, list[Finding]]


def _surveyed(source: RawDataset, workers: int) -> tuple[dict[str, str], dict[str, CaseStatistics], list[Finding]]:
    """Check and measure every case: source hashes, statistics of the good ones, findings of the others."""
    sums: dict[str, str] = {}
    statistics: dict[str, CaseStatistics] = {}
    findings: list[Finding] = []
    surveys = _in_parallel(_survey, [(case, source.labels) for case in source.cases], workers, "checking cases")
    for name, digest, measured, found in surveys:
        findings += found
        if measured is not None:
            sums[name], statistics[name] = digest, measured
    return sums, statistics, findings


def _survey(case: RawCase, scheme: LabelScheme) -> Survey:
    try:
        image, label = nifti.read_image(case.image), nifti.read_label(case.label)
    except Refusal as refusal:
        named = [replace(finding, where=f"case {case.name} ({finding.where})") for finding in refusal.findings]
        return case.name, "", None, named
    found = check_case(case.name, image, label, scheme)
    if any(finding.severity is Severity.ERROR for finding in found):
        return case.name, "", None, found
    digest = sha256_of_values([sha256_of_file(case.image), sha256_of_file(case.label)])
    return case.name, digest, measure_case(case.name, image, label, scheme), found


def choose_splits(patients: Mapping[str, str], settings: SplitSettings) -> Splits:
    """Cases, with the patient of each, dealt by seed or by a file."""
    if settings.file is None:
        return split_patients(patients, settings.folds, settings.test_fraction, settings.seed)
    wanted = read_json(Path(settings.file).expanduser(), "the splits")
    listed = wanted if isinstance(wanted, list) else [wanted]
    if not listed or not all(isinstance(fold, dict) for fold in listed):
        raise INVALID_SPLIT_FILE.refusal(settings.file, found="neither a fold nor a list of folds")
    return splits_from_lists(listed, patients)


def _write_cases(
    cases: Sequence[RawCase],
    sums: dict[str, str],
    scheme: LabelScheme,
    plan: Plan,
    folder: DatasetFolder,
    workers: int,
    looked_for: dict[str, list[int]],
) -> dict[str, str]:
    """Write what is not there yet; content hash of each case."""
    recipe = sha256_of_values([plan.as_dict(), scheme.as_dict(), SCHEMA])
    jobs = [(case, f"{sums[case.name]}-{recipe}", scheme, plan, folder, looked_for.get(case.name)) for case in cases]
    return dict(_in_parallel(_write_case, jobs, workers, "writing canonical cases"))


def _annotated(cases: Sequence[RawCase], scheme: LabelScheme, file: str | None) -> dict[str, list[int]]:
    """Channels that were looked for, of the cases where these are not all."""
    if file is None:
        return {}
    told = read_json(Path(file).expanduser(), "the annotated structures")
    channel = {name: i for i, name in enumerate(scheme.names, start=1)}
    names = {case.name for case in cases}
    unknown = sorted({name for listed in told.values() for name in listed} - channel.keys())
    if unknown or not told.keys() <= names:
        found = f"structures {unknown}" if unknown else f"cases {sorted(told.keys() - names)[:3]}"
        raise UNKNOWN_ANNOTATION.refusal(file, found=f"{found} that the data set does not have")
    return {case: sorted(channel[name] for name in listed) for case, listed in told.items()}


def _write_case(
    case: RawCase, key: str, scheme: LabelScheme, plan: Plan, folder: DatasetFolder, annotated: list[int] | None
) -> tuple[str, str]:
    key = key if annotated is None else f"{key}-{annotated}"
    place = folder.case(case.name)
    if (place / "case.json").is_file():
        kept = read_json(place / "case.json", "the prepared data set")
        if kept["key"] == key:
            return case.name, kept["content_sha256"]
    image, label = nifti.read_image(case.image), nifti.read_label(case.label)
    voxels, canonical = canonical_image(image.voxels, image.grid, plan)
    channels = canonical_label(scheme.channels_from_values(label.voxels), label.grid, scheme, plan)
    indices, counts = foreground_indices(channels, scheme)
    parts = [sha256_of_array(voxels), sha256_of_array(channels), canonical.as_dict()]
    content = sha256_of_values(parts if annotated is None else [*parts, annotated])
    with atomic_replacement(place) as temporary:
        temporary.mkdir(parents=True)
        write_array(temporary / "image.npy", voxels)
        write_array(temporary / "label.npy", channels)
        write_array(temporary / "foreground.npy", indices)
        suffix = "".join(case.label.suffixes[-2:]) if case.label.name.endswith(".gz") else ".nii"
        shutil.copyfile(case.label, temporary / f"reference{suffix}")
        write_json(
            temporary / "case.json",
            {
                "key": key,
                "patient": case.patient,
                "native": image.grid.as_dict(),
                "native_header": base64.b64encode(image.header.binaryblock).decode(),
                "canonical": canonical.as_dict(),
                "background": outside_value(voxels, plan.normalisation),
                "foreground": counts,
                "annotated": annotated,
                "content_sha256": content,
            },
        )
    return case.name, content


def foreground_indices(channels: np.ndarray, scheme: LabelScheme) -> tuple[np.ndarray, dict[int, int]]:
    """Flat indices of every structure's voxels, structure after structure, and how many each has."""
    flat = channels.reshape(-1)
    parts = [np.flatnonzero(flat == channel) for channel in range(1, scheme.n_channels)]
    kind = np.int32 if flat.size < 2**31 else np.int64
    counts = {channel: int(part.size) for channel, part in enumerate(parts, start=1)}
    return np.concatenate(parts).astype(kind), counts


def _in_parallel(work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int, label: str) -> list[Any]:
    run = joblib.Parallel(n_jobs=max(1, min(workers, os.cpu_count() or 1)), return_as="generator")
    return list(show_progress(run(joblib.delayed(work)(*job) for job in jobs), len(jobs), label))
