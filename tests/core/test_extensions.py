"""Extensions of other packages: found without importing them, loaded by name, and harmless when broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gnomon.commands.launch import launch
from gnomon.core.extensions import (
    extension_names,
    extension_record,
    find_extensions,
    load_extension,
    load_group,
    name_clashes,
)
from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.data.torchio_transforms import apply_torchio, build_torchio_transform
from gnomon.dataset.topology import make_topology
from gnomon.evaluation import all_measures, evaluate
from gnomon.evaluation.measures import installed_measures
from gnomon.io.folders import EvaluationFolder
from gnomon.io.images import images_in_folder, write_image
from gnomon.nets import build_net, net_settings
from gnomon.pipeline.comparison import differences
from gnomon.reports import images_of_files, write_evaluation_report
from gnomon.rules.finding import Refusal, Severity
from gnomon.settings import EvaluateSettings, LossSettings
from gnomon.settings.names import built_in_nets, net_names
from gnomon.training.losses import build_loss


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
    assert [problem.where for problem in problems if "shadows_one" in problem.where] == [finding.where]


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


MEASURE = """
from gnomon.evaluation import Measure

FILLED = Measure(name="filled", title="filled", better="higher", function=lambda pair: 0.25)
DICE = Measure(name="dice", title="Dice", better="higher", function=lambda pair: 0.0)
"""


def test_a_measure_of_another_package_is_computed_and_a_taken_name_is_reported(site: Path) -> None:
    entries = {"filled": "brings_measures:FILLED", "dice_too": "brings_measures:DICE", "gone": "brings_measures:GONE"}
    install(site, "brings_measures", {"measures": entries}, MEASURE)
    assert [measure.name for measure in all_measures()][-1] == "filled"
    _, problems = installed_measures()
    assert [problem.rule for problem in problems] == ["EXT102", "EXT101"]
    assert all(problem.severity is Severity.WARNING for problem in problems)
    assert "brings_measures" in problems[1].where
    assert "'dice'" in problems[1].found


def test_a_measure_of_another_package_is_in_the_tables_and_the_report(site: Path, tmp_path: Path) -> None:
    install(site, "measures_more", {"measures": {"filled": "measures_more:FILLED"}}, MEASURE)
    grid = Grid.from_parts((6, 6, 6), (1.0, 1.0, 1.0))
    mask = np.zeros(grid.shape, np.uint8)
    mask[1:4, 1:4, 1:4] = 1
    for folder in ("r", "p"):
        write_image(tmp_path / folder / "a.nii.gz", mask, grid)
    files, labels = images_in_folder(tmp_path / "r"), LabelScheme(("organ",), (1,))
    done = evaluate(files, tmp_path / "p", labels, tmp_path / "e", EvaluateSettings(workers=1))
    assert done.rows[0]["filled"] == 0.25
    assert done.summary["labels"]["organ"]["filled"] == 0.25
    folder = EvaluationFolder(tmp_path / "e")
    write_evaluation_report(folder, labels, "Evaluation", images_of_files(files, files, {}))
    assert "filled" in folder.report.read_text()


def test_a_loss_of_another_package_is_a_term_of_the_sum(site: Path) -> None:
    source = "def constant(inputs, settings):\n    return inputs.log_probs.new_tensor(settings.options['value'])\n"
    install(site, "brings_a_loss", {"losses": {"constant": "brings_a_loss:constant"}}, source)
    settings = LossSettings(overlap="none", voxels="none", extra={"constant": 2.0}, options={"value": 3.0})
    loss = build_loss(settings, (1.0, 1.0, 1.0))
    assert float(loss(torch.zeros(1, 2, 4, 4, 4), torch.zeros(1, 4, 4, 4, dtype=torch.long), None)) == 6.0


TRANSFORM = """
import torch
import torchio as tio


class Offset(tio.Transform):
    def __init__(self, most=1.0, **kwargs):
        super().__init__(**kwargs)
        self.most = most

    def apply_transform(self, subject):
        for image in subject.get_images(intensity_only=True):
            image.set_data(image.data + self.most * torch.rand(1))
        return subject
"""


def test_a_transform_of_another_package_draws_from_the_keyed_stream(site: Path) -> None:
    install(site, "brings_a_transform", {"transforms": {"Offset": "brings_a_transform:Offset"}}, TRANSFORM)
    transform = build_torchio_transform([{"Offset": {"most": 5.0}}])
    assert transform is not None
    image, label = torch.zeros(1, 4, 4, 4), torch.zeros(4, 4, 4, dtype=torch.int8)

    def offset(*key: str | int) -> float:
        return float(apply_torchio(image, label, transform, (1, 1, 1), 0, key)[0].mean())

    assert offset(0, 1, "a") == offset(0, 1, "a") > 0
    assert offset(0, 1, "a") != offset(0, 2, "a")
    with pytest.raises(Refusal, match=r"USE116.*Offset: .*least"):
        build_torchio_transform([{"Offset": {"least": 1}}])
    with pytest.raises(Refusal, match=r"USE116.*Offset"):
        build_torchio_transform([{"Unheard": {}}])
