from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gnomon.postprocess.decisions import decide_rules
from gnomon.postprocess.guards import allowed_losses, effective_sample_size, safe_limit, tolerance_factor, upper_bound
from gnomon.postprocess.parts import CaseParts
from gnomon.settings import SearchSettings
from tests.postprocess.population import SHAPES, lost_share, populations


def patients(volumes, name="p"):
    """One lesion a patient, each found by a part of its own."""
    return [
        CaseParts(
            f"{name}{i}",
            f"{name}{i}",
            i % 5,
            1.0,
            int(v),
            np.array([v]),
            np.array([v]),
            np.array([v]),
            np.array([0.5]),
            np.array([0.5]),
            np.array([[0, 0]]),
        )
        for i, v in enumerate(volumes)
    ]


def test_the_bound_of_no_loss_is_the_rule_of_three():
    for n in (50, 150, 1000):
        assert upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n))
        assert upper_bound(0, n) == pytest.approx(3 / n, rel=0.04)
    assert upper_bound(2, 100) == pytest.approx(stats.binomtest(2, 100).proportion_ci(0.9, "exact").high)


def test_a_margin_of_two_per_cent_takes_149_lesions_without_assumptions():
    assert allowed_losses(148, 148.0, 0.02) is None
    assert allowed_losses(149, 149.0, 0.02) == 0
    assert allowed_losses(400, 400.0, 0.02) == 3
    assert allowed_losses(400, 100.0, 0.02) is None  # lesions of few patients


def test_many_lesions_allow_a_limit_up_to_the_smallest_and_few_only_half_of_it():
    many = safe_limit(patients(range(100, 300)), "min_volume_mm3", 0.02, 15)
    assert many.limit == 100.0
    few = safe_limit(patients(range(100, 140)), "min_volume_mm3", 0.02, 15)
    assert few.limit == pytest.approx(50.0) and "half of the smallest" in few.why
    wide = safe_limit(patients(np.rint(np.exp(np.linspace(3, 9, 40))).astype(int)), "min_volume_mm3", 0.02, 15)
    assert wide.limit < 10.0 and "tolerance limit" in wide.why
    none = safe_limit(patients(range(100, 110)), "min_volume_mm3", 0.02, 15)
    assert none.limit == -np.inf and "takes 149" in none.why
    assert safe_limit(patients(range(100, 140)), "keep_k", 0.02, 15).limit == -np.inf


def test_the_tolerance_factor_is_the_tabulated_one():
    # Owen's table: one-sided, 95 % confidence that 95 % lie beyond
    for n, tabulated in ((10, 2.911), (20, 2.396), (50, 2.065), (100, 1.927)):
        assert tolerance_factor(n, 0.05) == pytest.approx(tabulated, abs=2e-3)


def test_lesions_of_one_patient_that_are_alike_count_once():
    alike = np.repeat(np.arange(10.0), 5)
    names = [str(i) for i in np.repeat(np.arange(10), 5)]
    assert effective_sample_size(alike, names) == pytest.approx(10.0)
    mixed = np.tile(np.arange(5.0), 10)
    assert effective_sample_size(mixed, names) == pytest.approx(50.0)
    assert effective_sample_size(np.arange(50.0), [str(i) for i in range(50)]) == 50.0


@pytest.mark.parametrize("first", [0, 1, 2])
def test_on_simulated_data_sets_with_rare_classes_hardly_any_rule_loses_more_than_the_margin(first):
    settings, worse, adopted = SearchSettings(), 0, 0
    for i, (population, count) in list(enumerate(populations(60, seed=7)))[first::3]:
        assert population.shape == SHAPES[first]
        draw = np.random.default_rng(i)
        cases = [population.case(str(j), j % 5, draw) for j in range(count)]
        for verdict in decide_rules("rare", cases, settings):
            if verdict.adopted:
                adopted += 1
                worse += lost_share(population, verdict.kind, verdict.limit, i, 1000) > settings.recall_margin
    assert adopted >= 2
    assert worse <= 1  # of 20; benchmarks.postprocessing runs 200 and more
