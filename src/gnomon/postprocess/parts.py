"""The separate parts of a prediction, measured once against its reference: all that a rule search needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.boxes import EMPTY_BOX, bounding_box
from gnomon.core.components import label_components

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CaseParts:
    """The parts (connected components) of one structure in one case.

    Attributes:
        fold: the fold that held the case out.
        reference_voxels: size of the structure in the reference.
        lesions: size of each part of the reference, in voxels.
        voxels: size of each predicted part; `right` of them lie in the reference.
        mean, peak: mean and highest probability of each predicted part; NaN where unknown.
        hits: (n, 2), pairs of a predicted part and a lesion that share a voxel, numbered from 0.
    """

    case: str
    patient: str
    fold: int
    voxel_mm3: float
    reference_voxels: int
    lesions: Counts
    voxels: Counts
    right: Counts
    mean: Numbers
    peak: Numbers
    hits: Counts

    @property
    def mm3(self) -> Numbers:
        """Volume of each predicted part."""
        return np.asarray(self.voxels * self.voxel_mm3, np.float64)

    @property
    def rank(self) -> Counts:
        """Number of larger parts of each predicted part."""
        ordered = np.sort(-self.voxels)
        return np.asarray(np.searchsorted(ordered, -self.voxels), np.int64)


def case_parts(
    case: str,
    patient: str,
    fold: int,
    truth: NDArray[np.bool_],
    found: NDArray[np.bool_],
    voxel_mm3: float,
    probability: NDArray[Any] | None = None,
    connectivity: int = 26,
) -> CaseParts:
    """Measure two masks (x, y, z) on one grid; `probability` is that of the structure, on the same grid."""
    block = bounding_box(truth | found) or EMPTY_BOX
    truth, found = truth[block], found[block]
    lesions, n_lesions = label_components(truth, connectivity)
    parts, n_parts = label_components(found, connectivity)
    both = truth & found
    pairs = np.unique(np.stack([parts[both], lesions[both]], axis=1), axis=0) - 1
    unknown = np.full(n_parts, np.nan)
    mean, peak = unknown, unknown
    if probability is not None and n_parts:
        share, numbers = np.asarray(probability[block], np.float64), np.arange(1, n_parts + 1)
        mean, peak = ndimage.mean(share, parts, numbers), ndimage.maximum(share, parts, numbers)
    return CaseParts(
        case,
        patient,
        fold,
        voxel_mm3,
        int(truth.sum()),
        lesions=np.bincount(lesions.ravel(), minlength=n_lesions + 1)[1:].astype(np.int64),
        voxels=np.bincount(parts.ravel(), minlength=n_parts + 1)[1:].astype(np.int64),
        right=np.bincount(parts[both], minlength=n_parts + 1)[1:].astype(np.int64),
        mean=np.asarray(mean, np.float64),
        peak=np.asarray(peak, np.float64),
        hits=pairs.reshape(-1, 2).astype(np.int64),
    )


def part_rows(structure: str, cases: Sequence[CaseParts]) -> list[dict[str, Any]]:
    """One row per predicted part, for parts.csv."""
    rows = []
    for one in cases:
        for i in range(len(one.voxels)):
            rows.append(
                {
                    "case": one.case,
                    "fold": one.fold,
                    "structure": structure,
                    "part": i + 1,
                    "mm3": float(one.mm3[i]),
                    "voxels": int(one.voxels[i]),
                    "right_voxels": int(one.right[i]),
                    "lesions_hit": int((one.hits[:, 0] == i).sum()),
                    "mean_probability": None if np.isnan(one.mean[i]) else float(one.mean[i]),
                    "peak_probability": None if np.isnan(one.peak[i]) else float(one.peak[i]),
                }
            )
    return rows
