"""Several folds or seeds in one experiment: a run each, then what they say together, with the spread over seeds."""

from __future__ import annotations

import copy
import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from gnomon.dataset.dataset import Dataset
from gnomon.inference import load_ensemble, predict_cases
from gnomon.io.artifacts import atomic_replacement, write_json, write_rows, write_text
from gnomon.io.console import say
from gnomon.io.folders import EvaluationFolder, GroupFolder, PredictionsFolder, RunFolder
from gnomon.pipeline.single import Outcome, judged, judged_cases, run_single
from gnomon.pipeline.stages import Stages, check_folder, read_stages
from gnomon.reports import of_dataset, write_evaluation_report, write_group_report
from gnomon.rules.catalogue.usage import INVALID_VALUE, UNKNOWN_FOLD

SCHEMA = "gnomon/group/1"


@dataclass(frozen=True)
class Member:
    """A run of a group."""

    fold: int
    seed: int


def members_of(values: Mapping[str, Any], n_folds: int) -> list[Member]:
    """The runs that a configuration asks for: `training.fold` may be `all`, `seed` a list.

    Raises:
        Refusal: USE113, a fold that is neither a number nor `all`; USE115, seeds that are none.
    """
    fold, seeds = values["training"]["fold"], values["seed"]
    if fold != "all" and not isinstance(fold, int):
        raise UNKNOWN_FOLD.refusal("training.fold", found=repr(fold))
    listed = seeds if isinstance(seeds, list) else [seeds]
    if not listed or len(set(listed)) != len(listed) or not all(isinstance(seed, int) for seed in listed):
        raise INVALID_VALUE.refusal(
            "seed",
            found=repr(seeds),
            expected="a whole number, or a list of different whole numbers",
            remedy="Correct the seed, for example seed=1 or seed=[1,2,3].",
        )
    folds = range(n_folds) if fold == "all" else [fold]
    return [Member(one, seed) for one in folds for seed in listed]


def of_member(values: Mapping[str, Any], member: Member, folder: RunFolder) -> dict[str, Any]:
    """The configuration of one run of a group."""
    own = copy.deepcopy(dict(values))
    own["seed"], own["training"]["fold"], own["output"] = member.seed, member.fold, str(folder.path)
    return own


def run_several(
    values: Mapping[str, Any], members: Sequence[Member], dataset: Dataset, folder: GroupFolder, checkout: Path | None
) -> Outcome:
    """Run every member, then judge each seed: the test set by all its folds together, or the folds' own cases.

    Without a test set each case is predicted by the fold that did not train on it. All predictions are kept.
    """
    check_folder(folder.path, values)
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    hashes: dict[Member, str] = {}
    for count, member in enumerate(members, 1):
        own = folder.member(member.fold, member.seed)
        say(f"run {count} of {len(members)}: fold {member.fold}, seed {member.seed}")
        config = of_member(values, member, own)
        done = run_single(read_stages(config), config, dataset, own, checkout)
        assert done.manifest is not None
        hashes[member] = str(done.manifest["weights_sha256"])
    write_members(folder, hashes)
    stages = read_stages(of_member(values, members[0], folder.member(members[0].fold, members[0].seed)))
    summaries = {
        seed: _judged(stages, dataset, folder, seed, [member for member in members if member.seed == seed])
        for seed in sorted({member.seed for member in members})
    }
    summary = together(summaries)
    write_json(folder.summary, summary)
    write_group_report(folder, str(values["name"]), summary, dataset, len(members))
    return Outcome(folder.report, summary, None)


def write_members(folder: GroupFolder, hashes: Mapping[Member, str]) -> None:
    """Write members.json: each run with its folder and the hash of its weights."""
    write_json(
        folder.members,
        {
            "schema": SCHEMA,
            "members": [
                {
                    "fold": member.fold,
                    "seed": member.seed,
                    "folder": folder.member(member.fold, member.seed).path.name,
                    "weights_sha256": digest,
                }
                for member, digest in hashes.items()
            ],
        },
    )


def together(summaries: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The mean over seeds and the standard deviation between them, for the mean Dice and for each label."""
    first = next(iter(summaries.values()))
    labels = {
        name: spread([summary["labels"][name]["dice"] for summary in summaries.values()]) for name in first["labels"]
    }
    found = spread([summary["mean_dice"] for summary in summaries.values()])
    return {
        "schema": SCHEMA,
        "n_cases": first["n_cases"],
        "seeds": list(summaries),
        "mean_dice": found["mean"],
        "between_seeds": found["deviation"],
        "labels": {name: {"dice": one["mean"], "between_seeds": one["deviation"]} for name, one in labels.items()},
        "by_seed": {str(seed): dict(summary) for seed, summary in summaries.items()},
    }


def spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1); no deviation of fewer than two."""
    found = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(found)) if found else None,
        "deviation": float(np.std(found, ddof=1)) if len(found) > 1 else None,
    }


def _gather_changes(made_by: Mapping[str, RunFolder], output: PredictionsFolder) -> None:
    """What rules changed in each case, from the run whose prediction of it was taken."""
    rows: list[Mapping[str, Any]] = []
    for run in dict.fromkeys(made_by.values()):
        listed = PredictionsFolder(run.predictions).changes
        if listed.is_file():
            with listed.open(newline="") as stream:
                rows += [row for row in csv.DictReader(stream) if made_by.get(row["case"]) == run]
    if rows:
        write_rows(output.changes, rows)


def _judged(
    stages: Stages, dataset: Dataset, folder: GroupFolder, seed: int, members: Sequence[Member]
) -> dict[str, Any]:
    """One seed's predictions and their evaluation."""
    runs = [folder.member(member.fold, member.seed) for member in members]
    output = folder.predictions(seed)
    if dataset.splits.test and len(runs) > 1 and not stages.training.data.cases:
        names = list(dataset.splits.test)
        missing = [name for name in names if not (output / f"{name}.nii.gz").is_file()]
        if missing:
            predict_cases(load_ensemble([run.path for run in runs], stages.inference), dataset, missing, output)
    else:
        made_by: dict[str, RunFolder] = {}
        for member, run in zip(members, runs):
            for name in judged_cases(stages, dataset, member.fold):
                made_by.setdefault(name, run)
        names = list(made_by)
        for name, run in made_by.items():
            for path in PredictionsFolder(run.predictions).of_case(name):
                with atomic_replacement(output / path.relative_to(run.predictions)) as temporary:
                    shutil.copyfile(path, temporary)
        _gather_changes(made_by, PredictionsFolder(output))
    summary = judged(stages, dataset, names, output, folder.evaluation(seed))
    where = EvaluationFolder(folder.evaluation(seed))
    write_evaluation_report(where, dataset.labels, f"Seed {seed}", of_dataset(dataset, output))
    return summary
