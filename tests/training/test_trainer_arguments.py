"""Arguments of Lightning's Trainer: those that keep the promises are passed on, the others are refused with reasons."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl

from gnomon.core.settings import settings_from
from gnomon.io.folders import RunFolder
from gnomon.rules.finding import Refusal
from gnomon.settings import TrainerSettings, TrainSettings
from gnomon.training import job

PASSED_ON = {
    "strategy": "ddp_find_unused_parameters_true",
    "limit_train_batches": 3,
    "limit_val_batches": 2,
    "log_every_n_steps": 5,
    "enable_model_summary": True,
    "detect_anomaly": True,
}


class _StopError(Exception):
    pass


def _arguments(settings, monkeypatch):
    """The keyword arguments that the Trainer is built with."""
    received = {}

    def trainer(**arguments):
        received.update(arguments)
        raise _StopError

    monkeypatch.setattr(job.pl, "Trainer", trainer)
    with pytest.raises(_StopError):
        job._run(
            SimpleNamespace(net=None), None, TrainSettings(), settings, [], [], RunFolder(Path("run")), checkpoint=None
        )
    return received


def test_every_argument_of_the_section_reaches_the_trainer(monkeypatch):
    assert {one.name for one in dataclasses.fields(TrainerSettings)} == set(PASSED_ON)
    received = _arguments(settings_from(TrainerSettings, PASSED_ON, "trainer"), monkeypatch)
    assert {name: received[name] for name in PASSED_ON} == PASSED_ON


def test_the_section_cannot_break_what_a_run_promises(monkeypatch):
    received = _arguments(settings_from(TrainerSettings, PASSED_ON, "trainer"), monkeypatch)
    assert received["deterministic"] is True
    assert received["use_distributed_sampler"] is False
    assert received["enable_checkpointing"] is False


@pytest.mark.parametrize("name", sorted(TrainerSettings.refused_keys))
def test_an_argument_that_is_not_passed_on_is_refused_with_its_reason(name):
    with pytest.raises(Refusal) as caught:
        settings_from(TrainerSettings, {name: True}, "trainer")
    message = str(caught.value)
    assert message.startswith(f"USE135 trainer.{name}: ")
    assert TrainerSettings.refused_keys[name] in message


def test_every_argument_of_lightnings_trainer_is_passed_on_or_refused():
    known = set(inspect.signature(pl.Trainer.__init__).parameters) - {"self", "kwargs"}
    assert known - set(PASSED_ON) - set(TrainerSettings.refused_keys) == set()


def test_fewer_batches_per_epoch_shorten_the_schedule():
    assert TrainerSettings(limit_train_batches=3).batches_per_epoch(50) == 3
    assert TrainerSettings(limit_train_batches=80).batches_per_epoch(50) == 50
    assert TrainerSettings().batches_per_epoch(50) == 50
