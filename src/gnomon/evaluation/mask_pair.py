"""Reference and prediction of one structure in one case, with what several measures need of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from gnomon.core.geometry import Grid
from gnomon.evaluation.lesions import LesionMatches, match_lesions
from gnomon.evaluation.surface import SurfaceDistances, surface_distances
from gnomon.settings import LesionSettings

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MeasureOptions:
    """How one structure is measured.

    Attributes:
        tolerance_mm: tolerance of the surface Dice (NSD).
        engine: surface engine, `fast` or `mesh`.
        boundary_mm: width of the band that boundary IoU compares; None: not measured.
        tubular: whether clDice is measured, as for vessels.
        lesions: how lesions are matched; None: the structure is not evaluated lesion by lesion.
    """

    tolerance_mm: float = 1.0
    engine: str = "fast"
    boundary_mm: float | None = None
    tubular: bool = False
    lesions: LesionSettings | None = None


@dataclass(frozen=True, eq=False)
class MaskPair:
    """A reference mask and a predicted mask on one grid; what is costly is computed once, when first used.

    Attributes:
        reference, prediction: (x, y, z). They may be a block cut from the grid, as long as it holds all of both.
        grid: the reference's whole grid; its spacing applies to the masks.
        options: how the structure is measured.
        outside_mm3: predicted volume beyond the grid; it counts as false positive in overlap and volume.
        probability: predicted probability of the structure (x, y, z), 0 to 1, in the same block; None: unknown.
    """

    reference: Mask
    prediction: Mask
    grid: Grid
    options: MeasureOptions = MeasureOptions()
    outside_mm3: float = 0.0
    probability: NDArray[Any] | None = None

    @cached_property
    def n_reference(self) -> int:
        """Voxels of the reference."""
        return int(self.reference.sum())

    @cached_property
    def n_prediction(self) -> float:
        """Voxels of the prediction, those beyond the grid included."""
        return int(self.prediction.sum()) + self.outside_mm3 / self.grid.voxel_volume_mm3

    @cached_property
    def n_common(self) -> int:
        """Voxels in both."""
        return int((self.reference & self.prediction).sum())

    @cached_property
    def status(self) -> str:
        """`absent` from both, `missed`, `spurious`, or `found`. A prediction wholly beyond the grid is a miss."""
        if not self.n_reference and not self.n_prediction:
            return "absent"
        if not self.n_reference:
            return "spurious"
        return "found" if self.prediction.any() else "missed"

    @cached_property
    def surfaces(self) -> SurfaceDistances:
        """Distances between the two surfaces, mm. Raises ValueError where a mask is empty."""
        return surface_distances(self.reference, self.prediction, self.grid.spacing_mm, self.options.engine)

    @cached_property
    def centerlines(self) -> tuple[Mask, Mask]:
        """Skeletons of reference and prediction, (x, y, z)."""
        reference, prediction = (skeletonize(mask).astype(bool) for mask in (self.reference, self.prediction))
        return reference, prediction

    @cached_property
    def lesions(self) -> LesionMatches | None:
        """Matched lesions; None where the structure is not evaluated lesion by lesion."""
        if self.options.lesions is None:
            return None
        return match_lesions(
            self.reference, self.prediction, self.grid.spacing_mm, self.options.lesions, self.probability
        )
