from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnomon.audit.association import cramers_v, predictive_features


def planted(auc, seed=0, cases=200):
    draw = np.random.default_rng(seed)
    ill = np.arange(cases) % 2
    sharp = draw.random(cases) < 0.5 + (2 * auc - 1) / 2 * np.where(ill == 1, 1, -1)
    features = pl.DataFrame(
        {"kernel": np.where(sharp, "sharp", "soft"), "noise": draw.normal(size=cases), "constant": ["x"] * cases}
    )
    return features, pl.Series(ill.astype(str))


def test_a_shortcut_is_named_with_about_its_own_auc_and_nothing_else_is():
    features, label = planted(0.8)
    (found,) = predictive_features(features, label, [""] * 200)
    assert found.name == "kernel"
    assert found.auc == pytest.approx(0.8, abs=0.08)
    assert found.p < 0.05


def test_nothing_is_named_where_nothing_tells_the_label():
    features, label = planted(0.5, seed=4)
    assert predictive_features(features, label, [""] * 200) == []


def test_a_feature_with_a_value_for_each_case_tells_nothing():
    label = pl.Series((np.arange(100) % 2).astype(str))
    features = pl.DataFrame({"uid": [f"1.2.{i}" for i in range(100)]})
    assert predictive_features(features, label, [""] * 100) == []


def test_what_tells_the_patient_does_not_pass_for_what_tells_the_label():
    patients = np.repeat(np.arange(40), 5)
    ill = np.random.default_rng(0).permutation(np.arange(40) % 2)[patients]
    features = pl.DataFrame({"station": [f"s{p}" for p in patients]})
    assert predictive_features(features, pl.Series(ill.astype(str)), [f"p{p}" for p in patients]) == []


def test_few_cases_are_not_judged():
    features, label = planted(1.0, cases=10)
    assert predictive_features(features, label, [""] * 10) == []


def test_cramers_v_is_one_for_a_copy_and_near_zero_for_strangers():
    draw = np.random.default_rng(0)
    one, other = (pl.Series(draw.integers(0, 3, 600).astype(str)) for _ in range(2))
    assert cramers_v(one, one)[0] == pytest.approx(1, abs=0.01)
    v, p = cramers_v(one, other)
    assert v < 0.1
    assert p > 0.01
    assert cramers_v(one[:1], other[:1]) == (0.0, 1.0)
