"""Slices -> a stack along their normal, and everything that its places say (`dicom.md` P05; PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, dicom_grid
from gnomon.dicom.volumes.slices import Slice
from gnomon.dicom.volumes.split import SAME_PLACE_MM, by_place
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
_WIDEST_GAP = 3.0  # of the finest step: what may be interpolated across
_MISSING_LIMIT = 0.02  # of a step: how close a gap must be to a whole number of steps


@dataclass(frozen=True)
class Stack:
    """Slices in order along the normal.

    Attributes:
        slices: one a place.
        places_mm: distance along the normal, rising.
        orientation: unit row and column cosines (LPS), at right angles.
        spacing_mm: distance between rows, then between columns.
        even: whether the places are a line with one step, so that an affine holds them.
    """

    slices: tuple[Slice, ...]
    places_mm: tuple[float, ...]
    orientation: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    even: bool

    @property
    def positions_mm(self) -> NDArray[np.float64]:
        """(n, 3): ImagePositionPatient of each slice, LPS."""
        return np.array([one.facts.position_mm for one in self.slices], dtype=np.float64)

    @property
    def ends_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position of the first slice and of the last (LPS)."""
        positions = self.positions_mm
        return positions[0], positions[-1]

    @property
    def interpolable(self) -> bool:
        """Whether slices may be resampled along the stack: above each other, and no gap too wide to bridge."""
        positions, places = self.positions_mm, np.asarray(self.places_mm)
        steps = np.diff(places)
        share = ((places - places[0]) / (places[-1] - places[0]))[:, None]
        astray = positions - (positions[0] + share * (positions[-1] - positions[0]))
        straight = float(np.linalg.norm(astray, axis=1).max()) <= UNEVEN_LIMIT * min(self.spacing_mm)
        return straight and float(steps.max()) <= _WIDEST_GAP * float(np.percentile(steps, 10, method="lower"))


def stack_grid(stack: Stack, shape: tuple[int, ...]) -> Grid:
    """Where the voxels (columns, rows, slices) of an even stack lie."""
    first, last = stack.ends_mm
    return dicom_grid(shape, stack.orientation[:3], stack.orientation[3:], first, last, *stack.spacing_mm)


def build_stack(slices: list[Slice], where: str) -> tuple[Stack | None, list[Finding]]:
    """The stack of slices that lie one a place, and what was found; no stack where geometry is refused."""
    if findings := _unusable(slices, where):
        return None, findings
    orientation, findings = _cosines(slices, where)
    if orientation is None:
        return None, findings
    ordered = [group[0] for group in by_place(slices)]
    normal = np.cross(orientation[:3], orientation[3:])
    positions = np.array([one.facts.position_mm for one in ordered])
    places = positions @ normal
    order = np.argsort(places, kind="stable")
    ordered, positions, places = [ordered[i] for i in order], positions[order], places[order]
    row_mm, column_mm = ordered[0].facts.pixel_spacing_mm or (0.0, 0.0)
    findings += (uneven := _spacing(places, positions, min(row_mm, column_mm), where))
    even = all(finding.severity is not Severity.ERROR for finding in uneven)
    findings += _tilt(positions, normal, min(row_mm, column_mm), where)
    findings += _informational_findings(ordered, places, where) if even else []
    return Stack(tuple(ordered), tuple(map(float, places)), orientation, (row_mm, column_mm), even), findings


def _unusable(slices: list[Slice], where: str) -> list[Finding]:
    """Refusals where place, direction or spacing is missing or impossible (P05, P12)."""
    lacking = {
        "ImageOrientationPatient": [one.facts.orientation for one in slices],
        "ImagePositionPatient": [one.facts.position_mm for one in slices],
        "PixelSpacing": [one.facts.pixel_spacing_mm for one in slices],
    }
    names = [name for name, values in lacking.items() if any(value is None for value in values)]
    if names:
        count = max(sum(value is None for value in lacking[name]) for name in names)
        return [NO_GEOMETRY.at(where, found=f"no readable {' or '.join(names)} in {count} of {len(slices)} slice(s)")]
    spacing = slices[0].facts.pixel_spacing_mm or (0.0,)
    if min(spacing) <= 0:
        return [NONPOSITIVE_SPACING.at(where, found=f"PixelSpacing {spacing}")]
    if len(slices) < 2:
        return [SINGLE_SLICE.at(where, found="a single slice")]
    return []


def _cosines(slices: list[Slice], where: str) -> tuple[NDArray[np.float64] | None, list[Finding]]:
    """Unit cosines at right angles: as they are, made so where they nearly are, or refused (DCM214)."""
    mean = np.mean([one.facts.orientation or () for one in slices], axis=0)
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


def _spacing(places: NDArray[np.float64], positions: NDArray[np.float64], pixel_mm: float, where: str) -> list[Finding]:
    """Gaps, uneven steps, and positions off the line through the first and the last."""
    steps = np.diff(places)
    step_mm = float(np.median(steps))
    count = len(places) - 1
    share = np.arange(count + 1)[:, None] / count
    off = positions - (positions[0] + share * (positions[-1] - positions[0]))
    along_mm = float(np.abs(places - (places[0] + share[:, 0] * (places[-1] - places[0]))).max())
    astray_mm = float(np.linalg.norm(off, axis=1).max())
    if steps.min() < SAME_PLACE_MM:
        return [COINCIDENT_SLICES.at(where, found="slices side by side at the same distance along the normal")]
    even_mm = max(EVEN_MM, EVEN_FRACTION * step_mm)
    across_mm = max(EVEN_MM, EVEN_FRACTION * pixel_mm)
    if along_mm <= even_mm and astray_mm <= max(even_mm, across_mm):
        return []
    if finding := _missing(steps, step_mm, places, where):
        return [finding]
    limit_mm = UNEVEN_LIMIT * step_mm
    if along_mm <= limit_mm and astray_mm <= max(limit_mm, UNEVEN_LIMIT * pixel_mm):
        return [
            UNEVEN_SLICES.at(
                where,
                found=f"positions up to {astray_mm:.3g} mm from evenly spaced ones",
                expected=f"evenly spaced slices, within {even_mm:.3g} mm",
                severity=Severity.WARNING,
            )
        ]
    return [
        UNEVEN_SLICES.at(
            where,
            found=(
                f"slice distances from {steps.min():.3f} to {steps.max():.3f} mm, positions up to "
                f"{astray_mm:.3g} mm from evenly spaced ones"
            ),
            expected=f"a slice every {step_mm:.3f} mm, within {even_mm:.3g} mm",
        )
    ]


def _missing(steps: NDArray[np.float64], step_mm: float, places: NDArray[np.float64], where: str) -> Finding | None:
    """Slices that are not there: single wide gaps of whole steps. A run of wide steps is another reconstruction."""
    multiples = steps / step_mm
    wide = multiples > 1.5
    runs = "".join("w" if one else "." for one in wide)
    if not wide.any() or "www" in runs or np.abs(multiples - np.rint(multiples)).max() > _MISSING_LIMIT:
        return None
    missing = int(np.rint(multiples - 1).sum())
    after = ", ".join(f"{places[i]:.2f}" for i in np.flatnonzero(wide)[:5])
    return MISSING_SLICES.at(
        where,
        found=f"{missing} missing slice(s), after the position(s) {after} mm along the normal",
        expected=f"a slice every {step_mm:.3f} mm",
    )


def _tilt(positions: NDArray[np.float64], normal: NDArray[np.float64], pixel_mm: float, where: str) -> list[Finding]:
    """A stack that leans: a tilted gantry. The affine holds the shear exactly (DCM213)."""
    whole = positions[-1] - positions[0]
    along = float(whole @ normal)
    sideways = float(np.linalg.norm(whole - along * normal))
    angle_deg = float(np.degrees(np.arctan2(sideways, along)))
    if angle_deg <= _STRAIGHT_DEG or sideways <= _STRAIGHT_PIXELS * pixel_mm:
        return []
    return [
        SHEARED_STACK.at(
            where,
            found=f"a shear of {angle_deg:.2f} degrees",
            expected=f"slices stacked along their normal, within {_STRAIGHT_DEG:g} degrees",
        )
    ]


def _informational_findings(ordered: list[Slice], places: NDArray[np.float64], where: str) -> list[Finding]:
    """What is merely told: numbers in another order, and headers that contradict the places."""
    findings = []
    numbers = [
        one.instance.instance_number or 0 for one in ordered if not one.tile and one.instance.number_of_frames == 1
    ]
    if any(numbers) and not _is_monotonic(numbers):
        findings.append(INSTANCE_ORDER.at(where, found="InstanceNumber not in the order of the slice positions"))
    frames = [one.frame for one in ordered if one.instance.number_of_frames > 1]
    if frames and len({one.instance.sop_uid for one in ordered}) == 1 and not _is_monotonic(frames):
        findings.append(FRAME_ORDER.at(where, found="frames not in the order of their positions"))
    step_mm = float(np.median(np.diff(places)))
    stated = ordered[0].instance.slice_spacing_mm
    if stated and abs(abs(stated) - step_mm) > 0.01 * step_mm:
        findings.append(
            SPACING_TAG_CONFLICT.at(
                where,
                found=f"SpacingBetweenSlices {stated:g} mm",
                expected=f"{step_mm:.6g} mm within 1 %, the distance between slice positions",
            )
        )
    return findings


def _is_monotonic(numbers: list[int]) -> bool:
    rising = all(a < b for a, b in pairwise(numbers))
    return rising or all(a > b for a, b in pairwise(numbers))
