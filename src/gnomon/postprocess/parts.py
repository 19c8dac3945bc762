"""The parts that a prediction is made of, measured once against its reference: all that a search has to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.components import label_components

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CaseParts:
    """One structure in one case.

    Attributes:
        fold: which model's fold the case was predicted in, as it was held out.
        reference_voxels: of the structure.
        lesions: separate parts of the reference, each in voxels.
        voxels: of each predicted part; `right` of them lie in the reference.
        mean, peak: probability of each predicted part; NaN where it is not known.
        hits: (predicted part, lesion) pairs that share a voxel, numbered from 0.
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
        """How many parts of the case are larger."""
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
    """Measure two masks (x, y, z) of one grid; `probability` is the structure's."""
    block = _around(truth | found)
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


def _around(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    block = []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        block.append(slice(int(there[0]), int(there[-1]) + 1) if there.size else slice(0, 0))
    return tuple(block)


def part_rows(structure: str, cases: Sequence[CaseParts]) -> list[dict[str, Any]]:
    """A row a predicted part, for parts.csv."""
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
