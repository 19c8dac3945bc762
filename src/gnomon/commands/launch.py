"""Find a command, read its settings, run it, and turn what it raises into a message and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from gnomon.commands.compose import (
    Request,
    check_config,
    compose,
    configs_folder,
    options_of,
    read_request,
    refuse_composition,
    search_path,
    user_folder,
)
from gnomon.commands.describe import nested_section, usage, yaml_lines
from gnomon.commands.sections import COMMANDS
from gnomon.core.settings import closest_first, declaration
from gnomon.io.console import print_error
from gnomon.rules.finding import Refusal

DONE, FOUND, USAGE, UNPROCESSED = 0, 1, 2, 3
"""Exit codes: done and clean; findings; wrong usage or unreadable input; something was left unprocessed."""

_SWEEPS = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
    "hydra.sweep.dir=runs/sweeps/${now:%Y-%m-%d}/${now:%H-%M-%S}",
    "hydra.sweep.subdir=${hydra.job.num}",
)


def overview() -> str:
    """What `gnomon --help` prints."""
    lines = ["gnomon COMMAND [key=value ...]", ""]
    for name, kind in COMMANDS.items():
        lines.append(f"  {name:12} {usage(kind)[1]}")
    hints = ["`gnomon COMMAND --help` shows the settings of a command; `gnomon --version` the version."]
    return "\n".join([*lines, "", *hints])


def help_text(command: str) -> str:
    """Usage, then every setting with its default and its sentence, then the experiments, nets and checks."""
    kind = COMMANDS[command]
    lines = [*(line for line in usage(kind) if line), "", *yaml_lines(kind)]
    for one in fields(kind):
        if nested_section(kind, one.name) is not None and declaration(one).option:
            lines += ["", f"{one.name}:", *yaml_lines(nested_section(kind, one.name), indent=2)]
    own = user_folder(None)
    for group in [one.name for one in fields(kind) if declaration(one).option and len(options_of(one.name, own)) > 1]:
        lines += ["", f"{group}=: {', '.join(options_of(group, own))}"]
    if command == "train":
        lines += [
            "",
            f"experiment=: {', '.join(options_of('experiment', own))}",
            "debug=: overfit (one case), fast (two steps), profile (where the time goes)",
            "--explain explains the plan and stops",
            "-m seed=1,2 runs one training after another",
        ]
    hint = "--config-dir DIR adds your own folder of YAML files; configs/ in the current folder is found by itself"
    return "\n".join([*lines, "", hint])


def launch(command: str, arguments: list[str]) -> int:
    """Run one command; its exit code. A user's mistake prints what was found and what to do, no traceback."""
    if command not in COMMANDS:
        print_error(f"gnomon: no command {command!r}; there are {closest_first(command, COMMANDS)}")
        return USAGE
    if {"-h", "--help"} & set(arguments):
        print(help_text(command))
        return DONE
    return _run_guarded(lambda: _launch(command, arguments))


def _launch(command: str, arguments: list[str]) -> int:
    kind = COMMANDS[command]
    request = read_request(kind, arguments)
    if request.multirun:
        return _run_sweep(command, request)
    return _run(command, compose(command, kind, request))


def _run(command: str, settings: Any) -> int:
    return int(importlib.import_module(f"gnomon.commands.{command}").run(settings))


def _run_sweep(command: str, request: Request) -> int:
    """Run once for each combination of values, with Hydra's sweeper and launcher; the highest exit code."""
    import hydra

    codes: list[int] = []

    def task(config: Any) -> None:
        codes.append(_run_guarded(lambda: _run(command, check_config(COMMANDS[command], config))))

    wrapped = hydra.main(version_base="1.3", config_path=str(configs_folder()), config_name=command)(task)
    given = {override.split("=", 1)[0] for override in request.overrides}
    defaults = [default for default in _SWEEPS if default.split("=", 1)[0] not in given]
    before, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [f"gnomon {command}", "-m", *request.overrides, *defaults, search_path(request.config_dir)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, so that we report it
    try:
        wrapped()
    finally:
        sys.argv = before
        os.environ.pop("HYDRA_FULL_ERROR")
        if full_error is not None:
            os.environ["HYDRA_FULL_ERROR"] = full_error
    return max([DONE, *codes])


def _run_guarded(work: Callable[[], int]) -> int:
    """Run `work`; the code it returns, or the code of what it raised, reported in one message."""
    try:
        return work()
    except Refusal as refusal:
        for finding in refusal.findings:
            print_error(str(finding))
    except OSError as error:
        print_error(_os_message(error))
    except KeyboardInterrupt:
        print_error("stopped. Finished files are complete; the same command resumes from there.")
        return UNPROCESSED
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("hydra", "omegaconf", "yaml"):
            raise
        for finding in refuse_composition(error).findings:
            print_error(str(finding))
    return USAGE


def _os_message(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}. Finished files are complete; free some space and run it again."
    return f"{error.strerror or error}{where}"
