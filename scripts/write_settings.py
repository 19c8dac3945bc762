"""Write what is made from the declarations of settings: YAML defaults with their comments, and docs/settings.md.

python scripts/write_settings.py           writes them
python scripts/write_settings.py --check   exit code 1 where a file is stale
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import yaml

from gnomon.commands.compose import configs_folder
from gnomon.commands.describe import command_lines, nested_section, reference, usage, yaml_lines
from gnomon.commands.sections import COMMANDS
from gnomon.core.settings import declaration
from gnomon.settings.names import built_in_nets

ROOT = Path(__file__).resolve().parents[1]
_TABLE = ["| Key | Type | Default | Allowed | Meaning |", "| --- | --- | --- | --- | --- |"]
_INTRODUCTION = """# Settings

Look up a setting here: its full key, type, default, what is allowed, and what it does. Set it on the command line as
`gnomon train training.epochs=10`, or in a YAML file of your own (see [configs of your own](#configs-of-your-own)).
`gnomon COMMAND --help` shows the same for one command.

This page and the files of defaults in `configs/` are written by `python scripts/write_settings.py` from the
declarations in `gnomon.settings`, `gnomon.commands.sections` and the nets.

## Configs of your own

Put YAML files into a folder `configs/` beside where you run the command, or name a folder with `--config-dir DIR`. Its
groups are ours: `configs/experiment/NAME.yaml` for `experiment=NAME`, `configs/net/NAME.yaml` for `net=NAME`,
`configs/audit/NAME.yaml` for `audit=NAME`, and so on. An experiment begins with the line `# @package _global_` and
holds what differs from the defaults. A file with the name of one that comes with Gnomon is refused (USE134), so that a
name always stands for one configuration; a byte-identical copy is accepted. The resolved configuration of a run is in
its `config.yaml` and in its manifest, and needs none of these files.
"""


def generated() -> Iterator[tuple[Path, str]]:
    """Every file that is made from the declarations, with its contents."""
    sections = {}
    for command, kind in COMMANDS.items():
        last = ("experiment: phantom", "debug: none") if command == "train" else ()
        yield configs_folder() / f"{command}.yaml", _text(command_lines(kind, last))
        for name in kind.__dataclass_fields__:
            nested = nested_section(kind, name)
            if nested is not None and declaration(kind.__dataclass_fields__[name]).option:
                sections[name] = nested
    for name, section in sections.items():
        yield configs_folder() / name / "default.yaml", _text(yaml_lines(section))
    for path in sorted((configs_folder() / "net").glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        module = importlib.import_module(f"gnomon.nets.zoo.{values['name']}")
        chosen = {} if path.stem == values["name"] else values  # a preset keeps its values
        head = list(takewhile(lambda line: line.startswith("#"), path.read_text().splitlines()))
        yield path, _text([*head, f"name: {values['name']}", *yaml_lines(module.Settings, chosen)])
    yield ROOT / "docs" / "settings.md", _text(_reference(sections))


def _reference(sections: dict[str, type]) -> list[str]:
    lines = _INTRODUCTION.splitlines()
    for command, kind in COMMANDS.items():
        if rows := reference(kind, ""):
            lines += ["", f"## gnomon {command}", "", usage(kind)[1], "", *_TABLE, *rows]
    for name, section in sections.items():
        first = _first_sentence(section.__doc__)
        lines += ["", f"## {name}", "", first, "", *_TABLE, *reference(section, name)]
    for name in built_in_nets():
        module = importlib.import_module(f"gnomon.nets.zoo.{name}")
        first = _first_sentence(module.__doc__)
        lines += ["", f"## net={name}", "", first, "", *_TABLE, *reference(module.Settings, "net")]
    return lines


def _first_sentence(text: str | None) -> str:
    return " ".join(str(text).split("\n\n")[0].split())


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the files; exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit code 1 where a file is stale")
    check = parser.parse_args(arguments).check
    stale = [(path, text) for path, text in generated() if not path.is_file() or path.read_text() != text]
    for path, text in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and check:
        print("run: python scripts/write_settings.py")
    return int(bool(stale and check))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
