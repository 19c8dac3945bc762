"""Several folds or seeds of a classification: a run each, then every image by runs that did not see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from gnomon.dataset.dataset import Dataset
from gnomon.evaluation import judge_classes
from gnomon.inference import read_class_rows
from gnomon.io.artifacts import write_json, write_rows, write_text
from gnomon.io.console import say
from gnomon.io.folders import EvaluationFolder, GroupFolder, PredictionsFolder
from gnomon.pipeline.classification import run_classification, truth_of
from gnomon.pipeline.several import SCHEMA, Member, of_member, spread, write_members
from gnomon.pipeline.single import Outcome
from gnomon.pipeline.stages import check_folder, read_stages
from gnomon.reports import write_class_group_report


def run_classifications(
    values: Mapping[str, Any], members: Sequence[Member], dataset: Dataset, folder: GroupFolder, checkout: Path | None
) -> Outcome:
    """Run every member, then judge each seed: an image's class is that of the mean probabilities of its runs.

    With a test set all folds of a seed judge it together; without one each image is left to the fold that held it out.
    """
    check_folder(folder.path, values)
    write_text(folder.config, OmegaConf.to_yaml(OmegaConf.create(dict(values))))
    hashes: dict[Member, str] = {}
    found: dict[int, dict[str, list[Mapping[str, Any]]]] = {}
    for count, member in enumerate(members, 1):
        own = folder.member(member.fold, member.seed)
        say(f"run {count} of {len(members)}: fold {member.fold}, seed {member.seed}")
        config = of_member(values, member, own)
        done = run_classification(read_stages(config), config, dataset, own, checkout)
        assert done.manifest is not None
        hashes[member] = str(done.manifest["weights_sha256"])
        for row in read_class_rows(PredictionsFolder(own.predictions)):
            found.setdefault(member.seed, {}).setdefault(str(row["case"]), []).append(row)
    write_members(folder, hashes)
    summaries = {seed: _judged(dataset, folder, seed, found[seed]) for seed in sorted(found)}
    summary = _together(summaries)
    write_json(folder.summary, summary)
    write_class_group_report(folder, str(values["name"]), summary, len(members))
    return Outcome(folder.report, summary, None)


def _judged(
    dataset: Dataset, folder: GroupFolder, seed: int, found: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """One seed's classes, and how right they are."""
    names = dataset.labels.names
    rows = []
    for case in sorted(found):
        shares = np.mean([[float(row[f"p/{name}"]) for name in names] for row in found[case]], axis=0)
        rows.append(
            {
                "case": case,
                "class": names[int(shares.argmax())],
                **{f"p/{name}": float(share) for name, share in zip(names, shares)},
            }
        )
    write_rows(PredictionsFolder(folder.predictions(seed)).classes, rows)
    summary = judge_classes(rows, *truth_of(dataset, sorted(found)), names)
    write_json(EvaluationFolder(folder.evaluation(seed)).summary, summary)
    return summary


def _together(summaries: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Means over seeds and the standard deviation between them."""
    first = next(iter(summaries.values()))
    accuracy = spread([one["accuracy"]["estimate"] for one in summaries.values()])
    balanced = spread([one["balanced_accuracy"] for one in summaries.values()])
    recalls = {
        name: spread([one["classes"][name]["recall"] for one in summaries.values()]) for name in first["classes"]
    }
    return {
        "schema": SCHEMA,
        "n_cases": first["n_cases"],
        "seeds": list(summaries),
        "accuracy": accuracy["mean"],
        "between_seeds": accuracy["deviation"],
        "balanced_accuracy": balanced["mean"],
        "classes": {name: {"recall": one["mean"], "between_seeds": one["deviation"]} for name, one in recalls.items()},
        "by_seed": {str(seed): dict(summary) for seed, summary in summaries.items()},
    }
