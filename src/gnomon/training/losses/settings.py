"""Settings of the loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gnomon.core.settings import bounded
from gnomon.training.losses.names import loss_names


@dataclass(frozen=True)
class LossSettings:
    """What is minimised: the sum of an overlap loss, a voxel-wise loss and weighted extra terms.

    `overlap`, `voxels` and the keys of `extra` name loss terms: `dice`, `tversky`, `cross_entropy`, `focal`, `top_k`,
    `boundary`, or a loss of an installed package (entry-point group `gnomon.losses`).

    Attributes:
        overlap: name of the overlap loss; `none` leaves it out.
        voxels: name of the voxel-wise loss; `none` leaves it out.
        extra: weights of further terms by name, as {boundary: 0.1}; the boundary loss is in mm.
        options: values that losses of installed packages read from `settings.options`.
        regions: unions of labels whose overlap counts in place of the labels', as where a challenge scores a whole
            tumour; a region's probability is the sum of its labels', so the prediction is always a label map.
        over_batch: compute the overlap over the batch as one volume instead of patch by patch.
        class_weights: weights of the channels in the voxel-wise loss, background first; empty for equal weights.
        tversky_beta: weight of false negatives; false positives weigh 1 - beta; 0.5 is Dice.
        focal_gamma: how strongly easy voxels are down-weighted; 0 is cross-entropy.
        top_k_fraction: fraction of the voxels that counts.
    """

    overlap: str = "dice"
    voxels: str = "cross_entropy"
    extra: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    regions: dict[str, list[str]] | None = None
    over_batch: bool = True
    class_weights: tuple[float, ...] = ()
    tversky_beta: float = 0.7
    focal_gamma: float = 2.0
    top_k_fraction: float = 0.1

    def __post_init__(self) -> None:
        bounded(self, tversky_beta=(0, 1), focal_gamma=(0, 10), top_k_fraction=(1e-6, 1))
        if unknown := sorted(set(self.weights) - set(loss_names())):
            raise ValueError(f"losses {', '.join(unknown)}, none of {', '.join(loss_names())} or none")
        if not self.weights:
            raise ValueError("overlap and voxels are both none and extra is empty: there is nothing to minimise")
        if any(weight < 0 for weight in (*self.class_weights, *self.extra.values())):
            raise ValueError(f"class_weights {self.class_weights} or extra {self.extra}, with a weight below 0")

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every term, by name, voxel-wise first."""
        chosen = {name: 1.0 for name in (self.voxels, self.overlap) if name != "none"}
        return {**chosen, **{name: chosen.get(name, 0.0) + weight for name, weight in self.extra.items()}}
