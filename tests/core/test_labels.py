from __future__ import annotations

import pytest

from gnomon.core.labels import LabelScheme


@pytest.mark.parametrize(
    "labels",
    [
        {"background": 0, "liver": 1, "tumour": 2, "ignore": 3},
        {"0": "background", "1": "liver", "2": "tumour", "3": "ignore"},
        {0: "background", 1: "liver", 2: "tumour", 3: "ignore"},
        {"liver": "1", "tumour": 2.0, "ignore": 3},
    ],
)
def test_names_and_values_are_read_as_users_and_data_sets_write_them(labels):
    assert LabelScheme.from_names(labels) == LabelScheme(("liver", "tumour"), (1, 2), ignore=3)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({"whole": [1, 2], "core": 2}, "regions"),
        ({"liver": 1.5}, "whole number"),
        ({"liver": "one"}, "whole number"),
        ({"liver": True}, "whole number"),
        ({"liver": None}, "whole number"),
        ({"liver": -1}, "1..65535"),
        ({"liver": 1, "spleen": 1}, "repeat"),
        ({"background": 0}, "no structure is left"),
        ({}, "0 label names"),
    ],
)
def test_what_is_no_label_scheme_is_refused(labels, problem):
    with pytest.raises(ValueError, match=problem):
        LabelScheme.from_names(labels)
