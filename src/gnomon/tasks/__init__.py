"""The tasks that a net can be trained for. A task is one value: net, loss, batches, prediction, evaluation, report."""

from gnomon.tasks.registry import find_task, task_names, task_of_run
from gnomon.tasks.task import DataPaths, Task

__all__ = ["DataPaths", "Task", "find_task", "task_names", "task_of_run"]
