"""Measures of an image with its label map: swapped sides, and the enhancement of vessels.

A left-right swap that header and pixels share is visible in neither, but a liver to the left of the spleen reveals
it. In about one of ten thousand people this is the anatomy (situs inversus): check before correcting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.mirroring import left_right_pairs
from gnomon.dicom.measures.enhancement import enhancement_phase
from gnomon.io.images import Image

_SAME_GRID = 0.01  # of the smallest spacing, as in training
_MIN_VOXELS = 27
_MIN_DISTANCE_MM = 10.0
_ASYMMETRIC = (
    ("spleen", "liver"),
    ("stomach", "liver"),
    ("aorta", "inferior_vena_cava"),
)  # (left, right) in normal anatomy


def structure_measures(
    ras: NDArray[np.float32], grid: Grid, label: Image, scheme: LabelScheme, *, hounsfield: bool
) -> dict[str, Any]:
    """`sides_exchanged`, and for a CT `enhancement` and `enhancement_hu`; empty where the label map has another grid.

    Args:
        ras: real-world values, (x, y, z) in RAS+.
        grid: the geometry of the values.
        label: the label map, in any orientation.
        scheme: what its values mean.
        hounsfield: whether the values are HU.
    """
    change = label.grid.reorientation_to("RAS")
    if grid.corner_displacement_mm(label.grid.reorient(change)) > _SAME_GRID * min(grid.spacing_mm):
        return {}
    labels = change.apply(label.voxels)
    sizes = np.bincount(labels.ravel(), minlength=max(scheme.values) + 1)
    present = {name: value for name, value in zip(scheme.names, scheme.values) if sizes[value] >= _MIN_VOXELS}
    measures: dict[str, Any] = {"sides_exchanged": _swapped_sides(labels, grid, present, scheme)}
    if hounsfield and present:
        medians = ndimage.median(ras, labels, list(present.values()))
        medians_hu = dict(zip(present, map(float, medians)))
        measures["enhancement"] = enhancement_phase(medians_hu)
        measures["enhancement_hu"] = ", ".join(f"{name} {hu:.0f}" for name, hu in sorted(medians_hu.items()))
    return measures


def _swapped_sides(labels: NDArray[np.uint16], grid: Grid, present: dict[str, int], scheme: LabelScheme) -> str:
    """Pairs whose left structure lies to the right of its partner, as text; empty where there are none."""
    pairs = [pair for pair in (*left_right_pairs(scheme), *_ASYMMETRIC) if set(pair) <= present.keys()]
    structures = sorted({name for pair in pairs for name in pair})
    if not structures:
        return ""
    centres = ndimage.center_of_mass(labels > 0, labels, [present[name] for name in structures])
    x_mm = dict(zip(structures, grid.points_mm(np.array(centres))[:, 0]))
    return "; ".join(
        f"{left} lies {x_mm[left] - x_mm[right]:.0f} mm to the right of {right}"
        for left, right in pairs
        if x_mm[left] - x_mm[right] > _MIN_DISTANCE_MM
    )
