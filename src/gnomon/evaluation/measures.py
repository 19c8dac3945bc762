"""The measures, each one value. Columns of cases.csv, summaries, reports, criteria and the documentation follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gnomon.core.extensions import load_group, taken_name
from gnomon.core.geometry import Grid
from gnomon.evaluation.lesions import LesionMatches
from gnomon.evaluation.mask_pair import Mask, MaskPair, MeasureOptions
from gnomon.evaluation.measure import Measure, check_names
from gnomon.rules.finding import Finding

HD95 = "hd95_directed_max_area_mm"
"""The convention is part of the name: there are three, and they differ."""


def dice(pair: MaskPair) -> float:
    """Dice similarity coefficient."""
    return 2 * pair.n_common / (pair.n_reference + pair.n_prediction)


def iou(pair: MaskPair) -> float:
    """Intersection over union (Jaccard index)."""
    return pair.n_common / (pair.n_reference + pair.n_prediction - pair.n_common)


def sensitivity(pair: MaskPair) -> float:
    """Share of the reference that was predicted."""
    return pair.n_common / pair.n_reference


def precision(pair: MaskPair) -> float:
    """Share of the prediction that is right."""
    return pair.n_common / pair.n_prediction


def hausdorff_mm(pair: MaskPair) -> float:
    """Hausdorff distance."""
    return pair.surfaces.hausdorff_mm()


def hausdorff_95_mm(pair: MaskPair) -> float:
    """The larger of the two directed distances within which 95 % of the surface lies."""
    return pair.surfaces.hausdorff_mm(0.95)


def average_surface_distance_mm(pair: MaskPair) -> float:
    """Average symmetric surface distance."""
    return pair.surfaces.average_mm()


def mean_surface_distance_mm(pair: MaskPair) -> float:
    """Mean of the two directed mean surface distances."""
    return pair.surfaces.mean_of_means_mm()


def surface_dice(pair: MaskPair) -> float:
    """Normalised surface distance at the structure's tolerance."""
    return pair.surfaces.within(pair.options.tolerance_mm)


def centroid_distance_mm(pair: MaskPair) -> float:
    """Distance between the centres of mass."""
    return float(np.linalg.norm(_centroid_mm(pair.reference, pair.grid) - _centroid_mm(pair.prediction, pair.grid)))


def boundary_iou(pair: MaskPair) -> float:
    """IoU of the voxels of each mask that lie at its boundary or within `boundary_mm` of it (Cheng et al., 2021)."""
    width_mm = pair.options.boundary_mm
    assert width_mm is not None
    one, other = (boundary_band(mask, pair.grid.spacing_mm, width_mm) for mask in (pair.reference, pair.prediction))
    return float((one & other).sum() / (one | other).sum())


def centerline_dice(pair: MaskPair) -> float:
    """Harmonic mean of the shares of each centre line that lie in the other mask (clDice, Shit et al., 2021)."""
    of_reference, of_prediction = pair.centerlines
    precise = float((of_prediction & pair.reference).sum() / max(1, of_prediction.sum()))
    sensitive = float((of_reference & pair.prediction).sum() / max(1, of_reference.sum()))
    return 2 * precise * sensitive / (precise + sensitive) if precise + sensitive else 0.0


def boundary_band(mask: Mask, spacing_mm: Sequence[float], width_mm: float) -> Mask:
    """The voxels of a mask (x, y, z) that have an outer voxel beside them or within a width."""
    inward_mm = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=tuple(spacing_mm))[1:-1, 1:-1, 1:-1]
    return np.asarray(mask & ((inward_mm <= width_mm) | ~ndimage.binary_erosion(mask)))


def _centroid_mm(mask: Mask, grid: Grid) -> NDArray[np.float64]:
    """The centre of mass in RAS+ mm, but for the offset of the block in the grid."""
    counts = (mask.sum(axis=(1, 2)), mask.sum(axis=(0, 2)), mask.sum(axis=(0, 1)))
    centre = np.array([np.arange(len(count)) @ count / count.sum() for count in counts])
    return np.asarray(grid.affine[:3, :3] @ centre)


def _of_lesions(name: str) -> Callable[[MaskPair], float]:
    def value(pair: MaskPair) -> float:
        assert pair.lesions is not None
        return float(getattr(pair.lesions, name)())

    value.__doc__ = getattr(LesionMatches, name).__doc__
    return value


def _with_lesions(options: MeasureOptions) -> bool:
    return options.lesions is not None


def _with_lesion_pairs(options: MeasureOptions) -> bool:
    return options.lesions is not None and options.lesions.rule == "iou"


BUILT_IN: tuple[Measure, ...] = (
    Measure(
        name="dice",
        title="Dice",
        better="higher",
        function=dice,
        description="Dice similarity coefficient",
        headline=True,
        key=True,
    ),
    Measure(
        name="iou",
        title="IoU",
        better="higher",
        function=iou,
        description="intersection over union (Jaccard index)",
        headline=True,
    ),
    Measure(
        name="sensitivity",
        title="sensitivity",
        better="higher",
        function=sensitivity,
        description="share of the reference that was predicted",
    ),
    Measure(
        name="precision",
        title="precision",
        better="higher",
        function=precision,
        description="share of the prediction that is right",
    ),
    Measure(
        name="hd_mm",
        title="HD",
        unit="mm",
        better="lower",
        function=hausdorff_mm,
        description="Hausdorff distance",
    ),
    Measure(
        name=HD95,
        title="HD95",
        unit="mm",
        better="lower",
        function=hausdorff_95_mm,
        description="larger of the two directed distances within which 95 % of the surface, by area, lies",
        headline=True,
        key=True,
    ),
    Measure(
        name="assd_mm",
        title="ASSD",
        unit="mm",
        better="lower",
        function=average_surface_distance_mm,
        description="average symmetric surface distance: mean distance over both surfaces",
        headline=True,
    ),
    Measure(
        name="masd_mm",
        title="MASD",
        unit="mm",
        better="lower",
        function=mean_surface_distance_mm,
        description="mean of the two directed mean surface distances",
    ),
    Measure(
        name="nsd",
        title="NSD",
        better="higher",
        function=surface_dice,
        description="normalised surface distance (surface Dice): share of both surfaces within `tolerances_mm`",
        headline=True,
        key=True,
    ),
    Measure(
        name="centroid_mm",
        title="centroid distance",
        unit="mm",
        better="lower",
        function=centroid_distance_mm,
        description="distance between the centres of mass",
    ),
    Measure(
        name="boundary_iou",
        title="boundary IoU",
        better="higher",
        function=boundary_iou,
        description="IoU of the boundary bands, `boundary_mm` wide; only where that is set",
        applies=lambda options: options.boundary_mm is not None,
    ),
    Measure(
        name="cldice",
        title="clDice",
        better="higher",
        function=centerline_dice,
        description="overlap of each centre line with the other mask; only for `tubes`",
        applies=lambda options: options.tubular,
    ),
    Measure(
        name="lesion_sensitivity",
        title="lesion sensitivity",
        better="higher",
        function=_of_lesions("sensitivity"),
        description="share of reference lesions that were found; only for `lesions.labels`",
        applies=_with_lesions,
    ),
    Measure(
        name="lesion_precision",
        title="lesion precision",
        better="higher",
        function=_of_lesions("precision"),
        description="share of predicted lesions that are true; only for `lesions.labels`",
        applies=_with_lesions,
    ),
    Measure(
        name="lesion_f1",
        title="lesion F1",
        better="higher",
        function=_of_lesions("f1"),
        description="harmonic mean of lesion sensitivity and precision; only for `lesions.labels`",
        applies=_with_lesions,
    ),
    Measure(
        name="lesion_dice",
        title="lesion Dice",
        better="higher",
        function=_of_lesions("mean_dice"),
        description="mean Dice of the reference lesions; only for `lesions.labels`",
        applies=_with_lesions,
    ),
    Measure(
        name="lesion_pq",
        title="panoptic quality",
        better="higher",
        function=_of_lesions("panoptic_quality"),
        description="panoptic quality (Kirillov et al., 2019); only for `lesions.labels` with `lesions.rule=iou`",
        applies=_with_lesion_pairs,
    ),
)


def all_measures() -> tuple[Measure, ...]:
    """The built-in measures, then those of installed packages (`gnomon.measures`), in the order of their columns."""
    return check_names([*BUILT_IN, *installed_measures()[0]])


def installed_measures() -> tuple[tuple[Measure, ...], list[Finding]]:
    """Measures of installed packages, and a warning for each that cannot be used."""
    found, problems = load_group("measures", lambda value: isinstance(value, Measure), "a gnomon.evaluation.Measure")
    usable = {measure.name: measure for measure in BUILT_IN}
    for name, measure in found.items():
        if measure.name in usable:
            problems.append(taken_name("measures", name, f"a measure {measure.name!r}, which there is already"))
        else:
            usable[measure.name] = measure
    return tuple(usable.values())[len(BUILT_IN) :], problems


def measure_entries(summary: Any) -> list[dict[str, Any]]:
    """The measures of an evaluation as its summary.json lists them; the built-in ones where it lists none."""
    return summary.get("measures") or [measure.as_entry() for measure in BUILT_IN]
