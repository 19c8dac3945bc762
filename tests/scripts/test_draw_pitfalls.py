"""docs/pitfalls/ is what its script writes of the rules as they are."""

from pathlib import Path

import pytest

from gnomon.rules.catalogue import all_rules

ROOT = Path(__file__).parents[2]
PITFALLS = [f"P{number:02d}" for number in range(1, 29)]


@pytest.fixture
def drawing(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return pytest.importorskip("draw_pitfalls")


def test_every_pitfall_has_words_and_a_drawing(drawing):
    assert list(drawing.TEXTS) == PITFALLS and sorted(drawing.DRAWINGS) == PITFALLS


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_each_page_tells_what_goes_wrong_its_rules_and_the_fix(drawing, pitfall):
    rules = [rule for rule in all_rules().values() if rule.pitfall == pitfall]
    written = (ROOT / "docs" / "pitfalls" / f"{pitfall}.md").read_text(encoding="utf-8")
    assert written == drawing.page(pitfall, rules)
    assert "## The fix" in written and all(rule.id in written for rule in rules)
    assert (ROOT / "docs" / "pitfalls" / f"{pitfall}.png").stat().st_size > 2000
