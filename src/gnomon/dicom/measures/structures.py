"""Measures of an image under its label map: exchanged sides, and the enhancement of vessels.

An exchange of left and right that header and pixels agree on cannot be seen in either; a liver that lies left of the
spleen is seen at once. In one of ten thousand people it does (situs inversus): look before you correct.
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

_SAME_GRID = 0.01  # of the smallest spacing, as for a training
_LEAST_VOXELS = 27
_APART_MM = 10.0
_ASYMMETRIC = (
    ("spleen", "liver"),
    ("stomach", "liver"),
    ("aorta", "inferior_vena_cava"),
)  # the left one, the right one


def structure_measures(
    ras: NDArray[np.float32], grid: Grid, label: Image, scheme: LabelScheme, *, hounsfield: bool
) -> dict[str, Any]:
    """`sides_exchanged`, and for a CT `enhancement` and `enhancement_hu`; nothing where the label map does not fit.

    Args:
        ras: real-world values, (x, y, z) in RAS+.
        grid: where they lie.
        label: the label map, in any orientation.
        scheme: what its values mean.
        hounsfield: whether the values are HU.
    """
    change = label.grid.reorientation_to("RAS")
    if grid.corner_displacement_mm(label.grid.reorient(change)) > _SAME_GRID * min(grid.spacing_mm):
        return {}
    values = change.apply(label.voxels)
    sizes = np.bincount(values.ravel(), minlength=max(scheme.values) + 1)
    there = {name: value for name, value in zip(scheme.names, scheme.values) if sizes[value] >= _LEAST_VOXELS}
    found: dict[str, Any] = {"sides_exchanged": _exchanged_sides(values, grid, there, scheme)}
    if hounsfield and there:
        medians = ndimage.median(ras, values, list(there.values()))
        medians_hu = dict(zip(there, map(float, medians)))
        found["enhancement"] = enhancement_phase(medians_hu)
        found["enhancement_hu"] = ", ".join(f"{name} {hu:.0f}" for name, hu in sorted(medians_hu.items()))
    return found


def _exchanged_sides(values: NDArray[np.uint16], grid: Grid, there: dict[str, int], scheme: LabelScheme) -> str:
    """Pairs whose left structure lies to the right of its partner, as text; empty where there are none."""
    pairs = [pair for pair in (*left_right_pairs(scheme), *_ASYMMETRIC) if set(pair) <= there.keys()]
    named = sorted({name for pair in pairs for name in pair})
    if not named:
        return ""
    centres = ndimage.center_of_mass(values > 0, values, [there[name] for name in named])
    x_mm = dict(zip(named, grid.points_mm(np.array(centres))[:, 0]))
    return "; ".join(
        f"{left} lies {x_mm[left] - x_mm[right]:.0f} mm to the right of {right}"
        for left, right in pairs
        if x_mm[left] - x_mm[right] > _APART_MM
    )
