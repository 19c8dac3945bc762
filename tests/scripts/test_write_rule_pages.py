"""The documentation of rules is what its script writes from the catalogue."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def writing(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return pytest.importorskip("write_rule_pages")


def test_every_page_is_what_the_catalogue_says(writing):
    pages = writing.pages()
    stale = [
        str(path.relative_to(ROOT))
        for path, text in pages.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    stale += [str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "rules").glob("*.md") if path not in pages]
    assert not stale, f"run `python scripts/write_rule_pages.py`; these are not what the catalogue says: {stale}"


def test_every_rule_has_a_section_and_every_link_leads_to_one(writing):
    index = writing.findings_page()
    for name, (title, rules) in writing.families().items():
        page = writing.family_page(title, rules)
        for rule in rules:
            assert f"## {rule.id} {rule.slug}\n" in page and rule.remedy in page and rule.harm in page
            assert f"rules/{name}.md#{rule.id.lower()}-{rule.slug.replace('.', '')})" in index
