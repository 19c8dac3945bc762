"""What is cut for a training, and how it is drawn: values that patches and whole images share."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gnomon.data.augmentation import Augmentation
from gnomon.data.sampling import PatchKey


@dataclass(frozen=True)
class CutPatch:
    """A patch as it was cut, with the margin that its augmentation reads.

    Attributes:
        annotated: for each channel whether its structure was annotated.
        kind: index of the class of a whole image.
    """

    key: PatchKey
    image: torch.Tensor
    label: torch.Tensor
    how: Augmentation
    annotated: torch.Tensor
    kind: int = 0
