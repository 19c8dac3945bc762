"""Plant and find: the confusion matrix of the rules (its output is in docs/audit_matrix.md).

    python -m benchmarks.audit_plants [--times 20] [--clean 200]

The defect of each rule is planted in random clean series of five modalities and five vendors, in every other study
together with the defect of a second, unrelated rule; clean series are audited in the same export.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from gnomon.audit import audit_rules
from tests.audit.exports import run_audit
from tests.audit.plants import PLANTS
from tests.audit.test_plants import matrix, plant_studies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--clean", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        where = plant_studies(Path(place) / "studies", options.times, options.clean)
        by_study, weighed, decisions = matrix(
            run_audit(Path(place) / "studies", Path(place) / "audit", workers=2), where
        )
    titles = {rule.id: rule.title for rule in audit_rules().rules.values()}
    print("| rule | title | planted | found | decided correctly | also found |\n|---|---|---|---|---|---|")
    total, hits = 0, 0
    for rule, plant in sorted(PLANTS.items()):
        studies = [study for study, (name, _) in where.items() if name == rule]
        whole = max(1, len(studies) // options.times)  # a defect may split a study in two
        found = sum(rule in by_study[study] for study in studies) // whole
        right = sum(plant.decision in decisions[study] for study in studies) // whole
        others = Counter(other for study in studies for other in weighed[study] - {rule})
        listed = ", ".join(f"{other} ({count // whole})" for other, count in sorted(others.items()))
        total, hits = total + options.times, hits + found
        print(f"| {rule} | {titles[rule]} | {len(studies) // whole} | {found} | {right} | {listed} |")
    clean = [study for study, (name, _) in where.items() if not name]
    alarms = Counter(rule for study in clean for rule in weighed[study])
    print(
        f"\nRecall {hits / total:.4f} over {total} defects; {len(clean)} clean studies, "
        f"{sum(alarms.values())} errors or warnings {dict(alarms) or ''}"
    )


if __name__ == "__main__":
    main()
