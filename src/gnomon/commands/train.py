"""gnomon train: from data to a trained, evaluated, reported run. Each stage goes on where it stopped."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from gnomon.commands.evaluate import say_criteria, say_summary
from gnomon.commands.launch import DONE, FOUND, UNPROCESSED, checkout
from gnomon.commands.settings import plain, scheme_from
from gnomon.dataset.dataset import Dataset
from gnomon.io.console import print_findings, say
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.io.locks import exclusive_access
from gnomon.nets import build_net
from gnomon.pipeline import (
    Outcome,
    Stages,
    classification_data,
    members_of,
    of_member,
    own_folder,
    prepared_data,
    read_stages,
    run_classification,
    run_classifications,
    run_several,
    run_single,
)
from gnomon.reports import plan_text
from gnomon.rules.catalogue.usage import INVALID_VALUE
from gnomon.rules.finding import Finding, unwaived_errors


def run(config: DictConfig) -> int:
    """Prepare, train, predict, evaluate, report; exit code 3 where a case was left out unexpectedly."""
    values = plain(config)
    folder = own_folder(values)
    one = of_member(values, members_of(values, 1)[0], RunFolder(folder))  # as all, but for fold and seed
    stages = read_stages(one)
    if values["task"] == "classification":
        return _classify(values, one, stages, RunFolder(folder))
    if values["task"] != "segmentation":
        raise INVALID_VALUE.refusal(
            "task",
            found=repr(values["task"]),
            expected="segmentation or classification",
            remedy="Set task=segmentation or task=classification.",
        )
    dataset, planted = prepared_data(stages, values, scheme_from(values["data"]["label_names"]))
    known = values["data"]["known_findings"]
    print_findings(dataset.findings, known)
    if values["explain"]:
        print(_explained(dataset, values["net"], stages.step_bytes(values["net"], dataset.labels.n_channels)))
        return DONE
    members = members_of(values, len(dataset.splits.folds))
    with exclusive_access(folder):
        if len(members) > 1:
            outcome = run_several(values, members, dataset, GroupFolder(folder), checkout())
        else:
            outcome = run_single(stages, one, dataset, RunFolder(folder), checkout())
    met = _say(outcome)
    if not met or (planted is not None and not _all_found(planted, dataset.findings)):
        return FOUND
    return UNPROCESSED if unwaived_errors(dataset.findings, known) else DONE


def _classify(values: dict[str, Any], one: dict[str, Any], stages: Stages, folder: RunFolder) -> int:
    """Prepare, train, classify, judge, report."""
    dataset = classification_data(stages, values)
    known = values["data"]["known_findings"]
    print_findings(dataset.findings, known)
    members = members_of(values, len(dataset.splits.folds))
    with exclusive_access(folder.path):
        if len(members) > 1:
            _say_classes_of_seeds(run_classifications(values, members, dataset, GroupFolder(folder.path), checkout()))
        else:
            _say_classes(run_classification(stages, one, dataset, folder, checkout()))
    return UNPROCESSED if unwaived_errors(dataset.findings, known) else DONE


def _say_classes_of_seeds(outcome: Outcome) -> None:
    summary = outcome.summary
    spread = (
        ""
        if summary["between_seeds"] is None
        else (f" (standard deviation {summary['between_seeds']:.4f} between {len(summary['seeds'])} seeds)")
    )
    say(
        f"accuracy {summary['accuracy']:.3f}{spread}, balanced {summary['balanced_accuracy']:.3f}, over "
        f"{summary['n_cases']} held-out images: {outcome.report}"
    )


def _say_classes(outcome: Outcome) -> None:
    summary, manifest = outcome.summary, outcome.manifest
    for name, found in summary["classes"].items():
        said = ", ".join(f"{key} {found[key]:.3f}" for key in ("recall", "precision", "auc") if found[key] is not None)
        say(f"  {name}: {said} ({found['n']} images)")
    say(f"weights_sha256 {manifest['weights_sha256'] if manifest else ''}")
    say(
        f"accuracy {summary['accuracy']['estimate']:.3f}, balanced {summary['balanced_accuracy']:.3f}, over "
        f"{summary['n_cases']} held-out images: {outcome.report}"
    )


def _say(outcome: Outcome) -> bool:
    """Say what came out; whether every criterion is met."""
    summary = outcome.summary
    if outcome.manifest is None:
        met = all([say_criteria(one) for one in summary["by_seed"].values()])
    else:
        say_summary(summary)
        met = say_criteria(summary)
        say(f"weights_sha256 {outcome.manifest['weights_sha256']}")
    mean = "not measurable" if summary["mean_dice"] is None else f"{summary['mean_dice']:.4f}"
    spread = summary.get("between_seeds")
    said = "" if spread is None else f" (standard deviation {spread:.4f} between {len(summary['seeds'])} seeds)"
    say(f"mean Dice {mean}{said} over {summary['n_cases']} held-out cases: {outcome.report}")
    return met


def _explained(dataset: Dataset, net: dict[str, Any], step_bytes: Any) -> str:
    plan = dataset.plan
    built = build_net(net, plan.topology, 1, dataset.labels.n_channels)
    parameters = sum(value.numel() for value in built.parameters())
    return plan_text(dataset, net, parameters, step_bytes(plan.topology, plan.batch))


def _all_found(planted: list[dict[str, Any]], findings: tuple[Finding, ...]) -> bool:
    """Whether every planted defect was found; those that were not are named."""
    rules = [finding.rule for finding in findings]
    lost = [defect for defect in planted if defect["rule"] not in rules]
    for defect in lost:
        say(f"  planted but not found: {defect['kind']} ({defect['rule']})")
    return not lost
