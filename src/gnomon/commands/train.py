"""gnomon train: from data to a trained, evaluated, reported run. Each stage resumes where it stopped."""

from __future__ import annotations

from typing import Any

from gnomon.commands.launch import DONE, FOUND, UNPROCESSED
from gnomon.commands.settings import scheme_from
from gnomon.core.provenance import source_checkout
from gnomon.dataset.dataset import Dataset
from gnomon.io.console import print_findings, say
from gnomon.io.locks import exclusive_access
from gnomon.pipeline import Outcome, own_folder, prepare_data, read_stages, run_experiment
from gnomon.reports import describe_plan
from gnomon.rules.finding import Finding, unwaived_errors
from gnomon.settings import Config
from gnomon.tasks import Task, find_task


def run(config: Config) -> int:
    """Prepare, train, predict, evaluate, report; exit code 3 where a case was left out unexpectedly."""
    values = config.values
    task, folder, stages = find_task(values["task"]), own_folder(values), read_stages(values)
    dataset, planted = prepare_data(task, stages, values, scheme_from(values["data"]["label_names"]))
    known = values["data"]["known_findings"]
    print_findings(dataset.findings, known)
    if values["explain"]:
        print(_explain(task, dataset, values["net"], stages.step_bytes(values["net"], dataset.labels.n_channels)))
        return DONE
    with exclusive_access(folder):
        outcome = run_experiment(task, values, dataset, folder, source_checkout())
    _say_outcome(task, outcome)
    if not task.meets_criteria(outcome.summary) or (planted is not None and not _all_found(planted, dataset.findings)):
        return FOUND
    return UNPROCESSED if unwaived_errors(dataset.findings, known) else DONE


def _say_outcome(task: Task, outcome: Outcome) -> None:
    for line in task.result_lines(outcome.summary):
        say(line)
    if outcome.manifest is not None:
        say(f"weights_sha256 {outcome.manifest['weights_sha256']}")
    say(f"{task.headline(outcome.summary)}: {outcome.report}")


def _explain(task: Task, dataset: Dataset, net: dict[str, Any], step_bytes: Any) -> str:
    plan = dataset.plan
    built = task.learning.build_net(net, plan, dataset.labels, False)
    parameters = sum(value.numel() for value in built.parameters())
    return describe_plan(dataset, net, parameters, step_bytes(plan.topology, plan.batch))


def _all_found(planted: list[dict[str, Any]], findings: tuple[Finding, ...]) -> bool:
    """Whether every planted defect was found; those that were not are named."""
    rules = [finding.rule for finding in findings]
    lost = [defect for defect in planted if defect["rule"] not in rules]
    for defect in lost:
        say(f"  planted but not found: {defect['kind']} ({defect['rule']})")
    return not lost
