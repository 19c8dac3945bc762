"""Stacks of slices along their normal, with checks of their positions (pitfall P05; PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, dicom_grid
from gnomon.dicom.volumes.slices import Slice
from gnomon.dicom.volumes.split import SAME_POSITION_MM, group_by_position
from gnomon.rules.catalogue.geometry import (
    COINCIDENT_SLICES,
    COSINES_NOT_ORTHONORMAL,
    NO_GEOMETRY,
    NONPOSITIVE_SPACING,
    SHEARED_STACK,
    SPACING_TAG_CONFLICT,
    UNEVEN_SLICES,
)
from gnomon.rules.catalogue.series import FRAME_ORDER, INSTANCE_ORDER, MISSING_SLICES, SINGLE_SLICE
from gnomon.rules.finding import Finding, Severity

COSINE_TOLERANCE, COSINE_LIMIT = 1e-4, 1e-2
EVEN_FRACTION, UNEVEN_LIMIT, EVEN_MM = 0.005, 0.02, 1e-3
_STRAIGHT_DEG, _STRAIGHT_PIXELS = 0.02, 0.1
_MAX_GAP = 3.0  # multiple of the finest step: the largest gap that may be interpolated
_WHOLE_STEP_TOLERANCE = 0.02  # fraction of a step: how close a gap must be to a whole number of steps


@dataclass(frozen=True)
class Stack:
    """Slices in order along the normal.

    Attributes:
        slices: one per position.
        distances_mm: distances along the normal, ascending.
        orientation: orthonormal row and column cosines (LPS).
        spacing_mm: distance between rows, then between columns.
        even: whether the positions lie on a line with a constant step, so that an affine represents them.
    """

    slices: tuple[Slice, ...]
    distances_mm: tuple[float, ...]
    orientation: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    even: bool

    @property
    def positions_mm(self) -> NDArray[np.float64]:
        """(n, 3): ImagePositionPatient of each slice, LPS."""
        return np.array([slice_.facts.position_mm for slice_ in self.slices], dtype=np.float64)

    @property
    def ends_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions of the first and the last slice (LPS)."""
        positions = self.positions_mm
        return positions[0], positions[-1]

    @property
    def interpolable(self) -> bool:
        """Whether slices may be resampled along the stack: on a straight line, without gaps too large to bridge."""
        positions, distances = self.positions_mm, np.asarray(self.distances_mm)
        steps = np.diff(distances)
        fraction = ((distances - distances[0]) / (distances[-1] - distances[0]))[:, None]
        deviation = positions - (positions[0] + fraction * (positions[-1] - positions[0]))
        straight = float(np.linalg.norm(deviation, axis=1).max()) <= UNEVEN_LIMIT * min(self.spacing_mm)
        return straight and float(steps.max()) <= _MAX_GAP * float(np.percentile(steps, 10, method="lower"))


def stack_grid(stack: Stack, shape: tuple[int, ...]) -> Grid:
    """Grid of the voxels (columns, rows, slices) of an evenly spaced stack."""
    first, last = stack.ends_mm
    return dicom_grid(shape, stack.orientation[:3], stack.orientation[3:], first, last, *stack.spacing_mm)


def build_stack(slices: list[Slice], where: str) -> tuple[Stack | None, list[Finding]]:
    """The stack of slices, one per position, and its findings; no stack where the geometry is refused."""
    if findings := _geometry_refusals(slices, where):
        return None, findings
    orientation, findings = _orthonormal_cosines(slices, where)
    if orientation is None:
        return None, findings
    ordered = [group[0] for group in group_by_position(slices)]
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.array([slice_.facts.position_mm for slice_ in ordered])
    distances = positions @ normal
    order = np.argsort(distances, kind="stable")
    ordered, positions, distances = [ordered[i] for i in order], positions[order], distances[order]
    row_mm, column_mm = ordered[0].facts.pixel_spacing_mm or (0.0, 0.0)
    findings += (uneven := _spacing_findings(distances, positions, min(row_mm, column_mm), where))
    even = all(finding.severity is not Severity.ERROR for finding in uneven)
    findings += _tilt_findings(positions, normal, min(row_mm, column_mm), where)
    findings += _informational_findings(ordered, distances, where) if even else []
    return Stack(tuple(ordered), tuple(map(float, distances)), orientation, (row_mm, column_mm), even), findings


def _geometry_refusals(slices: list[Slice], where: str) -> list[Finding]:
    """Refusals where position, orientation or spacing is missing or impossible (P05, P12)."""
    required = {
        "ImageOrientationPatient": [slice_.facts.orientation for slice_ in slices],
        "ImagePositionPatient": [slice_.facts.position_mm for slice_ in slices],
        "PixelSpacing": [slice_.facts.pixel_spacing_mm for slice_ in slices],
    }
    names = [name for name, values in required.items() if any(value is None for value in values)]
    if names:
        count = max(sum(value is None for value in required[name]) for name in names)
        return [NO_GEOMETRY.at(where, found=f"no readable {' or '.join(names)} in {count} of {len(slices)} slice(s)")]
    spacing = slices[0].facts.pixel_spacing_mm or (0.0,)
    if min(spacing) <= 0:
        return [NONPOSITIVE_SPACING.at(where, found=f"PixelSpacing {spacing}")]
    if len(slices) < 2:
        return [SINGLE_SLICE.at(where, found="a single slice")]
    return []


def _orthonormal_cosines(slices: list[Slice], where: str) -> tuple[NDArray[np.float64] | None, list[Finding]]:
    """Orthonormal cosines: unchanged, orthonormalised where they nearly are, or refused (DCM214)."""
    mean = np.mean([slice_.facts.orientation or () for slice_ in slices], axis=0)
    row, column = mean[:3], mean[3:]
    worst = max(abs(np.linalg.norm(row) - 1), abs(np.linalg.norm(column) - 1), abs(row @ column))
    if worst <= COSINE_TOLERANCE:
        return mean, []
    if worst > COSINE_LIMIT:
        return None, [
            COSINES_NOT_ORTHONORMAL.at(
                where,
                found=f"direction cosines that deviate from orthonormal by {worst:.2g}",
                expected=f"orthonormal within {COSINE_LIMIT:g}",
            )
        ]
    # The nearest orthonormal pair (polar decomposition): neither cosine is preferred.
    left, _, right = np.linalg.svd(np.stack([row, column]), full_matrices=False)
    return (left @ right).reshape(6), [
        COSINES_NOT_ORTHONORMAL.at(
            where,
            found=f"direction cosines that deviate from orthonormal by {worst:.2g}, made orthonormal",
            expected=f"orthonormal within {COSINE_TOLERANCE:g}",
            severity=Severity.WARNING,
        )
    ]


def _spacing_findings(
    distances: NDArray[np.float64], positions: NDArray[np.float64], pixel_mm: float, where: str
) -> list[Finding]:
    """Gaps, uneven steps, and positions off the line through the first and the last."""
    steps = np.diff(distances)
    step_mm = float(np.median(steps))
    count = len(distances) - 1
    fraction = np.arange(count + 1)[:, None] / count
    deviation = positions - (positions[0] + fraction * (positions[-1] - positions[0]))
    along_mm = float(np.abs(distances - (distances[0] + fraction[:, 0] * (distances[-1] - distances[0]))).max())
    deviation_mm = float(np.linalg.norm(deviation, axis=1).max())
    if steps.min() < SAME_POSITION_MM:
        return [COINCIDENT_SLICES.at(where, found="slices side by side at the same distance along the normal")]
    even_mm = max(EVEN_MM, EVEN_FRACTION * step_mm)
    across_mm = max(EVEN_MM, EVEN_FRACTION * pixel_mm)
    if along_mm <= even_mm and deviation_mm <= max(even_mm, across_mm):
        return []
    if finding := _missing_slices(steps, step_mm, distances, where):
        return [finding]
    limit_mm = UNEVEN_LIMIT * step_mm
    if along_mm <= limit_mm and deviation_mm <= max(limit_mm, UNEVEN_LIMIT * pixel_mm):
        return [
            UNEVEN_SLICES.at(
                where,
                found=f"positions up to {deviation_mm:.3g} mm from evenly spaced ones",
                expected=f"evenly spaced slices, within {even_mm:.3g} mm",
                severity=Severity.WARNING,
            )
        ]
    return [
        UNEVEN_SLICES.at(
            where,
            found=(
                f"slice distances from {steps.min():.3f} to {steps.max():.3f} mm, positions up to "
                f"{deviation_mm:.3g} mm from evenly spaced ones"
            ),
            expected=f"a slice every {step_mm:.3f} mm, within {even_mm:.3g} mm",
        )
    ]


def _missing_slices(
    steps: NDArray[np.float64], step_mm: float, distances: NDArray[np.float64], where: str
) -> Finding | None:
    """Missing slices: single gaps of whole steps. A run of large steps is another reconstruction."""
    multiples = steps / step_mm
    gaps = multiples > 1.5
    runs = "".join("w" if gap else "." for gap in gaps)
    if not gaps.any() or "www" in runs or np.abs(multiples - np.rint(multiples)).max() > _WHOLE_STEP_TOLERANCE:
        return None
    missing = int(np.rint(multiples - 1).sum())
    after = ", ".join(f"{distances[i]:.2f}" for i in np.flatnonzero(gaps)[:5])
    return MISSING_SLICES.at(
        where,
        found=f"{missing} missing slice(s), after the position(s) {after} mm along the normal",
        expected=f"a slice every {step_mm:.3f} mm",
    )


def _tilt_findings(
    positions: NDArray[np.float64], normal: NDArray[np.float64], pixel_mm: float, where: str
) -> list[Finding]:
    """Sheared stack (gantry tilt). The affine represents the shear exactly (DCM213)."""
    extent = positions[-1] - positions[0]
    along = float(extent @ normal)
    across = float(np.linalg.norm(extent - along * normal))
    angle_deg = float(np.degrees(np.arctan2(across, along)))
    if angle_deg <= _STRAIGHT_DEG or across <= _STRAIGHT_PIXELS * pixel_mm:
        return []
    return [
        SHEARED_STACK.at(
            where,
            found=f"a shear of {angle_deg:.2f} degrees",
            expected=f"slices stacked along their normal, within {_STRAIGHT_DEG:g} degrees",
        )
    ]


def _informational_findings(ordered: list[Slice], distances: NDArray[np.float64], where: str) -> list[Finding]:
    """Informational findings: numbering in another order, and headers that contradict the positions."""
    findings = []
    numbers = [
        slice_.instance.instance_number or 0
        for slice_ in ordered
        if not slice_.tile and slice_.instance.number_of_frames == 1
    ]
    if any(numbers) and not _is_monotonic(numbers):
        findings.append(INSTANCE_ORDER.at(where, found="InstanceNumber not in the order of the slice positions"))
    frames = [slice_.frame for slice_ in ordered if slice_.instance.number_of_frames > 1]
    if frames and len({slice_.instance.sop_uid for slice_ in ordered}) == 1 and not _is_monotonic(frames):
        findings.append(FRAME_ORDER.at(where, found="frames not in the order of their positions"))
    step_mm = float(np.median(np.diff(distances)))
    declared_mm = ordered[0].instance.slice_spacing_mm
    if declared_mm and abs(abs(declared_mm) - step_mm) > 0.01 * step_mm:
        findings.append(
            SPACING_TAG_CONFLICT.at(
                where,
                found=f"SpacingBetweenSlices {declared_mm:g} mm",
                expected=f"{step_mm:.6g} mm within 1 %, the distance between slice positions",
            )
        )
    return findings


def _is_monotonic(numbers: list[int]) -> bool:
    ascending = all(a < b for a, b in pairwise(numbers))
    return ascending or all(a > b for a, b in pairwise(numbers))
