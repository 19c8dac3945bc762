"""Finds a task by name, or by the run that was trained for it."""

from __future__ import annotations

from pathlib import Path

from gnomon.io.artifacts import read_json
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.rules.catalogue.usage import INVALID_VALUE
from gnomon.tasks.classification import CLASSIFICATION
from gnomon.tasks.segmentation import SEGMENTATION
from gnomon.tasks.task import Task

_TASKS = {task.name: task for task in (SEGMENTATION, CLASSIFICATION)}


def task_names() -> list[str]:
    """Names of the tasks."""
    return list(_TASKS)


def find_task(name: str) -> Task:
    """The task of a name.

    Raises:
        Refusal: USE115, there is no such task.
    """
    if name not in _TASKS:
        names = " or ".join(_TASKS)
        raise INVALID_VALUE.refusal("task", found=repr(name), expected=names, remedy=f"Set task= to {names}.")
    return _TASKS[name]


def task_of_run(run: Path) -> Task:
    """The task that a run, or a group of runs, was trained for; plans without a task are of segmentations."""
    group = GroupFolder(run)
    if group.members.is_file():
        run = run / str(read_json(group.members, "the group of runs")["members"][0]["folder"])
    plan = RunFolder(run).plan
    return find_task(read_json(plan, "the run").get("task", "segmentation") if plan.is_file() else "segmentation")
