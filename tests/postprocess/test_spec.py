from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.labels import LabelScheme
from gnomon.postprocess import read_rule_set, rule_set_from, write_rule_set
from gnomon.postprocess.rule_set import SCHEMA
from gnomon.rules.finding import Refusal
from tests.postprocess.scenes import spec_values

GOOD = {"structure": "lesion", "min_volume_mm3": 30.0}


def refused(values, labels=None):
    with pytest.raises(Refusal) as caught:
        rule_set_from(values, "rules.yaml", labels)
    return str(caught.value)


@given(st.floats(0, 1e6), st.integers(1, 9), st.sampled_from(["background", "organ", "next_best"]), st.booleans())
def test_a_spec_comes_back_from_its_file_as_it_was(tmp_path_factory, limit, keep, becomes, edge):
    path = tmp_path_factory.mktemp("spec") / "rules.yaml"
    rules = (
        {
            "structure": "lesion",
            "min_volume_mm3": limit,
            "keep_k": keep,
            "removed_becomes": becomes,
            "exempt_at_edge": edge,
        },
        {"structure": "both", "parent": "organ", "parent_within_mm": 2.5},
    )
    spec = rule_set_from(spec_values(*rules, regions={"both": ["organ", "lesion"]}), "test")
    write_rule_set(path, spec, "found yesterday\nby hand")
    again = read_rule_set(path)
    assert again == spec and again.sha256 == spec.sha256


def test_the_hash_changes_with_anything_that_the_rules_do():
    one, other = (rule_set_from(spec_values({**GOOD, "min_volume_mm3": v}), "t") for v in (30.0, 30.5))
    assert one.sha256 != other.sha256
    assert one.sha256 != rule_set_from(spec_values(GOOD, labels={"organ": 1, "lesion": 3}), "t").sha256


def test_what_the_rules_read_of_probabilities_is_named():
    peak = {"structure": "both", "min_peak_probability": 0.5}
    spec = rule_set_from(spec_values(GOOD, peak, regions={"both": ["organ", "lesion"]}), "t")
    assert spec.reads_probability == ("organ", "lesion")
    assert rule_set_from(spec_values(GOOD), "t").reads_probability == ()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"structure": "lesion", "min_volume_mm3": 30, "reason": " "}, "reason"),
        ({"structure": "kidney", "min_volume_mm3": 30}, "'kidney'"),
        ({"structure": "lesion", "min_volume_mm3": -1}, "min_volume_mm3: found -1"),
        ({"structure": "lesion", "min_volume": 30}, "min_volume"),
        ({"structure": "lesion", "min_volume_mm3": "much"}, "much"),
        ({"structure": "lesion"}, "does nothing"),
        ({"structure": "lesion", "keep_largest": True, "keep_k": 2}, "keep_k"),
        ({"structure": "lesion", "min_mean_probability": 1.5}, "1.5"),
        ({"structure": "lesion", "parent": "kidney"}, "'kidney'"),
        ({"structure": "lesion", "parent_within_mm": 3, "keep_k": 1}, "without a parent"),
        (
            {"structure": "lesion", "min_volume_mm3": 3, "removed_becomes": "lesion"},
            "a removed lesion that becomes lesion",
        ),
        ({"structure": "lesion", "min_volume_mm3": 3, "connectivity": 8}, "connectivity: found 8"),
        ({"structure": "lesion", "fill_holes": "4d"}, "4d"),
        ({"structure": "both", "fill_holes": "3d"}, "region"),
        ({"structure": "lesion", "max_hole_mm3": 3, "keep_k": 1}, "without fill_holes"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_number(rule, told):
    message = refused(spec_values(GOOD, rule, regions={"both": ["organ", "lesion"]}))
    assert told in message and "rule 2" in message


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (None, "no postprocessing rules"),
        ({"schema": "other", "rules": []}, "schema"),
        ({"schema": SCHEMA, "rules": "none"}, "rules"),
        ({"schema": SCHEMA, "rules": [], "labels": {"a": 1}, "extra": 1}, "extra"),
        ({"schema": SCHEMA, "rules": []}, "no labels"),
        ({"schema": SCHEMA, "rules": [], "labels": {"a": 1, "b": 1}}, "repeat"),
        ({"schema": SCHEMA, "rules": [], "labels": {"a": "x"}}, "POS102"),
        ({"schema": SCHEMA, "rules": [], "labels": {"a": 1}, "regions": {"r": ["b"]}}, "regions"),
    ],
)
def test_a_file_that_is_no_spec_is_refused(values, told):
    assert told in refused(values)


def test_labels_of_the_file_must_be_those_of_the_segmentations():
    scheme = LabelScheme(("organ", "lesion"), (1, 3))
    assert "lesion: 2" in refused(spec_values(GOOD), scheme)
    spec = rule_set_from({**spec_values(GOOD), "labels": {}}, "t", scheme)
    assert spec.values_of("lesion") == (3,)


def test_a_file_that_is_not_there_or_is_no_yaml_is_refused(tmp_path):
    with pytest.raises(Refusal, match="POS101"):
        read_rule_set(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("rules: [")
    with pytest.raises(Refusal, match="POS101"):
        read_rule_set(tmp_path / "bad.yaml")
