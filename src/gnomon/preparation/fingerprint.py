"""Fingerprint of a data set: shapes, spacings and intensities inside the labels. Pure functions and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator
from gnomon.io.images import Image
from gnomon.rules.catalogue.preparation import CONSTANT_IMAGE, LABEL_GRID_MISMATCH, SHEARED_IMAGE, UNKNOWN_LABEL_VALUE
from gnomon.rules.finding import Finding

_SAMPLE_VOXELS = 10_000
_SHEAR = 0.01
_GRID_TOLERANCE = 0.01  # of the smallest spacing
_GRID_TOLERANCE_MM = 1e-3


@dataclass(frozen=True)
class CaseStatistics:
    """Statistics of the native voxels of one case, axes in canonical (RAS+) order.

    Attributes:
        intensities: values of up to 10,000 foreground voxels, drawn with the case's key.
        voxels: number of voxels of each structure, by name.
    """

    name: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    intensities: tuple[float, ...]
    voxels: dict[str, int]


@dataclass(frozen=True)
class Fingerprint:
    """Statistics of a data set.

    Attributes:
        median_spacing_mm, median_shape: per canonical axis.
        coarse_spacing_mm: 10th percentile of the spacing of each axis, the target for a coarse axis.
        intensity: percentiles 0.5 and 99.5, mean and standard deviation of the foreground.
        cases_with: number of cases that contain each structure.
        spacings_mm, shapes: of every case, in the order of their names.
    """

    n_cases: int
    median_spacing_mm: tuple[float, float, float]
    coarse_spacing_mm: tuple[float, float, float]
    median_shape: tuple[int, int, int]
    intensity: dict[str, float]
    cases_with: dict[str, int]
    spacings_mm: tuple[tuple[float, float, float], ...] = ()
    shapes: tuple[tuple[int, int, int], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}


def check_case(name: str, image: Image, label: Image, scheme: LabelScheme) -> list[Finding]:
    """Findings about an image and its label; the case can be trained on if none of them is an error."""
    where = f"case {name}"
    tolerance_mm = max(_GRID_TOLERANCE_MM, _GRID_TOLERANCE * min(image.grid.spacing_mm))
    distance_mm = image.grid.corner_displacement_mm(label.grid)
    findings = []
    if distance_mm > tolerance_mm:
        distance = "" if np.isinf(distance_mm) else f", corners {distance_mm:.3g} mm apart"
        findings.append(
            LABEL_GRID_MISMATCH.at(
                where,
                found=f"a label on another grid ({label.grid}{distance})",
                expected=f"the image's grid ({image.grid}) within {tolerance_mm:.3g} mm",
            )
        )
    present = np.unique(label.voxels)
    if unknown := sorted(set(present.tolist()) - set(scheme.known_values)):
        findings.append(
            UNKNOWN_LABEL_VALUE.at(
                where, found=f"label value(s) {unknown}", expected=f"values among {sorted(scheme.known_values)}"
            )
        )
    if image.voxels.min() == image.voxels.max():
        findings.append(CONSTANT_IMAGE.at(where, found=f"{image.voxels.flat[0]:g} in every voxel"))
    if image.grid.shear > _SHEAR:
        findings.append(SHEARED_IMAGE.at(where, found=f"sheared axes, cosine {image.grid.shear:.3f}"))
    return findings


def measure_case(name: str, image: Image, label: Image, scheme: LabelScheme) -> CaseStatistics:
    """Statistics of one case without errors."""
    canonical = image.grid.reorient(image.grid.reorientation_to("RAS"))
    return CaseStatistics(
        name=name,
        shape=canonical.shape,
        spacing_mm=canonical.spacing_mm,
        intensities=sample_intensities(image.voxels[np.isin(label.voxels, scheme.values)], name),
        voxels={key: int(np.count_nonzero(label.voxels == value)) for key, value in zip(scheme.names, scheme.values)},
    )


def sample_intensities(values: NDArray[Any], name: str) -> tuple[float, ...]:
    """At most 10,000 of a case's values, drawn with the case's own key."""
    if values.size > _SAMPLE_VOXELS:
        values = generator(0, "fingerprint", name).choice(values, _SAMPLE_VOXELS, replace=False)
    return tuple(float(value) for value in values)


def compute_fingerprint(cases: Sequence[CaseStatistics]) -> Fingerprint:
    """The fingerprint of one or more cases, whatever their order."""
    ordered = sorted(cases, key=lambda case: case.name)
    spacings = np.array([case.spacing_mm for case in ordered])
    values = np.concatenate([np.asarray(case.intensities) for case in ordered])
    values = values if values.size else np.zeros(1)
    low, high = np.percentile(values, [0.5, 99.5])
    names = ordered[0].voxels
    return Fingerprint(
        n_cases=len(ordered),
        median_spacing_mm=_three(np.median(spacings, axis=0)),
        coarse_spacing_mm=_three(np.percentile(spacings, 10, axis=0)),
        median_shape=_whole(np.median([case.shape for case in ordered], axis=0)),
        intensity={
            "p00_5": float(low),
            "p99_5": float(high),
            "mean": float(values.mean()),
            "std": float(values.std()),
        },
        cases_with={name: sum(case.voxels[name] > 0 for case in ordered) for name in names},
        spacings_mm=tuple(case.spacing_mm for case in ordered),
        shapes=tuple(case.shape for case in ordered),
    )


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 6) for value in values)
    return x, y, z


def _whole(values: np.ndarray) -> tuple[int, int, int]:
    x, y, z = (int(np.rint(value)) for value in values)
    return x, y, z
