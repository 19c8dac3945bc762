"""Find a command, compose its configuration with Hydra, run it, and turn what it raises into a message."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gnomon.commands.extension_configs import SEARCH_PATH
from gnomon.io.console import print_error
from gnomon.rules.catalogue.usage import MISSING_SETTING
from gnomon.rules.finding import Refusal

DONE, FOUND, USAGE, UNPROCESSED = 0, 1, 2, 3
"""Exit codes: done and clean; findings; wrong usage or unreadable input; something was left unprocessed."""

_NOT_COMMANDS = {"extension_configs", "launch", "settings"}
_HYDRA = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
    "hydra.sweep.dir=runs/sweeps/${now:%Y-%m-%d}/${now:%H-%M-%S}",
    "hydra.sweep.subdir=${hydra.job.num}",
    f"hydra.searchpath=[{SEARCH_PATH}]",
)


def configs_folder() -> Path:
    """The configuration files: inside an installed package, or at the root of the checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "configs" if (package / "configs").is_dir() else package.parents[1] / "configs"


def checkout() -> Path | None:
    """The folder of the source tree that the program runs from; None for an installed package."""
    folder = Path(__file__).resolve().parents[3]
    return folder if (folder / "src" / "gnomon" / "commands").is_dir() else None


def command_names() -> list[str]:
    """Every command: the modules of this package that have a `run`."""
    package = importlib.import_module("gnomon.commands")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in _NOT_COMMANDS)


def overview() -> str:
    """What `gnomon --help` prints."""
    lines = ["gnomon COMMAND [key=value ...]", ""]
    for name in command_names():
        lines.append(f"  {name:12} {_usage(name)[1]}")
    return "\n".join([*lines, "", "`gnomon COMMAND --help` shows the settings of a command."])


def _usage(command: str) -> list[str]:
    """The comment at the head of a command's configuration: usage first, then what it does."""
    text = (configs_folder() / f"{command}.yaml").read_text().splitlines()
    return [line.removeprefix("# ") for line in text[: text.index("defaults:")]]


def _help(command: str) -> str:
    """Usage, then every setting with its comment, then the experiments."""
    main = configs_folder() / f"{command}.yaml"
    body = main.read_text().split("_self_\n", 1)[1]
    lines = [*_usage(command), "", body.split("\n\n", 1)[-1].strip() if "experiment:" in body else body.strip()]
    for entry in cast(DictConfig, OmegaConf.load(main)).defaults:
        if isinstance(entry, DictConfig) and (group := str(next(iter(entry)))) not in ("experiment", "debug"):
            table = (configs_folder() / group / f"{entry[group]}.yaml").read_text().rstrip()
            lines += ["", f"{group}:", *(f"  {line}" for line in table.splitlines())]
    if command == "train":
        experiments = sorted(path.stem for path in (configs_folder() / "experiment").glob("*.yaml"))
        nets = sorted(path.stem for path in (configs_folder() / "net").glob("*.yaml"))
        lines += [
            "",
            f"experiment: {', '.join(experiments)}",
            f"net: {', '.join(nets)}",
            "debug: overfit (one case), fast (two steps), profile (where the time goes)",
            "--explain says why the plan is what it is, and stops",
            "-m seed=1,2 runs one training after another",
        ]
    return "\n".join(lines)


def launch(command: str, arguments: list[str]) -> int:
    """Run one command; its exit code. A user's mistake prints what was found and what to do, no traceback."""
    if command not in command_names():
        print_error(f"gnomon: no command {command!r}; there are {', '.join(command_names())}")
        return USAGE
    if {"-h", "--help"} & set(arguments):
        print(_help(command))
        return DONE
    if arguments and "=" not in arguments[0] and arguments[0][0].isalpha():  # `postprocess fit ...`, `new NAME`
        arguments = [f"{'name' if command == 'new' else 'verb'}={arguments[0]}", *arguments[1:]]
    arguments = ["explain=true" if argument == "--explain" else argument for argument in arguments]
    if added := [argument for argument in arguments if argument[:1] in ("+", "~")]:
        print_error(f"configuration: {added[0]} adds or removes a key; every key there is can be set without + or ~")
        return USAGE
    module = importlib.import_module(f"gnomon.commands.{command}")
    codes: list[int] = []

    def task(config: DictConfig) -> None:
        codes.append(_guarded(lambda: module.run(_complete(config))))

    wrapped = hydra.main(version_base="1.3", config_path=str(configs_folder()), config_name=command)(task)
    before, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [f"gnomon {command}", *_hydra_arguments(arguments)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, so that we say it
    try:
        problem = _guarded(lambda: wrapped() or DONE)
    finally:
        sys.argv = before
        os.environ.pop("HYDRA_FULL_ERROR")
        if full_error is not None:
            os.environ["HYDRA_FULL_ERROR"] = full_error
    return max([problem, *codes])


def _hydra_arguments(arguments: list[str]) -> list[str]:
    """The user's arguments, flags first (argparse wants the overrides in one piece), and our settings of Hydra."""
    flags = [argument for argument in arguments if argument in ("-m", "--multirun")]
    rest = [argument for argument in arguments if argument not in flags]
    given = {argument.split("=", 1)[0] for argument in rest}
    return [*flags, *rest, *(setting for setting in _HYDRA if setting.split("=", 1)[0] not in given)]


def _complete(config: DictConfig) -> DictConfig:
    """The configuration, if nothing in it is still asked for."""
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise MISSING_SETTING.refusal(
            ", ".join(missing), found="no value", remedy=f"Set {missing[0]}=VALUE; see the settings with --help."
        )
    return config


def _guarded(work: Callable[[], Any]) -> int:
    """Run `work`; the code it returns, or the code of what it raised, said in one message."""
    try:
        return int(work())
    except Refusal as refusal:
        for finding in refusal.findings:
            print_error(str(finding))
    except (HydraException, OmegaConfBaseException) as error:
        print_error(f"configuration: {_first_lines(error)}")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if error.errno == errno.ENOSPC:
            print_error(f"the disk is full{where}. What was finished is whole; free some space and run it again.")
        else:
            print_error(f"{error.strerror or error}{where}")
    except KeyboardInterrupt:
        print_error("stopped. What was finished is whole; the same command goes on from there.")
        return UNPROCESSED
    return USAGE


def _first_lines(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip() and "HYDRA_FULL_ERROR" not in line]
    unhelpful = ("To append to your config", "object_type", "Config search path", "provider=", "full_key:")
    kept = [line.strip() for line in lines if not any(word in line for word in unhelpful)]
    hint = "no such key; see them with --help" if "Could not override" in str(error) else ""
    return " ".join([*kept[:8], hint]).strip()
