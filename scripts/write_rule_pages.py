"""Write the documentation of rules from the catalogue: nothing here is edited by hand.

    python scripts/write_rule_pages.py

It writes docs/findings.md, docs/rules/, the text of docs/pitfalls/, the titles in docs/audit_matrix.md and the number
of rules in README.md. The pictures of docs/pitfalls/ come from scripts/draw_pitfalls.py.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path

from pitfall_texts import TEXTS

from gnomon.audit import audit_rules
from gnomon.io.artifacts import write_text
from gnomon.rules import catalogue
from gnomon.rules.catalogue import all_rules
from gnomon.rules.rule import Decision, Rule

ROOT = Path(__file__).parents[1]
INTRODUCTION = """# Findings

<!-- Written by scripts/write_rule_pages.py; do not edit. -->

Look up a finding by its id or its name: the link leads to what the rule means, how a breach harms a model, and what
to do.

Gnomon reports every problem as a finding: which rule is broken, where, what was found, what was expected and what you
can do about it. Findings are written to `findings.jsonl` beside the artifact that they concern, and the most important
ones to the screen.

| severity | means |
| --- | --- |
| error | the volume, case or command stops; all others continue |
| warning | the decision is yours |
| info | nothing to do; it may explain a result |

| exit code | means |
| --- | --- |
| 0 | finished, without findings that need a decision |
| 1 | finished, with findings (or a defect planted in the phantom was not found) |
| 2 | wrong usage, or input that cannot be read |
| 3 | some input was left unprocessed; it is listed by name |

Errors that you expect are listed in `known_findings`: they are still reported, and no longer change the exit code. A
policy of the audit sets the severity, decision or tolerance of a rule by its id or its name ([audit.md](audit.md)).
Ids are never reused; USE128 is retired.
"""


def families() -> dict[str, tuple[str, list[Rule]]]:
    """Rules by module of the catalogue: its title and its rules in order of ids."""
    found = {}
    for module in pkgutil.iter_modules(catalogue.__path__):
        loaded = importlib.import_module(f"{catalogue.__name__}.{module.name}")
        rules = sorted((value for value in vars(loaded).values() if isinstance(value, Rule)), key=lambda rule: rule.id)
        title = re.sub(r"^[A-Z]{3}: ", "", (loaded.__doc__ or module.name).splitlines()[0]).rstrip(".")
        found[module.name] = (title[0].upper() + title[1:], rules)
    return dict(sorted(found.items(), key=lambda item: item[1][1][0].id))


def findings_page() -> str:
    """docs/findings.md: every rule, with a link to its section."""
    parts = [INTRODUCTION]
    for name, (title, rules) in families().items():
        parts.append(f"## {title}\n\n| id | name | what is wrong | severity |\n| --- | --- | --- | --- |")
        parts += [
            f"| {rule.id} | [{rule.slug}](rules/{name}.md#{_anchor(rule)}) | {rule.title} | {rule.severity} |"
            for rule in rules
        ]
        parts.append("")
    return "\n".join(parts)


def family_page(title: str, rules: list[Rule]) -> str:
    """A page of docs/rules/: one section per rule."""
    sections = [f"# {title}\n\n<!-- Written by scripts/write_rule_pages.py; do not edit. -->\n"]
    sections += [_section(rule) for rule in rules]
    return "\n".join(sections)


def pitfall_page(pitfall: str) -> str:
    """A page of docs/pitfalls/: what goes wrong, the picture, the rules, the fix."""
    title, wrong, fix = TEXTS[pitfall]
    rows = [
        f"| {rule.id} | {_link(rule, '../rules/')} | {rule.title} | {rule.severity} | {rule.expectation()} |"
        for rule in _rules_of(pitfall)
    ]
    table = ["## Rules", "", "| id | name | what is wrong | severity | expected |", "| --- | --- | --- | --- | --- |"]
    drawn = "Drawn from the phantom by `scripts/draw_pitfalls.py`; curves and bars are schematic."
    picture = f"![Before and after]({pitfall}.png)"
    lines = [f"# {pitfall} {title}", "", wrong, "", picture, "", drawn, "", *([*table, *rows, ""] if rows else [])]
    return "\n".join([*lines, "## The fix", "", fix, ""])


def pitfall_list() -> str:
    """docs/pitfalls/README.md."""
    lines = [
        "# Pitfalls",
        "",
        "Twenty-eight ways in which a strong model fails validation, each with its rules and its fix.",
        "",
        "| pitfall | what goes wrong | rules |",
        "| --- | --- | --- |",
    ]
    for pitfall, (title, _, _) in TEXTS.items():
        ids = ", ".join(rule.id for rule in _rules_of(pitfall))
        lines.append(f"| [{pitfall}]({pitfall}.md) | {title} | {ids or '-'} |")
    return "\n".join([*lines, ""])


def pages() -> Mapping[Path, str]:
    """Every document that is made from the catalogue, by path."""
    docs = ROOT / "docs"
    found = {docs / "findings.md": findings_page()}
    found |= {docs / "rules" / f"{name}.md": family_page(*family) for name, family in families().items()}
    found |= {docs / "pitfalls" / f"{pitfall}.md": pitfall_page(pitfall) for pitfall in TEXTS}
    found[docs / "pitfalls" / "README.md"] = pitfall_list()
    matrix, readme = docs / "audit_matrix.md", ROOT / "README.md"
    found[matrix] = _with_titles(matrix.read_text(encoding="utf-8"))
    found[readme] = _with_count(readme.read_text(encoding="utf-8"))
    return found


def _section(rule: Rule) -> str:
    facts = {
        "Severity": str(rule.severity),
        "Decision": "repair" if rule.decision is Decision.REPAIR else "",
        "Tolerance": f"{rule.tolerance:g} {rule.unit}".strip() if rule.tolerance else "",
        "Expected": rule.expectation(),
        "Harm": rule.harm,
        "What to do": rule.remedy,
        "Concerns": str(rule.scope),
        "Source": rule.standard,
        "Pitfall": f"[{rule.pitfall}](../pitfalls/{rule.pitfall}.md)" if rule.pitfall else "",
    }
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in facts.items() if value)
    return f"## {rule.id} {rule.slug}\n\n{rule.title}.\n\n| | |\n| --- | --- |\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _anchor(rule: Rule) -> str:
    """The anchor that GitHub gives the heading of a rule."""
    return re.sub(r"[^\w\- ]", "", f"{rule.id} {rule.slug}".lower()).replace(" ", "-")


def _link(rule: Rule, folder: str) -> str:
    name = next(name for name, (_, rules) in families().items() if rule in rules)
    return f"[{rule.slug}]({folder}{name}.md#{_anchor(rule)})"


def _rules_of(pitfall: str) -> list[Rule]:
    return [rule for rule in all_rules().values() if rule.pitfall == pitfall]


def _with_titles(matrix: str) -> str:
    """The matrix of planted and found defects with the titles of today."""
    titles = {rule.id: rule.title for rule in all_rules().values()}
    return re.sub(r"^\| (DCM\d{3}) \| [^|]* \|", lambda row: f"| {row[1]} | {titles[row[1]]} |", matrix, flags=re.M)


def _with_count(readme: str) -> str:
    """README.md with the number of rules of the audit."""
    return re.sub(
        r"\b\d+ rules over headers and pixels", f"{len(audit_rules().rules)} rules over headers and pixels", readme
    )


def main() -> None:
    """Write every page, and remove pages of families that are gone."""
    written = pages()
    for path in (ROOT / "docs" / "rules").glob("*.md"):
        if path not in written:
            path.unlink()
    for path, text in written.items():
        write_text(path, text)


if __name__ == "__main__":
    main()
