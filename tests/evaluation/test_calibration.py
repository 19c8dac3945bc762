from __future__ import annotations

import numpy as np
import pytest

from gnomon.core.randomness import generator
from gnomon.evaluation.calibration import BINS, reliability


def test_voxels_that_hold_what_they_promise_have_no_error():
    draw = generator(0, "x")
    probability = np.repeat([0.1, 0.5, 0.9], 200_000).reshape(60, 100, 100)
    truth = draw.random(probability.shape) < probability
    found = reliability(truth, probability, (1, 1, 1), 1e9)
    assert found.count.sum() == probability.size
    assert found.expected_error == pytest.approx(0, abs=3e-3)
    assert found.brier == pytest.approx(np.mean([0.09, 0.25, 0.09]), abs=2e-3)


def test_a_model_that_is_too_sure_is_shown_to_be():
    truth = generator(0, "x").random((40, 50, 50)) < 0.7
    found = reliability(truth, np.full(truth.shape, 0.95), (1, 1, 1), 1e9)
    assert found.expected_error == pytest.approx(0.25, abs=0.01)
    (row,) = found.rows()
    assert row["probability"] == pytest.approx(0.95)
    assert row["frequency"] == pytest.approx(0.7, abs=0.01)


def test_only_voxels_near_the_surface_count():
    truth = np.zeros((21, 21, 21), bool)
    truth[5:16, 5:16, 5:16] = True
    found = reliability(truth, truth.astype(float), (1.0, 1.0, 1.0), 1.0)
    inner, outer = 11**3 - 9**3, 6 * 11**2
    assert found.count[-1] == inner
    assert found.count[0] == outer
    assert (found + found).count.sum() == 2 * (inner + outer)
    assert len(found.count) == BINS


def test_a_case_without_the_structure_adds_nothing():
    found = reliability(np.zeros((4, 4, 4), bool), np.full((4, 4, 4), 0.3), (1, 1, 1), 5.0)
    assert found.brier is None
    assert found.expected_error is None
    assert found.rows() == []
