"""The settings of every stage, and what a configuration is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import torch
from omegaconf import OmegaConf

from gnomon.core.provenance import sha256_of_values
from gnomon.core.settings import settings_from
from gnomon.evaluation import Criterion, read_criteria
from gnomon.io.folders import RunFolder
from gnomon.nets import net_settings, step_bytes
from gnomon.postprocess import check_rules_file
from gnomon.preparation import StepBytes
from gnomon.rules.catalogue.usage import DIFFERENT_CONFIGURATION
from gnomon.settings import (
    ConvertSettings,
    EvaluateSettings,
    PhantomSettings,
    PredictSettings,
    PrepareSettings,
    TrackerSettings,
    TrainSettings,
)
from gnomon.settings.policy import Policy
from gnomon.training import lightning_precision

_NOT_OF_THE_RESULT = (
    "output",
    "workspace",
    "trackers",
    "explain",
    "verify",
)  # keys that change no bit of what is learnt


@dataclass(frozen=True)
class Stages:
    """The settings of every stage, all read before the first one runs."""

    phantom: PhantomSettings
    audit: Policy
    conversion: ConvertSettings
    preparation: PrepareSettings
    training: TrainSettings
    inference: PredictSettings
    evaluation: EvaluateSettings
    trackers: TrackerSettings
    criteria: tuple[Criterion, ...] = ()

    def step_bytes(self, net: Mapping[str, Any], channels_out: int) -> StepBytes:
        """Memory of a training step with these settings, for a topology and a batch."""
        training = self.training
        device = "cuda" if training.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
        return lambda shaped, batch: step_bytes(
            net,
            shaped,
            batch // training.devices,
            1,
            channels_out,
            half=lightning_precision(training) != "32-true",
            activation_checkpointing=training.activation_checkpointing,
            optimiser=training.optimiser.kind,
            device=device,
        )


def read_stages(values: Mapping[str, Any]) -> Stages:
    """The settings in a configuration; a mistake in the last stage is found before the first one runs."""
    net_settings(values["net"])
    kinds = {name: kind for name, kind in get_type_hints(Stages).items() if name != "criteria"}
    made = Stages(**{name: settings_from(kind, values[name], name) for name, kind in kinds.items()})
    if made.inference.postprocess:
        check_rules_file(Path(made.inference.postprocess).expanduser())
    return replace(made, criteria=read_criteria(made.evaluation.criteria))


def own_folder(values: Mapping[str, Any]) -> Path:
    """The folder of a configuration: its `output`, or one named by what the result depends on.

    Raises:
        Refusal: USE111, it holds the run of another configuration.
    """
    chosen = values["output"] or f"{values['workspace']}/{values['name']}-{_identity(values)[:8]}"
    folder = Path(chosen).expanduser()
    check_folder(folder, values)
    return folder


def check_folder(folder: Path, values: Mapping[str, Any]) -> None:
    """Refuse (USE111) a folder that holds the run of another configuration."""
    config = RunFolder(folder).config
    if not config.is_file():
        return
    stored = OmegaConf.to_container(OmegaConf.load(config))
    assert isinstance(stored, dict)
    if _identity({str(key): value for key, value in stored.items()}) != _identity(values):
        raise DIFFERENT_CONFIGURATION.refusal(str(folder), found="a run with a different configuration")


def _identity(values: Mapping[str, Any]) -> str:
    return sha256_of_values({key: value for key, value in values.items() if key not in _NOT_OF_THE_RESULT})
