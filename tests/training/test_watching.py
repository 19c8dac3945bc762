from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnomon.training.pictures import validation_picture
from gnomon.training.watching import LossChain, Patience, first_difference


def chain_of(losses, every=1):
    chain = LossChain(every)
    for loss in losses:
        chain.on_train_batch_end(None, None, {"loss": torch.tensor(loss)}, None, 0)
    return chain


@given(st.integers(1, 60), st.integers(0, 60))
def test_bisection_finds_the_first_step_at_which_two_runs_differ(steps, changed):
    losses = np.linspace(2, 1, steps).tolist()
    other = [loss + (1e-6 if i == changed else 0) for i, loss in enumerate(losses)]
    found = first_difference(chain_of(losses).hashes, chain_of(other).hashes)
    assert found == (changed if changed < steps else None)


def test_a_chain_that_is_longer_differs_where_the_other_ends():
    assert first_difference(["a", "b"], ["a", "b", "c"]) == 2
    assert first_difference([], []) is None


def test_a_chain_continues_from_its_state():
    whole, part = chain_of([3.0, 2.0, 1.0, 0.5], 2), chain_of([3.0, 2.0, 1.0], 2)
    rest = LossChain(2)
    rest.load_state_dict(part.state_dict())
    rest.on_train_batch_end(None, None, {"loss": torch.tensor(0.5)}, None, 0)
    assert rest.hashes == whole.hashes
    assert len(whole.hashes) == 2


def test_patience_stops_when_the_score_no_longer_rises(capsys):
    class Trainer:
        should_stop = False
        callback_metrics = None

    patience = Patience(3)
    stops = []
    for score in (0.1, 0.3, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4):
        Trainer.callback_metrics = {"patch_dice": score}
        patience.on_train_epoch_end(Trainer, None)
        stops.append(Trainer.should_stop)
    assert stops == [False] * 7 + [True]
    assert "0.4000 for 3 epochs" in capsys.readouterr().out
    again = Patience(3)
    again.load_state_dict(patience.state_dict())
    Trainer.should_stop = False
    again.on_train_start(Trainer, None)
    assert Trainer.should_stop, "a training that was over when it was cut off stays over"


def test_the_validation_picture_shows_anterior_up_and_marks_labels():
    image = torch.zeros(20, 30, 6)
    label = torch.zeros(20, 30, 6, dtype=torch.long)
    label[2:6, 24:28, 3] = 1  # to the left of the picture, anterior
    picture = validation_picture(image, label, torch.zeros_like(label))
    assert picture.shape == (30, 60, 3)
    coloured = (picture[..., 0] != picture[..., 2]).nonzero()
    assert (coloured[0].min(), coloured[0].max()) == (2, 5)
    assert (coloured[1].min(), coloured[1].max()) == (22, 25)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_flat_patch_has_a_picture_too(value):
    label = torch.zeros(4, 5, 6, dtype=torch.long)
    assert np.isfinite(validation_picture(torch.full((4, 5, 6), value), label, label)).all()
