"""What is cut for a training, and how it is drawn: values that patches and whole images share."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from gnomon.core.settings import bounded, chosen
from gnomon.data.augmentation import Augmentation, AugmentationSettings
from gnomon.data.sampling import PatchKey


@dataclass(frozen=True)
class DataSettings:
    """How patches are drawn.

    Attributes:
        foreground_fraction: share of patches that are put on a structure.
        cases: only the first so many training cases, which are then also validated on; None for all.
        workers: loader processes; the stream does not depend on it.
        augment_on: `device` augments where the net is, `loader` where patches are cut; `auto` takes the
            device where it is a GPU. On one processor both give the same bits.
    """

    foreground_fraction: float = 0.5
    cases: int | None = None
    workers: int = 0
    augment_on: str = "auto"
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        bounded(self, foreground_fraction=(0, 1), workers=(0, 256), cases=(1, 1e9))
        chosen(self, augment_on=("auto", "loader", "device"))


@dataclass(frozen=True)
class CutPatch:
    """A patch as it was cut, with the margin that its augmentation reads.

    Attributes:
        annotated: for each channel whether its structure was looked for.
        kind: of a whole image its class, from 0.
    """

    key: PatchKey
    image: torch.Tensor
    label: torch.Tensor
    how: Augmentation
    annotated: torch.Tensor
    kind: int = 0
