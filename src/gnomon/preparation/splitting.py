"""Who is trained on and who is held out: grouped by patient, seeded, written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.core.randomness import generator
from gnomon.dataset.splits import Splits
from gnomon.rules.catalogue.preparation import INVALID_SPLIT, PATIENT_LEAKAGE, TOO_FEW_PATIENTS


def split_patients(patients: Mapping[str, str], folds: int, test_fraction: float, seed: int) -> Splits:
    """Deal patients into a test set and `folds` folds; every case goes with its patient.

    Args:
        patients: case name -> patient.
        folds: number of folds, at least 2 unless there is only one patient to validate on.
        test_fraction: share of patients (rounded) that is held out of every fold.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(patients):
        members[patients[name]].append(name)
    # In order of their first case: pseudonyms come from a key that may differ, case names do not.
    in_order = sorted(members, key=lambda patient: min(members[patient]))
    order = [in_order[i] for i in generator(seed, "splits").permutation(len(in_order))]
    n_test = round(test_fraction * len(order))
    rest = order[n_test:]
    if folds < 2 or len(rest) < folds:
        raise TOO_FEW_PATIENTS.refusal("splits", found=f"{len(rest)} patient(s) for {folds} folds")
    dealt = []
    for fold in range(folds):
        held = set(rest[fold::folds])
        val = _cases(members, [one for one in rest if one in held])
        dealt.append((_cases(members, [one for one in rest if one not in held]), val))
    return Splits(tuple(dealt), _cases(members, order[:n_test]))


def splits_from_lists(wanted: Sequence[Mapping[str, Any]], patients: Mapping[str, str]) -> Splits:
    """Folds from lists of names `train`, `val` and, if given, `test`; absent cases are left out.

    Raises:
        Refusal: a patient stands on two sides.
    """
    folds = [_fixed(one, patients) for one in wanted]
    if len({test for *_, test in folds}) > 1:
        raise INVALID_SPLIT.refusal(
            "splits", found="folds with different test cases", expected="one test set for all folds"
        )
    return Splits(tuple((train, val) for train, val, _ in folds), folds[0][2])


def _fixed(
    wanted: Mapping[str, Any], patients: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Train, val and test of one fold."""
    sides = {
        side: tuple(name for name in wanted.get(side, ()) if name in patients) for side in ("train", "val", "test")
    }
    owners: dict[str, set[str]] = defaultdict(set)
    for side, names in sides.items():
        for name in names:
            owners[patients[name]].add(side)
    if leaked := sorted(patient for patient, on in owners.items() if len(on) > 1):
        raise PATIENT_LEAKAGE.refusal("splits", found=f"{len(leaked)} patient(s) on two sides, for example {leaked[0]}")
    if not sides["train"] or not sides["val"]:
        raise INVALID_SPLIT.refusal(
            "splits",
            found=f"{len(sides['train'])} training and {len(sides['val'])} validation case(s) of the data set",
            expected="at least one of each",
        )
    return sides["train"], sides["val"], sides["test"]


def _cases(members: Mapping[str, list[str]], patients: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(name for patient in patients for name in members[patient]))
