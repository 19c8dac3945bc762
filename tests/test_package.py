"""What a wheel holds, and what the repository keeps out."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package unpacked from its wheel, away from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def test_an_installed_package_works_outside_the_checkout(installed, tmp_path):
    program = (
        "import gnomon; from gnomon.core.provenance import source_checkout; print(gnomon.__file__, source_checkout())"
    )
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-P", "-c", program]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.split() == [str(installed / "gnomon" / "__init__.py"), "None"]
    doctor = [sys.executable, "-P", "-m", "gnomon", "doctor"]
    told = subprocess.run(doctor, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"{installed / 'gnomon' / 'configs'}" in told
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_holds_every_config(installed):
    shipped = {path.relative_to(installed / "gnomon" / "configs") for path in installed.rglob("*.yaml")}
    assert shipped == {path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.yaml")}
    assert shipped


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_pins_versions_and_hashes_and_names_no_index(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "index-url" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[\w.-]+(\[\w,-]+)?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_test_lock_agrees_with_the_runtime_lock():
    pins = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    ]
    assert pins[0].items() <= pins[1].items()
    assert pins[1].keys() - pins[0].keys() >= {"pytest", "hypothesis", "ruff", "mypy"}


def test_large_binary_kinds_go_to_lfs_and_runs_stay_out():
    attributes = (ROOT / ".gitattributes").read_text()
    for suffix in ("ckpt", "pt", "pth", "h5", "safetensors", "onnx"):
        assert re.search(rf"^\*\.{suffix} filter=lfs diff=lfs merge=lfs -text$", attributes, re.MULTILINE)
    assert "/runs/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_wheel_holds_the_templates_of_reports(installed):
    source = ROOT / "src" / "gnomon" / "reports" / "templates"
    shipped = {path.name for path in (installed / "gnomon" / "reports" / "templates").iterdir()}
    assert (
        shipped == {path.name for path in source.iterdir()} >= {"page.html.j2", "page.css", "viewer.js", "filters.js"}
    )
