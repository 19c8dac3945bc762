"""gnomon new: a package of one's own, with a net, a loss, a measure, a rule and an experiment."""

from __future__ import annotations

from pathlib import Path

from gnomon.commands.launch import DONE
from gnomon.commands.sections import NewCommand
from gnomon.io.console import say
from gnomon.projects import create_project


def run(config: NewCommand) -> int:
    """Write the package, and say what to do with it."""
    folder = create_project(config.name, Path(config.parent).expanduser())
    say(f"a new package: {folder}")
    say(f"next: cd {folder}; python -m pip install --no-deps --no-build-isolation -e .; python -m pytest")
    return DONE
