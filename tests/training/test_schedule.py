from __future__ import annotations

import pytest

from gnomon.training.schedule import Deadline, Progress, progress_by_clock, progress_by_steps


class Trainer:
    """As much of a trainer as a deadline looks at."""

    class strategy:  # noqa: N801 - its name there
        @staticmethod
        def broadcast(value):
            return value

    def __init__(self, first=0):
        self.current_epoch = first
        self.should_stop = False


def run(minutes, epoch_s, *, steps=50, first_s=None, stop_after=None, state=None):
    """The deadline, its progress and the clock after a training whose epochs take `epoch_s(epoch)` seconds."""
    clock = [0.0]
    progress = progress_by_clock()
    deadline = Deadline(minutes, steps, progress, lambda: clock[0])
    if state:
        deadline.load_state_dict(state)
    trainer = Trainer(len(state["ends_s"]) - 1 if state else 0)
    deadline.on_train_start(trainer, None)
    while not trainer.should_stop and trainer.current_epoch != stop_after:
        deadline.on_train_epoch_start(trainer, None)
        clock[0] += epoch_s(trainer.current_epoch)
        deadline.on_train_epoch_end(trainer, None)
        trainer.current_epoch += 1
    return deadline, progress, trainer


def test_steps_make_a_straight_line():
    progress = progress_by_steps(200)
    assert [progress.fraction(step) for step in (0, 50, 200, 300)] == [0, 0.25, 1, 1]
    assert progress.total(3) == 200


@pytest.mark.parametrize("epoch_s", [7.0, 20.0, 59.0, 170.0])
def test_a_training_ends_on_time_with_its_schedule_done(epoch_s):
    deadline, progress, trainer = run(10, lambda epoch: epoch_s)
    assert 600 - epoch_s < deadline.elapsed_s <= 600
    assert progress.fraction(trainer.current_epoch * 50) == pytest.approx(1)
    shares = [share for _, share in progress.knots]
    assert shares == sorted(shares)


def test_a_machine_that_slows_down_still_ends_on_time():
    deadline, progress, trainer = run(10, lambda epoch: 10 if epoch < 20 else 30)
    assert 540 <= deadline.elapsed_s <= 600
    assert progress.fraction(trainer.current_epoch * 50) > 0.9
    deadline, progress, _ = run(10, lambda epoch: 30 if epoch < 5 else 10)
    assert 570 <= deadline.elapsed_s <= 600
    assert progress.knots[-1][1] == pytest.approx(1)


def test_a_slow_first_epoch_does_not_shorten_the_training():
    deadline, _, _ = run(10, lambda epoch: 50 if epoch == 0 else 10)
    assert deadline.elapsed_s == 600


def test_one_epoch_is_run_however_little_time_there_is():
    _, _, trainer = run(0.1, lambda epoch: 60)
    assert trainer.current_epoch == 1


def test_a_resumed_training_has_only_the_time_that_was_left():
    begun, _, _ = run(10, lambda epoch: 20, stop_after=10)
    state = begun.state_dict()
    deadline, progress, trainer = run(10, lambda epoch: 20, state=state)
    assert deadline.elapsed_s == 600
    assert trainer.current_epoch == 30
    assert [step for step, _ in progress.knots] == list(range(0, 1501, 50))


def test_a_training_whose_time_was_up_does_not_resume():
    begun, _, _ = run(10, lambda epoch: 20)
    _, progress, trainer = run(10, lambda epoch: 20, state=begun.state_dict())
    assert trainer.current_epoch == 30
    assert len(progress.knots) == 31


def test_known_knots_repeat_the_shares_of_a_timed_training():
    _, timed, _ = run(10, lambda epoch: 20 + epoch % 3)
    again = Progress([(int(step), float(share)) for step, share in timed.knots])
    assert [again.fraction(step) for step in range(1500)] == [timed.fraction(step) for step in range(1500)]
