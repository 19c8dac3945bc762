"""TRN: while a net is trained."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

LOSS_NOT_FINITE = Rule(
    id="TRN101",
    slug="training.loss-not-finite",
    title="Loss that is NaN or infinite",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="a finite loss",
    remedy=(
        "Lower training.optimiser.learning_rate or training.optimiser.clip_norm, or look for extreme values in the "
        "batch, which is kept in the run's replay/."
    ),
)
PROCESS_FAILED = Rule(
    id="TRN102",
    slug="training.process-failed",
    title="Process of a multi-device training that failed",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="every process to finish",
    remedy="Run the same command again, which resumes the training, or set training.devices=1.",
)
