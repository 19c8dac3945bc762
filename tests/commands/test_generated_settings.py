"""YAML defaults and docs/settings.md are those of the declarations."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

from gnomon.commands.compose import configs_folder
from gnomon.core.settings import plain_values
from gnomon.settings import Config, DataSource

ROOT = Path(__file__).resolve().parents[2]
PHANTOM = DataSource(kind="phantom")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_settings", ROOT / "scripts" / "write_settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_made_from_the_declarations_is_up_to_date(script):
    stale = [str(path.relative_to(ROOT)) for path, text in script.generated() if path.read_text() != text]
    assert stale == [], "run: python scripts/write_settings.py"


def test_every_setting_of_an_experiment_is_in_the_reference(script):
    reference = (ROOT / "docs" / "settings.md").read_text()
    for key in keys(plain_values(Config(name="x", data=PHANTOM))):
        assert f"`{key}`" in reference, key


@pytest.mark.parametrize("section", ["training", "evaluation", "preparation", "conversion", "audit"])
def test_the_defaults_in_yaml_are_those_of_the_code(section):
    table = yaml.safe_load((configs_folder() / section / "default.yaml").read_text())
    assert table == plain_values(getattr(Config(name="x", data=PHANTOM), section))


def keys(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from keys(value, f"{prefix}{name}.")
        elif name != "net":
            yield f"{prefix}{name}"
