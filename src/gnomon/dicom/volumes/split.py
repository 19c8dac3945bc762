"""Splitting a series into volumes: one SeriesInstanceUID is not one volume (pitfall P04).

Two steps. Slices of different kinds of image never share a volume. Slices at the same position are distinguished
by time, cardiac phase, diffusion direction or acquisition, if one of these does so unambiguously.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from gnomon.dicom.volumes.slices import Slice

SAME_POSITION_MM = 1e-3
_SAME_ORIENTATION = 1e-3
_FLAGS = ("LOCALIZER", "MPR", "PROJECTION IMAGE", "MIP", "AVERAGE")


def _image_flags(slice_: Slice) -> tuple[bool, ...]:
    return tuple(flag in slice_.instance.image_type for flag in _FLAGS)


KINDS: dict[str, Callable[[Slice], Hashable]] = {
    "PatientID": lambda s: s.instance.patient,
    "StudyInstanceUID": lambda s: s.instance.study_uid,
    "SeriesInstanceUID": lambda s: s.instance.series_uid,
    "FrameOfReferenceUID": lambda s: s.instance.frame_of_reference,
    "SOPClassUID": lambda s: s.instance.sop_class,
    "Rows and Columns": lambda s: s.shape,
    "SamplesPerPixel": lambda s: s.instance.samples,
    "PixelSpacing": lambda s: s.facts.pixel_spacing_mm,
    "ImageType": lambda s: (s.instance.image_type[:3], s.facts.frame_type, _image_flags(s)),
    "ConvolutionKernel": lambda s: s.facts.kernel,
    "RescaleType": lambda s: s.facts.rescale_type,
    "KVP": lambda s: s.instance.kvp,
    "ReconstructionDiameter": lambda s: s.instance.reconstruction_diameter,
    "ContrastBolusAgent": lambda s: (s.instance.contrast_agent, s.facts.contrast),
    "EchoTime": lambda s: s.facts.echo,
    "InversionTime": lambda s: s.facts.inversion_time,
    "DiffusionBValue": lambda s: s.facts.b_value,
    "ComplexImageComponent": lambda s: s.facts.complex_part,
    "StackID": lambda s: s.facts.stack,
    "mosaic": lambda s: s.instance.sop_uid if s.tile else "",
}
"""What must be equal for slices to share a volume, besides orientation; keyed by the name shown to the user."""

_PER_VOLUME: dict[str, Callable[[Slice], Any]] = {
    "TemporalPositionIdentifier": lambda s: s.facts.temporal_position,
    "DiffusionGradientOrientation": lambda s: s.facts.gradient,
    "cardiac phase": lambda s: s.facts.cardiac_phase,
    "AcquisitionNumber": lambda s: s.instance.acquisition_number,
}
_PER_SLICE: dict[str, Callable[[Slice], Any]] = {
    "TriggerTime": lambda s: s.facts.trigger_time_ms,
    "AcquisitionTime": lambda s: s.facts.acquired_ms,
}


def group_by_kind(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Parts with one kind of image and one orientation each."""
    groups: dict[tuple[Hashable, ...], list[Slice]] = defaultdict(list)
    for slice_ in slices:
        groups[tuple(key(slice_) for key in KINDS.values())].append(slice_)
    return [part for group in groups.values() for part in _group_by_orientation(group)]


def differing_attributes(parts: list[list[Slice]]) -> list[str]:
    """Names of the attributes in which parts of one series differ."""
    names = [name for name, key in KINDS.items() if len({key(part[0]) for part in parts}) > 1]
    rotated = any(not _same_orientation(parts[0][0], part[0]) for part in parts[1:])
    return [*names, "ImageOrientationPatient"] if rotated else names or ["time, phase or direction"]


def _group_by_orientation(group: list[Slice]) -> list[list[Slice]]:
    """Parts of a group with one orientation each, compared within a tolerance rather than rounded."""
    parts: list[list[Slice]] = []
    for slice_ in group:
        for part in parts:
            if _same_orientation(part[0], slice_):
                part.append(slice_)
                break
        else:
            parts.append([slice_])
    return parts


def _same_orientation(one: Slice, other: Slice) -> bool:
    first, second = one.facts.orientation, other.facts.orientation
    if first is None or second is None or first == second:
        return first == second
    return max(abs(a - b) for a, b in zip(first, second)) <= _SAME_ORIENTATION


def group_by_position(slices: list[Slice]) -> list[list[Slice]]:
    """Slices grouped by position in the patient, in order along the normal."""
    positions = np.array([slice_.facts.position_mm for slice_ in slices])
    orientation = np.asarray(slices[0].facts.orientation)
    distances = positions @ np.cross(orientation[:3], orientation[3:])
    groups: list[list[Slice]] = []
    corner = None
    for i in np.lexsort((positions[:, 2], positions[:, 1], positions[:, 0], np.round(distances, 3))):
        if corner is not None and np.abs(positions[i] - corner).max() < SAME_POSITION_MM:
            groups[-1].append(slices[i])
        else:
            groups.append([slices[i]])
            corner = positions[i]
    return groups


def split_by_position(slices: list[Slice]) -> list[list[Slice]] | None:
    """Parts with one slice per position; None where slices at one position cannot be distinguished."""
    groups = group_by_position(slices)
    if all(len(group) == 1 for group in groups):
        return [slices]
    for key in (*_PER_VOLUME.values(), *_index_keys(slices)):
        if (parts := _split_by_value(slices, key, len(groups), complete=False)) is not None:
            return parts
    for key in _PER_SLICE.values():
        parts = _split_by_value(slices, key, len(groups), complete=True) or _split_by_rank(groups, key)
        if parts is not None:
            return parts
    return None


def _index_keys(slices: list[Slice]) -> list[Callable[[Slice], Any]]:
    """Each dimension of an enhanced object's DimensionIndexValues."""
    dimensions = {len(slice_.facts.index_values or ()) for slice_ in slices}
    if len(dimensions) != 1:
        return []
    return [lambda s, d=d: (s.facts.index_values or ())[d] for d in range(dimensions.pop())]  # type: ignore[misc]


def _split_by_value(
    slices: list[Slice], key: Callable[[Slice], Any], n_positions: int, *, complete: bool
) -> list[list[Slice]] | None:
    """Parts with one value each, if each is then a volume (`complete`: one that covers every position)."""
    parts: dict[Any, list[Slice]] = defaultdict(list)
    for slice_ in slices:
        parts[key(slice_)].append(slice_)
    if len(parts) < 2 or None in parts:
        return None
    volumes: list[list[Slice]] = []
    for value in sorted(parts):
        covered = len(group_by_position(parts[value]))
        if covered < (n_positions if complete else min(2, n_positions)):
            return None
        passes = split_by_position(parts[value])
        if passes is None:
            return None
        volumes += passes
    return volumes


def _split_by_rank(groups: list[list[Slice]], key: Callable[[Slice], Any]) -> list[list[Slice]] | None:
    """The first, second, ... slice of every position, if every slice of a rank precedes every slice of the next."""
    count = len(groups[0])
    if any(len(group) != count or any(key(slice_) is None for slice_ in group) for group in groups):
        return None
    ordered = [sorted(group, key=key) for group in groups]
    ranks = [[group[rank] for group in ordered] for rank in range(count)]
    ends = [(min(map(key, rank)), max(map(key, rank))) for rank in ranks]
    return ranks if all(end < start for (_, end), (start, _) in pairwise(ends)) else None
