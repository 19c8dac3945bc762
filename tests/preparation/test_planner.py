from __future__ import annotations

import numpy as np
import pytest

from gnomon.dataset.plan import Plan
from gnomon.preparation.fingerprint import CaseStatistics, Fingerprint, compute_fingerprint
from gnomon.preparation.planner import fit_topology, make_plan, target_spacing
from gnomon.rules.finding import Refusal
from gnomon.settings import PlanSettings


def make_fingerprint(spacing, shape, coarse=None):
    intensity = {"p00_5": -50.0, "p99_5": 150.0, "mean": 40.0, "std": 20.0}
    return Fingerprint(10, spacing, coarse or spacing, shape, intensity, {"a": 10})


def test_the_target_spacing_is_the_median():
    assert target_spacing(make_fingerprint((1.0, 0.9, 1.5), (100, 100, 80))) == (1.0, 0.9, 1.5)


def test_a_coarse_and_short_axis_takes_its_tenth_percentile():
    assert target_spacing(make_fingerprint((0.8, 0.8, 5.0), (256, 256, 30), (0.7, 0.7, 3.0))) == (0.8, 0.8, 3.0)


def test_the_target_spacing_is_at_least_the_coarser_of_the_other_axes():
    assert target_spacing(make_fingerprint((0.8, 0.9, 5.0), (256, 256, 30), (0.7, 0.7, 0.5)))[2] == pytest.approx(
        0.9, abs=1e-4
    )


def test_a_coarse_axis_with_many_voxels_keeps_its_median():
    assert target_spacing(make_fingerprint((0.8, 0.8, 5.0), (128, 128, 100), (0.7, 0.7, 3.0)))[2] == 5.0


@pytest.mark.parametrize(
    ("spacing", "shape"), [((1, 1, 1), (35, 50, 36)), ((0.8, 0.8, 4), (512, 512, 90)), ((3, 1, 1), (60, 300, 300))]
)
@pytest.mark.parametrize("budget", [20_000, 120_000, 1_000_000])
def test_the_patch_fits_its_budget_and_divides(spacing, shape, budget):
    shaped = fit_topology(spacing, np.array(shape), lambda one: np.prod(one.patch) <= budget)
    assert np.prod(shaped.patch) <= budget
    assert all(edge % step == 0 for edge, step in zip(shaped.patch, shaped.divisor))


def test_the_hippocampus_gets_nnunets_patch():
    plan = make_plan(make_fingerprint((1, 1, 1), (35, 50, 36)), "MRI", PlanSettings())
    assert plan.topology.patch == (40, 56, 40)
    assert plan.normalisation.kind == "z_score"


def test_ct_is_windowed_by_the_percentiles_of_its_foreground():
    plan = make_plan(make_fingerprint((1, 1, 1), (35, 50, 36)), "CT", PlanSettings(batch=3))
    assert (plan.normalisation.kind, plan.normalisation.lower, plan.normalisation.upper) == ("window", -50.0, 150.0)
    assert Plan.from_dict(plan.as_dict()) == plan


def test_spacing_and_patch_that_the_user_sets_are_kept():
    plan = make_plan(
        make_fingerprint((1, 1, 1), (99, 99, 99)), "CT", PlanSettings(spacing_mm=[2, 2, 2], patch=[30, 30, 30])
    )
    assert plan.spacing_mm == (2, 2, 2)
    assert plan.topology.patch == (32, 32, 32)


def test_a_fingerprint_does_not_depend_on_the_order_of_cases():
    cases = [CaseStatistics(f"c{i}", (10 + i, 20, 30), (1, 1, 1 + i), (1.0 * i, 2.0), {"a": i}) for i in range(5)]
    assert compute_fingerprint(cases) == compute_fingerprint(cases[::-1])
    assert compute_fingerprint(cases).median_shape == (12, 20, 30)
    assert compute_fingerprint(cases).cases_with == {"a": 4}


def test_a_memory_limit_below_the_smallest_patch_is_refused():
    with pytest.raises(Refusal, match="PRP306"):
        make_plan(make_fingerprint((1, 1, 1), (35, 50, 36)), "MRI", PlanSettings(memory_gib=0.5), 3, lambda *_: 2**30)
    plan = make_plan(
        make_fingerprint((1, 1, 1), (35, 50, 36)), "MRI", PlanSettings(memory_gib=1.5), 3, lambda *_: 2**30
    )
    assert plan.topology.patch == (40, 56, 40)
