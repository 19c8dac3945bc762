"""Splits into folds and a test set, by patient and seed or from a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.core.randomness import generator
from gnomon.dataset.splits import Splits
from gnomon.rules.catalogue.preparation import INVALID_SPLIT, PATIENT_LEAKAGE, TOO_FEW_PATIENTS


def split_patients(patients: Mapping[str, str], folds: int, test_fraction: float, seed: int) -> Splits:
    """Split patients at random into a test set and folds; every case goes with its patient.

    Args:
        patients: patient of each case.
        folds: number of folds, at least 2.
        test_fraction: share of patients, rounded, that is held out of every fold.
        seed: of the split; another seed than the training's.

    Raises:
        Refusal: PRP301, fewer patients than folds.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(patients):
        members[patients[name]].append(name)
    # Ordered by their first case: pseudonyms depend on a key that may differ, case names do not.
    listed = sorted(members, key=lambda patient: min(members[patient]))
    order = [listed[i] for i in generator(seed, "splits").permutation(len(listed))]
    n_test = round(test_fraction * len(order))
    rest = order[n_test:]
    if folds < 2 or len(rest) < folds:
        raise TOO_FEW_PATIENTS.refusal("splits", found=f"{len(rest)} patient(s) for {folds} folds")
    pairs = []
    for fold in range(folds):
        held_out = set(rest[fold::folds])
        val = _cases(members, [one for one in rest if one in held_out])
        pairs.append((_cases(members, [one for one in rest if one not in held_out]), val))
    return Splits(tuple(pairs), _cases(members, order[:n_test]))


def splits_from_lists(lists: Sequence[Mapping[str, Any]], patients: Mapping[str, str]) -> Splits:
    """Folds from lists of case names, `train`, `val` and, if given, `test`; unknown cases are left out.

    Raises:
        Refusal: PRP302, a patient on two sides; PRP303, an empty side, or folds with different test cases.
    """
    folds = [_fold_from_lists(one, patients) for one in lists]
    if len({test for *_, test in folds}) > 1:
        raise INVALID_SPLIT.refusal(
            "splits", found="folds with different test cases", expected="one test set for all folds"
        )
    return Splits(tuple((train, val) for train, val, _ in folds), folds[0][2])


def _fold_from_lists(
    lists: Mapping[str, Any], patients: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Train, val and test of one fold."""
    sides = {side: tuple(name for name in lists.get(side, ()) if name in patients) for side in ("train", "val", "test")}
    sides_of: dict[str, set[str]] = defaultdict(set)
    for side, names in sides.items():
        for name in names:
            sides_of[patients[name]].add(side)
    if leaked := sorted(patient for patient, where in sides_of.items() if len(where) > 1):
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
