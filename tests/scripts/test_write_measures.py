"""The table of measures in the documentation is what its script writes from the measures."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_table_of_measures_is_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    writing = pytest.importorskip("write_measures")
    assert writing.page() == writing.PAGE.read_text(), "run python scripts/write_measures.py"
