"""Several folds or seeds in one experiment: one run each, then their joint result and its spread over seeds."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import write_json, write_text
from gnomon.io.console import say
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.pipeline.single import Outcome, evaluated_cases, run_single
from gnomon.pipeline.stages import Stages, check_folder, read_stages
from gnomon.rules.catalogue.usage import INVALID_VALUE
from gnomon.tasks import Task
from gnomon.tasks.seeds import GROUP_SCHEMA


@dataclass(frozen=True)
class Member:
    """A run of a group."""

    fold: int
    seed: int


def read_seeds(values: Mapping[str, Any]) -> list[int]:
    """The seeds that a configuration asks for; `seed` may be a list.

    Raises:
        Refusal: USE115, seeds that are not different whole numbers.
    """
    seeds = values["seed"] if isinstance(values["seed"], list) else [values["seed"]]
    if not seeds or len(set(seeds)) != len(seeds) or not all(isinstance(seed, int) for seed in seeds):
        raise INVALID_VALUE.refusal(
            "seed",
            found=repr(values["seed"]),
            expected="a whole number, or a list of different whole numbers",
            remedy="Correct the seed, for example seed=1 or seed=[1,2,3].",
        )
    return seeds


def group_members(values: Mapping[str, Any], n_folds: int) -> list[Member]:
    """The runs that a configuration asks for: `training.fold` may be `all`, `seed` a list (USE115)."""
    fold, seeds = values["training"]["fold"], read_seeds(values)
    return [Member(one, seed) for one in (range(n_folds) if fold == "all" else [fold]) for seed in seeds]


def member_config(values: Mapping[str, Any], member: Member, folder: RunFolder) -> dict[str, Any]:
    """The configuration of one run of a group."""
    own = copy.deepcopy(dict(values))
    own["seed"], own["training"]["fold"], own["output"] = member.seed, member.fold, str(folder.path)
    return own


def run_experiment(
    task: Task, values: Mapping[str, Any], dataset: Dataset, folder: Path, checkout: Path | None
) -> Outcome:
    """Run the fold and seed of a configuration, or all of its folds and seeds as a group.

    Args:
        values: the resolved configuration, plain values.
        checkout: source tree of the program, for the manifest.
    """
    members = group_members(values, len(dataset.splits.folds))
    if len(members) > 1:
        return _run_group(task, values, members, dataset, GroupFolder(folder), checkout)
    config = member_config(values, members[0], RunFolder(folder))
    return run_single(task, read_stages(config), config, dataset, RunFolder(folder), checkout)


def _run_group(
    task: Task,
    values: Mapping[str, Any],
    members: Sequence[Member],
    dataset: Dataset,
    folder: GroupFolder,
    checkout: Path | None,
) -> Outcome:
    """Run every member, then evaluate each seed: the test set by all its folds together, or each fold's held-out cases.

    Without a test set each case is predicted by the fold that did not train on it. All predictions are kept.
    """
    check_folder(folder.path, values)
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    hashes: dict[Member, str] = {}
    for count, member in enumerate(members, 1):
        run = folder.member(member.fold, member.seed)
        say(f"run {count} of {len(members)}: fold {member.fold}, seed {member.seed}")
        config = member_config(values, member, run)
        done = run_single(task, read_stages(config), config, dataset, run, checkout)
        assert done.manifest is not None
        hashes[member] = str(done.manifest["weights_sha256"])
    _write_members(folder, hashes)
    stages = read_stages(member_config(values, members[0], folder.member(members[0].fold, members[0].seed)))
    summaries = {
        seed: _evaluate_seed(task, stages, dataset, folder, seed, [one for one in members if one.seed == seed])
        for seed in sorted({member.seed for member in members})
    }
    summary = task.summarise_seeds(summaries)
    write_json(folder.summary, summary)
    task.report_group(folder, str(values["name"]), summary, dataset, len(members))
    return Outcome(folder.report, summary, None)


def _write_members(folder: GroupFolder, hashes: Mapping[Member, str]) -> None:
    """Write members.json: each run with its folder and the hash of its weights."""
    members = [
        {
            "fold": member.fold,
            "seed": member.seed,
            "folder": folder.member(member.fold, member.seed).path.name,
            "weights_sha256": digest,
        }
        for member, digest in hashes.items()
    ]
    write_json(folder.members, {"schema": GROUP_SCHEMA, "members": members})


def _evaluate_seed(
    task: Task, stages: Stages, dataset: Dataset, folder: GroupFolder, seed: int, members: Sequence[Member]
) -> dict[str, Any]:
    """Combine the predictions of one seed's runs, and evaluate them."""
    predictions, evaluation = folder.predictions(seed), folder.evaluation(seed)
    cases = {
        folder.member(member.fold, member.seed): evaluated_cases(stages, dataset, member.fold) for member in members
    }
    names = task.combine(cases, dataset, predictions, stages.inference)
    summary = task.evaluate(dataset, names, predictions, evaluation, stages.evaluation, stages.inference)
    task.report_seed(folder, seed, dataset)
    return summary
