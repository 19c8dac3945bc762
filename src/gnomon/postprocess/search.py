"""The stage: held-out predictions and references -> rules that remove false positives and keep true lesions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import joblib

from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator
from gnomon.evaluation import align_prediction
from gnomon.io.artifacts import read_json, write_findings, write_json, write_rows
from gnomon.io.console import show_progress
from gnomon.io.folders import SearchFolder
from gnomon.io.images import images_in_folder, read_label
from gnomon.postprocess.decisions import RuleDecision, decide_rules
from gnomon.postprocess.folder import read_probabilities
from gnomon.postprocess.parts import CaseParts, case_parts, part_rows
from gnomon.postprocess.rule_set import PostprocessRule, RuleSet, write_rule_set
from gnomon.rules.catalogue.postprocessing import CASE_NOT_USED, SPLITS_WITHOUT_CASES
from gnomon.rules.catalogue.usage import NO_REFERENCES
from gnomon.rules.finding import Finding, Refusal
from gnomon.settings import SearchSettings

SEARCH_SCHEMA = "gnomon/postprocess-search/1"
_COLUMNS = (
    "case",
    "fold",
    "structure",
    "part",
    "mm3",
    "voxels",
    "right_voxels",
    "lesions_hit",
    "mean_probability",
    "peak_probability",
)


@dataclass(frozen=True)
class RuleSearch:
    """Result of a search: rules, a decision for every structure and kind of rule, the parts measured, findings."""

    spec: RuleSet
    decisions: tuple[RuleDecision, ...]
    parts: Mapping[str, list[CaseParts]]
    findings: tuple[Finding, ...]


def search_rules(
    predictions: Path,
    references: Path,
    labels: LabelScheme,
    output: Path,
    settings: SearchSettings,
    probabilities: Path | None = None,
    splits: Path | None = None,
    patients: Mapping[str, str] | None = None,
    workers: int = 2,
) -> RuleSearch:
    """Search rules for every label; write rules.yaml, search.json, parts.csv and findings.jsonl.

    Args:
        predictions: folder of held-out predictions, each by a model that was not trained on the case.
        references: folder of label files of the same names, on the same grids.
        labels: names and values of the labels.
        output: folder of the result.
        settings: of the search.
        probabilities: folder of `<label>/<case>.nii.gz`; None: `probabilities` in the folder of predictions.
        splits: splits.json of the data set, which says what fold held a case out; None: patients are assigned anew.
        patients: by case; None: every case is a patient.
        workers: processes; the result does not depend on it.

    Raises:
        Refusal: USE106, no case on both sides; POS106, splits that hold none of the cases.
    """
    found, truth = (images_in_folder(folder) if folder.is_dir() else {} for folder in (predictions, references))
    both = sorted(found.keys() & truth.keys())
    if not both:
        raise NO_REFERENCES.refusal(
            str(predictions),
            found=f"{len(found)} prediction(s) and {len(truth)} reference(s), none with the same file name",
        )
    owner = {name: (patients or {}).get(name, name) for name in both}
    folds = _folds(both, owner, settings.folds, splits)
    findings = [*_without_counterpart(found, truth), *_not_held_out(both, folds)]
    source = probabilities or predictions / "probabilities"
    run = joblib.Parallel(n_jobs=max(1, min(workers, os.cpu_count() or 1)), return_as="generator")
    jobs = (
        joblib.delayed(_measure_case)(
            name, owner[name], folds[name], found[name], truth[name], labels, source, settings
        )
        for name in folds
    )
    parts: dict[str, list[CaseParts]] = {name: [] for name in labels.names}
    for case_findings, of_case in show_progress(run(jobs), len(folds), "measuring parts"):
        findings += case_findings
        for name, one in of_case.items():
            parts[name].append(one)
    decisions = tuple(one for name, cases in parts.items() if cases for one in decide_rules(name, cases, settings))
    rules = tuple(replace(one.rule, connectivity=settings.connectivity) for one in decisions if one.adopted)
    spec = RuleSet(rules, tuple(zip(labels.names, labels.values)))
    result = RuleSearch(spec, decisions, parts, tuple(findings))
    _write(SearchFolder(output), result, settings)
    return result


def _write(folder: SearchFolder, result: RuleSearch, settings: SearchSettings) -> None:
    write_rule_set(folder.rules, result.spec, f"found by gnomon postprocess fit; sha256 {result.spec.sha256}")
    rows = [row for name, cases in result.parts.items() for row in part_rows(name, cases)]
    write_rows(folder.parts, rows, _COLUMNS)
    write_findings(folder.findings, result.findings)
    write_json(
        folder.search,
        {
            "schema": SEARCH_SCHEMA,
            "settings": asdict(settings),
            "rules_sha256": result.spec.sha256,
            "verdicts": [
                {**asdict(one), "gain": None if one.gain is None else vars(one.gain), "setting": one.setting}
                for one in result.decisions
            ],
        },
    )


def _measure_case(
    name: str,
    patient: str,
    fold: int,
    prediction: Path,
    reference: Path,
    labels: LabelScheme,
    probabilities: Path,
    settings: SearchSettings,
) -> tuple[list[Finding], dict[str, CaseParts]]:
    """The parts of every label of one case; none for a case that cannot be compared."""
    try:
        found, truth = read_label(prediction), read_label(reference)
        aligned = align_prediction(name, found.voxels, found.grid, truth.grid, "error")
        if aligned.voxels is None:
            return [aligned.finding] if aligned.finding else [], {}
        pairs = tuple(zip(labels.names, labels.values))
        known = tuple(label for label in labels.names if (probabilities / label / f"{name}.nii.gz").is_file())
        rules = tuple(PostprocessRule(label, "under search", min_mean_probability=0.0) for label in known)
        shares = read_probabilities(RuleSet(rules, pairs), name, probabilities, found.grid)
    except Refusal as refusal:
        return list(refusal.findings), {}
    return [], {
        label: case_parts(
            name,
            patient,
            fold,
            truth.voxels == value,
            found.voxels == value,
            truth.grid.voxel_volume_mm3,
            shares.get(label),
            settings.connectivity,
        )
        for label, value in pairs
    }


def _folds(cases: list[str], owner: Mapping[str, str], count: int, splits: Path | None) -> dict[str, int]:
    """The fold that held each case out; without splits, patients are assigned to folds by a keyed draw."""
    if splits is not None:
        stored = read_json(splits, "the data set")
        listed = stored if isinstance(stored, list) else stored["folds"]  # nnU-Net's, or ours
        held = {name: fold for fold, sides in enumerate(listed) for name in sides["val"]}
        if not (folds := {name: held[name] for name in cases if name in held}):
            raise SPLITS_WITHOUT_CASES.refusal(str(splits), found="none of the cases")
        return folds
    patients = sorted(set(owner.values()))
    order = generator(0, "postprocess", "folds").permutation(len(patients))
    fold_of = {patients[int(one)]: rank % count for rank, one in enumerate(order)}
    return {name: fold_of[owner[name]] for name in cases}


def _without_counterpart(found: Mapping[str, Path], truth: Mapping[str, Path]) -> list[Finding]:
    return [
        CASE_NOT_USED.at(f"case {name}", found=f"no {missing}", expected="a prediction and a reference")
        for names, missing in (
            (sorted(found.keys() - truth.keys()), "reference"),
            (sorted(truth.keys() - found.keys()), "prediction"),
        )
        for name in names
    ]


def _not_held_out(cases: list[str], folds: Mapping[str, int]) -> list[Finding]:
    return [
        CASE_NOT_USED.at(
            f"case {name}",
            found="a case that was held out in no fold",
            expected="a prediction by a model that did not train on the case",
        )
        for name in cases
        if name not in folds
    ]
