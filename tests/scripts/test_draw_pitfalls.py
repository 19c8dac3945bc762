"""Every pitfall has a text and a drawing."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PITFALLS = [f"P{number:02d}" for number in range(1, 29)]


@pytest.fixture
def drawing(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return pytest.importorskip("draw_pitfalls")


def test_every_pitfall_has_a_text_and_a_drawing(drawing):
    texts = pytest.importorskip("pitfall_texts").TEXTS
    assert list(texts) == PITFALLS and sorted(drawing.DRAWINGS) == PITFALLS


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_each_page_has_its_picture(pitfall):
    folder = ROOT / "docs" / "pitfalls"
    assert f"({pitfall}.png)" in (folder / f"{pitfall}.md").read_text(encoding="utf-8")
    assert (folder / f"{pitfall}.png").stat().st_size > 2000
