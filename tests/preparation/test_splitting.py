from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.dataset.splits import Splits
from gnomon.preparation.splitting import split_patients, splits_from_lists
from gnomon.rules.finding import Refusal

patients = st.dictionaries(st.text("abcdef0123", min_size=1, max_size=5), st.sampled_from("PQRSTUVWXYZ"), min_size=12)


@given(patients, st.integers(2, 4), st.sampled_from([0.0, 0.2]), st.integers(0, 99))
def test_every_patient_is_on_one_side_and_every_case_in_a_split(cases, folds, test_fraction, seed):
    try:
        splits = split_patients(cases, folds, test_fraction, seed)
    except Refusal:
        assert len(set(cases.values())) - round(test_fraction * len(set(cases.values()))) < folds
        return
    test = {cases[name] for name in splits.test}
    held_out = []
    for train, val in splits.folds:
        sides = [{cases[name] for name in side} for side in (train, val)]
        assert not sides[0] & sides[1] and not test & (sides[0] | sides[1])
        assert sorted([*train, *val, *splits.test]) == sorted(cases)
        held_out += val
    assert sorted([*held_out, *splits.test]) == sorted(cases)


def test_splits_depend_on_the_seed_and_not_on_the_order_of_cases():
    cases = {f"c{i}": f"p{i}" for i in range(30)}
    assert split_patients(cases, 5, 0.2, 1) == split_patients(dict(reversed(cases.items())), 5, 0.2, 1)
    assert split_patients(cases, 5, 0.2, 1) != split_patients(cases, 5, 0.2, 2)
    assert len(split_patients(cases, 5, 0.2, 1).test) == 6


def test_splits_do_not_depend_on_pseudonyms():
    cases = {f"c{i}": f"p{i // 2}" for i in range(30)}
    renamed = {name: f"z{50 - int(patient[1:])}" for name, patient in cases.items()}
    assert split_patients(cases, 5, 0.2, 1) == split_patients(renamed, 5, 0.2, 1)


def test_splits_survive_their_dictionary():
    splits = split_patients({f"c{i}": f"p{i}" for i in range(9)}, 3, 0.0, 0)
    assert Splits.from_dict(splits.as_dict()) == splits
    assert splits.held_out(1) == splits.folds[1][1]


def test_unknown_cases_of_a_split_file_are_left_out():
    splits = splits_from_lists([{"train": ["a", "b", "gone"], "val": ["c"]}], {"a": "1", "b": "2", "c": "3"})
    assert splits.folds == ((("a", "b"), ("c",)),)


@pytest.mark.parametrize(
    ("lists", "rule"),
    [({"train": ["a"], "val": ["b"]}, "PRP302"), ({"train": ["a"], "val": ["x"]}, "PRP303"), ({}, "PRP303")],
)
def test_a_split_file_that_leaks_or_leaves_a_side_empty_is_refused(lists, rule):
    with pytest.raises(Refusal, match=rule):
        splits_from_lists([lists], {"a": "1", "b": "1", "c": "2"})
