"""What a finding advises can be copied: every setting that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import gnomon
from gnomon.commands.compose import configs_folder
from gnomon.rules.catalogue import all_rules

COMMANDS = ("audit", "compare", "convert", "evaluate", "new", "nnunet", "postprocess", "predict", "prepare", "train")
SECTIONS = "audit|conversion|data|evaluation|inference|preparation|reading|search|trackers|trainer|training"
DOTTED = re.compile(rf"(?<![\w/.])(?:{SECTIONS})(?:\.[a-z]\w*)+")
ASSIGNED = re.compile(r"(?<![\w/.-])([a-z]\w*(?:\.\w+)*)=(?!=)")
FILES = (".json", ".csv", ".yaml", ".parquet")


@cache
def settings() -> set[str]:
    """Every key of every command, with and without its section."""
    found: set[str] = set()
    with initialize_config_dir(str(configs_folder()), version_base="1.3"):
        for command in COMMANDS:
            _collect(compose(command), "", found)
    return found


def _collect(node: DictConfig, prefix: str, found: set[str]) -> None:
    for key in node:
        name = f"{prefix}{key}"
        found.add(name)
        if not OmegaConf.is_missing(node, key) and isinstance(node[key], DictConfig):
            _collect(node[key], f"{name}.", found)


def named_settings(text: str) -> set[str]:
    dotted = {name for name in DOTTED.findall(text) if not name.endswith(FILES)}
    return dotted | set(ASSIGNED.findall(text))


def texts_of_places() -> list[tuple[str, str]]:
    """What places in the source give as expected or remedy, in place of the rule's own."""
    texts = []
    for path in sorted(Path(gnomon.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("at", "refusal"):
                given = [one.value for one in node.keywords if one.arg in ("expected", "remedy")]
                parts = [part for one in given for part in ast.walk(one) if isinstance(part, ast.Constant)]
                texts += [(f"{path.name}:{node.lineno}", part.value) for part in parts if isinstance(part.value, str)]
    return texts


@pytest.mark.parametrize("rule", all_rules().values(), ids=all_rules())
def test_a_rule_names_settings_that_exist(rule):
    assert named_settings(f"{rule.expected} {rule.remedy}") <= settings()


def test_places_name_settings_that_exist():
    texts = texts_of_places()
    assert len(texts) > 50
    wrong = {place: unknown for place, text in texts if (unknown := named_settings(text) - settings())}
    assert not wrong


def test_an_unknown_setting_in_a_remedy_would_be_found():
    assert named_settings("Set training.loss.colour=red, or see audit.json.") == {"training.loss.colour"}
    assert "training.loss.colour" not in settings()
