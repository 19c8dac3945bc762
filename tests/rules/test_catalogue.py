"""Every rule is worded once, and a finding is a rule plus evidence."""

import re

import pytest

from gnomon.rules.catalogue import all_rules, find_rule
from gnomon.rules.catalogue.geometry import ANISOTROPIC_VOXELS
from gnomon.rules.catalogue.series import MISSING_SLICES
from gnomon.rules.finding import Severity

RULES = all_rules()  # raises where two rules share an id or a slug


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_has_a_readable_name_and_says_what_to_do(rule):
    assert re.fullmatch(r"[A-Z]{3}\d{3}", rule.id)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*", rule.slug)
    assert rule.title and not rule.title.endswith(".") and not rule.title.startswith(("A ", "An ", "The "))
    assert rule.expected and not rule.expected.endswith(".")
    assert rule.remedy[0].isupper() and rule.remedy.endswith((".", "?"))
    assert not rule.harm or rule.harm.endswith(".")
    assert not rule.pitfall or re.fullmatch(r"P\d\d", rule.pitfall)


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith("DCM")])
def test_a_rule_of_the_audit_says_what_it_harms_and_states_its_tolerance(name):
    rule = RULES[name]
    assert rule.harm
    assert bool(rule.tolerance) == ("{tolerance}" in rule.expected)


def test_a_rule_is_found_by_id_and_by_slug():
    assert find_rule("DCM211") is find_rule("series.missing-slices") is MISSING_SLICES
    assert find_rule("series.no-such-rule") is None


def test_a_finding_takes_its_words_from_the_rule_unless_the_place_decides():
    finding = MISSING_SLICES.at("volume 1", found="3 slices after 12.5 mm", expected="a slice every 2.500 mm")
    assert (finding.rule, finding.severity) == ("DCM211", Severity.ERROR)
    assert finding.expected == "a slice every 2.500 mm" and finding.remedy == MISSING_SLICES.remedy


def test_an_expectation_states_the_tolerance():
    assert ANISOTROPIC_VOXELS.expectation() == "a slice distance of at most 3 times the pixel spacing"
    assert ANISOTROPIC_VOXELS.at("volume 1", found="5").expected == ANISOTROPIC_VOXELS.expectation()
