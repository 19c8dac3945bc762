"""Write the table of measures in docs/evaluation.md from the measures themselves.

python scripts/write_measures.py           writes it
python scripts/write_measures.py --check   exit code 1 where it is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from gnomon.evaluation.measures import BUILT_IN

PAGE = Path(__file__).resolve().parents[1] / "docs" / "evaluation.md"
_START, _END = "<!-- measures: written by scripts/write_measures.py -->\n", "<!-- end of measures -->\n"


def table() -> str:
    """One row per built-in measure, in the order of the columns of cases.csv."""
    lines = ["| column | measure | better | missed or spurious |", "| --- | --- | --- | --- |"]
    for measure in BUILT_IN:
        worst = "diagonal of the grid" if measure.unit == "mm" else f"{1 - measure.best:g}"
        lines.append(f"| `{measure.name}` | {measure.description} | {measure.better} | {worst} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with the present table."""
    before, rest = PAGE.read_text().split(_START)
    _, after = rest.split(_END)
    return f"{before}{_START}{table()}{_END}{after}"


def main() -> int:
    """Write the page, or check it."""
    text = page()
    if "--check" in sys.argv[1:]:
        return int(text != PAGE.read_text())
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
