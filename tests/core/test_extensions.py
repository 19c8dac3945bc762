"""Extensions of other packages: found without importing them, loaded by name, and harmless when broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gnomon.commands.launch import launch
from gnomon.core.extensions import (
    extension_names,
    extension_record,
    find_extensions,
    load_extension,
    load_group,
    name_clashes,
)
from gnomon.dataset.topology import make_topology
from gnomon.nets import build_net, net_settings
from gnomon.pipeline.comparison import differences
from gnomon.rules.finding import Refusal
from gnomon.settings.names import built_in_nets, net_names


def install(site: Path, name: str, entries: dict[str, dict[str, str]], source: str, version: str = "1.0") -> Path:
    """Put a one-module package with its metadata into a folder of installed packages; its module."""
    module = site / f"{name}.py"
    site.mkdir(parents=True, exist_ok=True)
    module.write_text(source)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, targets in entries.items():
        lines += [f"[gnomon.{group}]", *(f"{key} = {value}" for key, value in targets.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return module


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages on the import path."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(str(folder))
    return folder


def is_text(value: object) -> bool:
    return isinstance(value, str)


def test_listing_does_not_import_the_package(site: Path) -> None:
    install(site, "listed_only", {"losses": {"quiet": "listed_only:LOSS"}}, "raise RuntimeError('imported')")
    found = [one for one in find_extensions("losses") if one.name == "quiet"]
    assert [(one.distribution, one.version, one.target) for one in found] == [
        ("listed_only", "1.0", "listed_only:LOSS")
    ]
    assert found[0].file == site / "listed_only.py"
    assert "listed_only" not in sys.modules


def test_an_extension_is_loaded_by_its_name(site: Path) -> None:
    install(site, "loads_well", {"losses": {"fine": "loads_well:LOSS"}}, "LOSS = 'a loss'")
    assert load_extension("losses", "fine", is_text, "a text") == "a loss"
    assert load_extension("losses", "nobody provides this", is_text, "a text") is None
    assert "fine" in extension_names("losses")
    assert "fine" not in extension_names("losses", built_in={"fine"})


@pytest.mark.parametrize(
    ("source", "rule", "words"),
    [
        ("import a_module_that_is_not_installed", "EXT102", "a_module_that_is_not_installed"),
        ("1 / 0", "EXT102", "ZeroDivisionError"),
        ("OTHER = 1", "EXT102", "AttributeError"),
        ("LOSS = 3", "EXT103", "type int"),
    ],
)
def test_a_broken_extension_is_named_by_package_group_name_and_file(
    site: Path, source: str, rule: str, words: str, request: pytest.FixtureRequest
) -> None:
    name = f"broken_{abs(hash(request.node.name)) % 10**8}"
    module = install(site, name, {"losses": {"bad": f"{name}:LOSS"}}, source)
    with pytest.raises(Refusal) as refused:
        load_extension("losses", "bad", is_text, "a text")
    (finding,) = refused.value.findings
    assert finding.rule == rule
    message = str(finding)
    for part in (name, "gnomon.losses", "'bad'", str(module), words, finding.remedy):
        assert part in message


def test_a_broken_extension_leaves_the_others_usable(site: Path) -> None:
    install(site, "half_broken", {"rules": {"bad": "half_broken:X"}}, "import a_module_that_is_not_installed")
    install(site, "half_well", {"rules": {"good": "half_well:X"}}, "X = 'a rule'")
    usable, problems = load_group("rules", is_text, "a text")
    assert usable["good"] == "a rule"
    assert "bad" not in usable
    assert [problem.rule for problem in problems if "half_broken" in problem.where] == ["EXT102"]


def test_a_name_of_two_packages_is_refused_and_both_are_named(site: Path) -> None:
    install(site, "first_of_two", {"nets": {"same": "first_of_two:X"}}, "X = 'one'")
    install(site, "second_of_two", {"nets": {"same": "second_of_two:X"}}, "X = 'two'")
    with pytest.raises(Refusal) as refused:
        load_extension("nets", "same", is_text, "a text")
    assert refused.value.findings[0].rule == "EXT101"
    assert "first_of_two" in str(refused.value)
    assert "second_of_two" in str(refused.value)


def test_a_built_in_name_stays_built_in_and_is_reported(site: Path) -> None:
    install(site, "shadows_one", {"nets": {"plain_unet": "shadows_one:X"}}, "X = 'mine'")
    (finding,) = name_clashes("nets", {"plain_unet"})
    assert finding.rule == "EXT101"
    assert "shadows_one" in finding.where
    usable, problems = load_group("nets", is_text, "a text", built_in={"plain_unet"})
    assert "plain_unet" not in usable
    assert finding in problems


def test_the_record_tells_edited_code_apart(site: Path) -> None:
    module = install(site, "edited_later", {"nets": {"some": "edited_later:X"}}, "X = 1")

    def recorded() -> dict[str, object]:
        return next(row for row in extension_record() if row["distribution"] == "edited_later")

    before = recorded()
    assert before["version"] == "1.0"
    assert before["provides"] == ["nets:some"]
    assert recorded() == before
    module.write_text("X = 2")
    assert recorded()["files_sha256"] != before["files_sha256"]


def test_finding_extensions_needs_no_heavy_library() -> None:
    heavy = "sorted({'torch', 'polars'} & {*sys.modules})"
    code = f"import sys, gnomon.core.extensions as e; e.find_extensions(); print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NET = """
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Settings:
    features: int = 2


def build(settings, topology, channels_in, channels_out):
    return nn.Conv3d(channels_in, settings.features + channels_out, 1)
"""


def test_a_net_of_another_package_is_built_by_its_name(site: Path) -> None:
    install(site, "brings_a_net", {"nets": {"one_conv": "brings_a_net"}}, NET)
    assert "one_conv" in net_names()
    assert "one_conv" not in built_in_nets()
    net = build_net({"name": "one_conv", "features": 5}, make_topology((1, 1, 1), (16, 16, 16)), 1, 3)
    assert net.out_channels == 8
    with pytest.raises(Refusal, match="features"):
        net_settings({"name": "one_conv", "features": "many"})


def test_a_net_of_another_package_is_configured_from_its_settings(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "needs_no_yaml", {"nets": {"no_yaml": "needs_no_yaml"}}, NET)
    assert launch("train", ["experiment=phantom", "net=no_yaml", "net.features=many"]) == 2
    assert "features" in capsys.readouterr().err
    assert launch("train", ["experiment=phantom", "net=no_yaml", "net.layers=2"]) == 2
    assert "net.layers" in capsys.readouterr().err
    assert launch("train", ["experiment=phantom", "net=nobody"]) == 2
    assert "no_yaml" in capsys.readouterr().err


def test_an_object_that_builds_no_net_is_refused(site: Path) -> None:
    install(site, "brings_no_net", {"nets": {"no_net": "brings_no_net"}}, "X = 1")
    with pytest.raises(Refusal, match=r"EXT103.*brings_no_net.*Settings"):
        net_settings({"name": "no_net"})


def test_a_net_that_shadows_a_built_in_one_is_not_used(site: Path) -> None:
    install(site, "shadows_tiny", {"nets": {"plain_unet": "shadows_tiny"}}, "raise RuntimeError")
    assert net_settings({"name": "plain_unet"}) is not None


def test_doctor_lists_extensions_and_what_is_wrong_with_them(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, "seen_by_doctor", {"nets": {"seen": "seen_by_doctor"}}, "raise RuntimeError", version="3.2")
    install(site, "shadows_again", {"nets": {"plain_unet": "shadows_again"}}, "raise RuntimeError")
    assert launch("doctor", []) == 0
    shown = capsys.readouterr().out
    assert f"'seen' in gnomon.nets of seen_by_doctor 3.2 ({site / 'seen_by_doctor.py'})" in shown
    assert "EXT101" in shown


def test_runs_with_different_extension_code_are_told_apart(site: Path) -> None:
    module = install(site, "in_a_manifest", {"nets": {"kept": "in_a_manifest"}}, "X = 1")
    common = {"git": {}, "config": {}, "packages": {}, "hardware": {}, "environment": {}}
    one = {**common, "extensions": extension_record()}
    assert differences(one, {**common, "extensions": extension_record()}) == []
    module.write_text("X = 2")
    (line,) = differences(one, {**common, "extensions": extension_record()})
    assert line.startswith("extensions of in_a_manifest: 1.0 (")
    (line,) = differences(one, common)
    assert line.endswith("| not installed")
