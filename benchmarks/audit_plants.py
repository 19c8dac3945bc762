"""Plant and find: the confusion matrix of every rule (docs/audit_matrix.md holds its output).

    python -m benchmarks.audit_plants [--times 20] [--clean 200]

Each rule's defect is planted in random clean series of five modalities and as many vendors, each with a second,
unrelated rule's defect in every other study; clean series are audited in the same export.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from gnomon.audit import audit_rules
from tests.audit.exports import audited
from tests.audit.plants import PLANTS
from tests.audit.test_plants import matrix, planted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--clean", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        where = planted(Path(place) / "studies", asked.times, asked.clean)
        by_study, weighed, decisions = matrix(audited(Path(place) / "studies", Path(place) / "audit", workers=2), where)
    titles = {rule.id: rule.title for rule in audit_rules().rules.values()}
    print("| rule | what | planted | found | decided right | found too |\n|---|---|---|---|---|---|")
    total, hits = 0, 0
    for rule, plant in sorted(PLANTS.items()):
        studies = [study for study, (name, _) in where.items() if name == rule]
        whole = max(1, len(studies) // asked.times)  # a defect may part a study in two
        found = sum(rule in by_study[study] for study in studies) // whole
        right = sum(plant.decision in decisions[study] for study in studies) // whole
        beside = Counter(other for study in studies for other in weighed[study] - {rule})
        told = ", ".join(f"{other} ({count // whole})" for other, count in sorted(beside.items()))
        total, hits = total + asked.times, hits + found
        print(f"| {rule} | {titles[rule]} | {len(studies) // whole} | {found} | {right} | {told} |")
    clean = [study for study, (name, _) in where.items() if not name]
    alarms = Counter(rule for study in clean for rule in weighed[study])
    print(
        f"\nRecall {hits / total:.4f} over {total} defects; {len(clean)} clean studies, "
        f"{sum(alarms.values())} errors or warnings {dict(alarms) or ''}"
    )


if __name__ == "__main__":
    main()
