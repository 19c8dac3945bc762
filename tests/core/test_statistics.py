from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gnomon.core.randomness import generator
from gnomon.core.statistics import (
    agreement,
    holm_adjusted_p_values,
    mean_interval,
    median_interval,
    non_inferior,
    paired_comparison,
)

DICE = {
    "normal": (lambda draw, n: draw.normal(0.85, 0.05, n), 0.85),
    "beta": (lambda draw, n: draw.beta(8, 2, n), 0.8),
    "skewed beta": (lambda draw, n: draw.beta(18, 2, n), 0.9),
    "uniform": (lambda draw, n: draw.uniform(0.5, 1, n), 0.75),
    "missed now and then": (lambda draw, n: np.where(draw.random(n) < 0.1, 0, draw.beta(20, 3, n)), 0.9 * 20 / 23),
}


def test_an_interval_is_the_same_every_time_and_holds_its_mean():
    values = generator(0, "x").beta(8, 2, 60)
    one, again = mean_interval(values), mean_interval(values)
    assert one == again
    assert one.lower < one.estimate < one.upper
    assert one.estimate == pytest.approx(values.mean())
    assert mean_interval(values, seed=1) != one


def test_scans_of_one_patient_count_once():
    draw = generator(0, "x")
    means = draw.beta(8, 2, 30)
    alone = mean_interval(means)
    repeated = mean_interval(np.repeat(means, 4), np.repeat(np.arange(30), 4).tolist())
    assert repeated.n_patients == 30
    assert (repeated.n, repeated.few_patients) == (120, True)
    assert repeated.lower == pytest.approx(alone.lower)
    assert repeated.upper == pytest.approx(alone.upper)
    pretended = mean_interval(np.repeat(means, 4))
    assert pretended.upper - pretended.lower < 0.6 * (repeated.upper - repeated.lower)


def test_few_patients_have_students_interval_which_is_wide():
    found = mean_interval([0.15, 0.17, 0.2], ["a", "a", "b"])
    assert found.lower < 0.1
    assert found.upper > 0.25
    values = [0.7, 0.8, 0.9, 0.85]
    found = mean_interval(values)
    wanted = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.lower, found.upper) == pytest.approx(wanted)


def test_one_patient_has_no_interval_and_equal_values_have_no_width():
    assert mean_interval([0.7, 0.8], ["a", "a"]).lower is None
    same = mean_interval([0.5] * 9)
    assert (same.lower, same.upper) == (0.5, 0.5)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
    with pytest.raises(ValueError, match="finite"):
        mean_interval([0.1, float("nan")])


@pytest.mark.parametrize("n", [5, 6, 9, 20, 57])
def test_the_median_lies_between_order_statistics_of_at_least_the_level(n):
    found = median_interval(np.arange(n, dtype=float))
    if n < 6:
        assert found.lower is None
        return
    low, high = int(found.lower), int(found.upper)
    assert low == n - 1 - high
    covered = stats.binom.cdf(n - low - 1, n, 0.5) - stats.binom.cdf(low, n, 0.5)
    assert covered >= 0.95
    narrower = stats.binom.cdf(n - low - 2, n, 0.5) - stats.binom.cdf(low + 1, n, 0.5)
    assert narrower < 0.95


def test_a_paired_comparison_finds_a_shift_and_its_size():
    draw = generator(3, "x")
    first = draw.beta(8, 2, 40)
    found = paired_comparison(first, first + 0.02 + draw.normal(0, 0.01, 40))
    assert found.mean.lower < 0.02 < found.mean.upper
    assert found.shift.lower < 0.02 < found.shift.upper
    assert max(found.p_mean, found.p_signed_rank) < 0.001
    assert non_inferior(found, 0.01) is True
    worse = paired_comparison(first, first - 0.02 + draw.normal(0, 0.01, 40))
    assert non_inferior(worse, 0.01) is False
    assert non_inferior(worse, 0.05) is True
    with pytest.raises(ValueError, match="above 0"):
        non_inferior(found, 0)


def test_two_equal_models_do_not_differ():
    found = paired_comparison([0.5, 0.7, 0.9], [0.5, 0.7, 0.9])
    assert (found.p_mean, found.p_signed_rank, found.mean.estimate) == (1.0, 1.0, 0.0)


def test_few_patients_are_permuted_exactly():
    found = paired_comparison([0.0] * 4, [1.0, 2.0, 3.0, 4.0])
    assert found.p_mean == 2 / 16
    assert found.p_signed_rank == 2 / 16


def test_the_hodges_lehmann_shift_is_the_median_of_pair_means():
    values = generator(0, "x").normal(size=15)
    found = paired_comparison(np.zeros(15), values).shift
    pairs = [(values[i] + values[j]) / 2 for i in range(15) for j in range(i, 15)]
    assert found.estimate == pytest.approx(np.median(pairs))
    assert stats.wilcoxon(values - found.lower).pvalue >= 0.03
    assert stats.wilcoxon(values - found.lower + 0.5).pvalue < 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_raises_p_values_keeps_their_order_and_is_the_stepwise_rule(p_values):
    corrected = holm_adjusted_p_values(p_values)
    assert all(0 <= low <= high <= 1 for low, high in zip(p_values, corrected))
    for i, one in enumerate(p_values):
        for j, other in enumerate(p_values):
            if one < other:
                assert corrected[i] <= corrected[j]
    assert min(corrected) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_holms_own_example():
    assert holm_adjusted_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_constant_difference_is_all_bias():
    first = np.arange(10.0)
    found = agreement(first, first + 3)
    assert (found.bias.estimate, found.lower_limit.estimate, found.upper_limit.estimate) == (3, 3, 3)
    assert found.slope == pytest.approx(0, abs=1e-12)


def test_a_proportional_error_is_seen_and_concordance_is_lins():
    first = generator(0, "x").uniform(10, 100, 50)
    found = agreement(first, 1.2 * first)
    assert found.slope == pytest.approx(0.2 / 1.1, rel=1e-6)
    assert found.p_slope < 1e-6
    second = 1.2 * first
    lins = (
        2 * np.cov(first, second, bias=True)[0, 1] / (first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    )
    assert found.concordance == pytest.approx(lins)
    assert agreement(first, first).concordance == pytest.approx(1)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_intervals_follow_a_change_of_unit(seed, factor, offset):
    values = generator(seed, "x").normal(size=25)
    one, other = mean_interval(values, draws=500), mean_interval(values * factor + offset, draws=500)
    assert other.lower == pytest.approx(one.lower * factor + offset, abs=1e-8)
    assert other.upper == pytest.approx(one.upper * factor + offset, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", DICE)
def test_intervals_of_fifty_cover_the_mean_in_93_to_97_percent(name):
    draw_values, truth = DICE[name]
    draw = generator(0, "coverage", name)
    inside = 0
    for _ in range(2000):
        found = mean_interval(draw_values(draw, 50), draws=1000)
        inside += found.lower <= truth <= found.upper
    assert 0.93 <= inside / 2000 <= 0.97, inside / 2000


@pytest.mark.slow
def test_paired_tests_cry_wolf_in_4_to_6_percent():
    draw = generator(0, "type one")
    alarms = np.zeros(2)
    for i in range(4000):
        difference = draw.standard_t(4, 50) * draw.choice([1, -1], 50)
        found = paired_comparison(np.zeros(50), difference, draws=1000, seed=i)
        alarms += (found.p_mean <= 0.05, found.p_signed_rank <= 0.05)
    assert (alarms / 4000 >= 0.04).all() and (alarms / 4000 <= 0.06).all(), alarms / 4000


def test_patients_that_are_nearly_all_alike_still_have_a_finite_interval():
    for n_other in (1, 2, 3):
        found = mean_interval([1.0] * (12 - n_other) + [0.0] * n_other)
        assert np.isfinite([found.lower, found.upper]).all()
        assert found.lower < found.estimate < found.upper
