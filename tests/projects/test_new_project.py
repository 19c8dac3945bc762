"""`gnomon new` writes a package that installs, whose tests pass as they come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gnomon
from gnomon.commands.launch import launch
from gnomon.projects import create_project
from gnomon.rules.finding import Refusal

SOURCE = Path(gnomon.__file__).parents[1]


def run_python(arguments: list[str], folder: Path, *, paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with folders on its import path and this checkout behind them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(path) for path in [*paths, SOURCE])}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new package, as the command writes it."""
    parent = tmp_path_factory.mktemp("projects")
    assert launch("new", ["my-project", f"parent={parent}"]) == 0
    return parent / "my-project"


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    """The folder that the package is installed into, without network."""
    pytest.importorskip("hatchling")
    folder = project.parent / "site"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder)]
    done = run_python(["-m", "pip", "install", *options, str(project)], project, paths=[])
    assert done.returncode == 0, done.stderr
    return folder


def test_the_tests_of_a_new_package_pass_as_they_come(project: Path, site: Path) -> None:
    done = run_python(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], project, paths=[site])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_package_is_formatted_and_free_of_lint(project: Path) -> None:
    ruff = pytest.importorskip("ruff.__main__").find_ruff_bin()
    for command in (["check", "--isolated", "--select", "E,F,I,B,UP"], ["format", "--check", "--isolated"]):
        done = subprocess.run(
            [ruff, *command, "--line-length", "120", "."], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_nothing_that_exists_is_overwritten(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises(Refusal, match="EXT202"):
        create_project("my-project", project.parent)
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name",
    ["", "1st", "a b", "../up", "a/b", ".hidden", "class", "json", "gnomon", "torch", "my--project", "trailing-"],
)
def test_a_name_that_no_package_can_bear_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match="EXT201"):
        create_project(name, tmp_path)
    assert not any(tmp_path.iterdir())


def test_no_placeholder_is_left(project: Path) -> None:
    for path in project.rglob("*"):
        assert "PACKAGE" not in path.name
        if path.is_file() and path.suffix in (".py", ".toml", ".yaml", ".md"):
            assert "$name" not in path.read_text()
            assert "$package" not in path.read_text()


def test_the_readme_has_at_most_ten_lines(project: Path) -> None:
    lines = [line for line in (project / "README.md").read_text().splitlines() if line.strip()]
    assert len(lines) <= 10
