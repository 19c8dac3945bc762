from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.postprocess.limits import SCORES, sweep_limits
from tests.postprocess.scenes import GRID, brute_force, parts_of, random_scene


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SCORES)))
def test_every_limit_at_once_is_what_removing_and_measuring_gives(seed, kind):
    truth, found, probability = random_scene(np.random.default_rng(seed))
    case = parts_of("a", truth, found, probability, GRID)
    scores = SCORES[kind](case)
    limits = np.concatenate([[-np.inf], np.unique(scores), np.unique(scores) + 0.01, [np.inf]])
    swept = sweep_limits([case], SCORES[kind], limits)
    for column, limit in enumerate(limits):
        dice, hit = brute_force(truth, found, probability, GRID, kind, limit)
        assert swept.dice[0, column] == pytest.approx(dice, abs=1e-12)
        assert swept.found[0, column] == hit


def test_a_part_that_hits_two_lesions_loses_both():
    truth, found = np.zeros((20, 4, 4), bool), np.zeros((20, 4, 4), bool)
    truth[2:4], truth[6:8] = True, True
    found[3:7] = True
    found[12] = True
    case = parts_of("a", truth, found, np.ones(truth.shape), GRID)
    swept = sweep_limits([case], SCORES["min_volume_mm3"], np.array([0.0, 60 * 1.6, 200.0]))
    assert swept.found[0].tolist() == [2, 2, 0]
    assert swept.removed[0].tolist() == [0, 1, 2]
    assert swept.false[0].tolist() == [0, 1, 1]


def test_nothing_predicted_where_nothing_is_scores_one():
    empty = np.zeros((4, 4, 4), bool)
    case = parts_of("a", empty, empty, empty.astype(float), GRID)
    assert sweep_limits([case], SCORES["min_volume_mm3"], np.array([0.0, 5.0])).dice.tolist() == [[1.0, 1.0]]
