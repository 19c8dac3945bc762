"""Detection rate of a planted shortcut, and the rate of false alarms without one.

    python -m benchmarks.audit_leakage [--cohorts 200]

A cohort has 200 cases with a label and twenty header features. In one kind a feature tells the label with an AUC of
0.75; in the other all features are drawn without looking at it. Cases come alone, or two a patient.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import polars as pl

from gnomon.audit.association import predictive_features

CASES = 200


def cohort(seed: int, auc: float, a_patient: int) -> tuple[pl.DataFrame, pl.Series, list[str]]:
    """Features, label, patients. `kernel` carries the shortcut: P(sharp | ill) - P(sharp | well) = 2 AUC - 1."""
    draw = np.random.default_rng(seed)
    patients = np.arange(CASES) // a_patient
    ill = draw.permutation(np.arange(patients.max() + 1) % 2)[patients]
    lean = (2 * auc - 1) / 2
    sharp = draw.random(CASES) < 0.5 + np.where(ill == 1, lean, -lean)
    table = {"kernel": np.where(sharp, "B70f", "B30f")}
    for i in range(9):
        table[f"text{i}"] = np.array([f"v{v}" for v in draw.integers(0, 2 + i, CASES)])
    for i in range(10):
        table[f"number{i}"] = draw.normal(size=CASES)
    return pl.DataFrame(table), pl.Series([str(value) for value in ill]), [f"p{one}" for one in patients]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=200)
    asked = parser.parse_args()
    print("| cohorts | cases a patient | shortcut found | false alarms | seconds |\n|---|---|---|---|---|")
    for a_patient in (1, 2):
        began = time.perf_counter()
        found = alarms = 0
        for seed in range(asked.cohorts):
            found += any(one.name == "kernel" for one in predictive_features(*cohort(seed, 0.75, a_patient)))
            alarms += bool(predictive_features(*cohort(seed + 10_000, 0.5, a_patient)))
        print(
            f"| {asked.cohorts} | {a_patient} | {found / asked.cohorts:.3f} | {alarms / asked.cohorts:.3f} "
            f"| {time.perf_counter() - began:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
