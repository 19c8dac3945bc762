"""The cells of the tutorial run from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_every_cell_of_the_tutorial_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(cells) >= 9
    names: dict[str, object] = {"__name__": "tutorial"}
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"{PAGE.name}, cell {number}", "exec"), names)
    shown = capsys.readouterr().out
    assert "USE101" in shown
    assert "True" in shown.splitlines()  # the same weights
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "audit" / "report.html").is_file()
