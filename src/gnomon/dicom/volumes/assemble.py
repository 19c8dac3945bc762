"""Grouping of instances into volumes, each with its stack and its findings."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gnomon.dicom.index import FrameFacts, Instance
from gnomon.dicom.volumes.checks import class_finding, pixel_findings
from gnomon.dicom.volumes.slices import Slice, slices_of
from gnomon.dicom.volumes.split import differing_attributes, group_by_kind, group_by_position, split_by_position
from gnomon.dicom.volumes.stack import Stack, build_stack
from gnomon.rules.catalogue.geometry import COINCIDENT_SLICES, FRAME_OF_REFERENCE, VARYING_PIXEL_SPACING
from gnomon.rules.catalogue.kernel import MIXED_KERNELS
from gnomon.rules.catalogue.series import (
    CONFLICTING_INSTANCES,
    CONSTANT_TEMPORAL_INDEX,
    DERIVED_AMONG_ORIGINAL,
    DUPLICATE_SLICES,
    INCOMPLETE_CONCATENATION,
    INDISTINCT_PASSES,
    NO_SERIES_UID,
    REUSED_SERIES_UID,
    SEVERAL_VOLUMES,
)
from gnomon.rules.finding import Finding, Severity

Digest = Callable[[Slice], str | None]


@dataclass(frozen=True)
class Volume:
    """Slices that form one volume, and the findings about them.

    Attributes:
        volume_id: 16 hex digits of a hash over the sorted names of the slices.
        slices: along the normal where there is a stack; otherwise by name.
        stack: None where the geometry or the kind of object is refused.
        findings: an error refuses the volume, unless the policy repairs it.
    """

    volume_id: str
    slices: tuple[Slice, ...]
    stack: Stack | None
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Instance:
        """The file of the first slice."""
        return self.slices[0].instance


def volumes_of(instances: Iterable[Instance], digest: Digest) -> list[Volume]:
    """Every volume in the instances, sorted by volume_id.

    Args:
        instances: rows of the index, with all instances of each series; directories are skipped.
        digest: hash of a slice's values, None where they cannot be decoded; called only where several slices share
            a position.
    """
    by_series: dict[tuple[str, str, str], list[Slice]] = defaultdict(list)
    refused: list[Volume] = []
    for instance in sorted(instances, key=lambda row: (row.sop_uid, row.file)):
        if instance.sop_uid:
            if (finding := class_finding(instance, "")) is not None:
                refused.append(_refuse(instance, finding))
            else:
                by_series[instance.patient, instance.study_uid, instance.series_uid].extend(slices_of(instance))
    shared_uids = _shared_series(by_series)
    volumes = [
        volume for key, slices in by_series.items() for volume in _split_series(slices, digest, key[2] in shared_uids)
    ]
    return sorted(_resolve_id_collisions([*volumes, *_merge_refusals(refused)]), key=lambda volume: volume.volume_id)


def _resolve_id_collisions(volumes: list[Volume]) -> Iterator[Volume]:
    """Volumes with the same SOPInstanceUIDs, as in two patients: each is refused, under a unique id."""
    groups: dict[str, list[Volume]] = defaultdict(list)
    for volume in volumes:
        groups[volume.volume_id].append(volume)
    for volume_id, group in groups.items():
        if len(group) == 1:
            yield group[0]
            continue
        for number, volume in enumerate(sorted(group, key=lambda volume: volume.slices[0].instance.file)):
            unique_id = hashlib.sha256(f"{volume_id}|{number}".encode()).hexdigest()[:16]
            where = f"volume {unique_id}"
            findings = [replace(finding, where=where) for finding in volume.findings]
            yield replace(
                volume,
                volume_id=unique_id,
                findings=(
                    *findings,
                    CONFLICTING_INSTANCES.at(where, found=f"SOPInstanceUIDs that occur in {len(group)} volumes"),
                ),
            )


def _refuse(instance: Instance, finding: Finding) -> Volume:
    slices = tuple(Slice(instance, frame, facts) for frame, facts in enumerate(instance.frames))
    return Volume("", slices or (Slice(instance, 0, FrameFacts()),), None, (finding,))


def _merge_refusals(refused: list[Volume]) -> Iterator[Volume]:
    """One refusal for all files of a series that are refused by the same rule."""
    groups: dict[tuple[str, str, str, str], list[Volume]] = defaultdict(list)
    for volume in refused:
        groups[volume.first.patient, volume.first.series_uid, volume.first.sop_class, volume.findings[0].rule].append(
            volume
        )
    for group in groups.values():
        slices = [slice_ for volume in group for slice_ in volume.slices]
        volume_id = _volume_id(slices)
        yield replace(
            group[0],
            volume_id=volume_id,
            slices=tuple(slices),
            findings=(replace(group[0].findings[0], where=f"volume {volume_id}"),),
        )


def _shared_series(by_series: dict[tuple[str, str, str], list[Slice]]) -> set[str]:
    """SeriesInstanceUIDs that occur in more than one study or patient."""
    counts: dict[str, int] = defaultdict(int)
    for _, _, series in by_series:
        counts[series] += 1
    return {series for series, count in counts.items() if count > 1 and series}


def _split_series(slices: list[Slice], digest: Digest, shared: bool) -> Iterator[Volume]:
    """The volumes of one series."""
    parts = []
    for part in group_by_kind(slices):
        parts += _split_positions(part, digest)
    attributes = differing_attributes([part for part, _ in parts]) if len(parts) > 1 else []
    spacing_changes = (
        _parts_with_changing_spacing([part for part, _ in parts]) if "PixelSpacing" in attributes else set()
    )
    for number, (part, findings) in enumerate(parts):
        volume = _build_volume(part, findings)
        series_findings = [
            *_series_findings(
                part, [p for p, _ in parts], attributes, shared, number in spacing_changes, volume.volume_id
            )
        ]
        yield replace(volume, findings=(*volume.findings, *series_findings))


def _split_positions(part: list[Slice], digest: Digest) -> list[tuple[list[Slice], list[Finding]]]:
    """Parts with one slice per position, without duplicates; or one part with the finding that says why not."""
    if any(slice_.facts.position_mm is None or slice_.facts.orientation is None for slice_ in part):
        return [(part, [])]
    findings = [*_constant_temporal_index(part)]
    if (parts := split_by_position(part)) is not None:
        return [(passes, findings) for passes in parts]
    kept, dropped = [], 0
    for group in group_by_position(part):
        different = _distinct_slices(group, digest)
        dropped += len(group) - len(different)
        kept += different
    if dropped:
        findings.append(
            DUPLICATE_SLICES.at("", found=f"{dropped} slice(s) identical to another in pixels and position")
        )
    if (parts := split_by_position(kept)) is not None:
        return [(passes, findings) for passes in parts]
    coincident = [group for group in group_by_position(kept) if len(group) > 1]
    same_name = any(len({slice_.name for slice_ in group}) < len(group) for group in coincident)
    equally_often = len({len(group) for group in group_by_position(kept)}) == 1
    rule = CONFLICTING_INSTANCES if same_name else INDISTINCT_PASSES if equally_often else COINCIDENT_SLICES
    uids = ", ".join(sorted({slice_.name for slice_ in coincident[0]})[:4])
    return [
        (
            kept,
            [
                *findings,
                rule.at("", found=f"{len(coincident)} position(s) with several different slices, at the first {uids}"),
            ],
        )
    ]


def _constant_temporal_index(part: list[Slice]) -> Iterator[Finding]:
    """Frames of one object that repeat positions while their temporal position is constant."""
    positions = {slice_.facts.temporal_position for slice_ in part}
    if len(positions) != 1 or None in positions or {slice_.instance.number_of_frames for slice_ in part} == {1}:
        return
    if any(len(group) > 1 for group in group_by_position(part)):
        yield CONSTANT_TEMPORAL_INDEX.at(
            "", found=f"frames at the same positions, all with TemporalPositionIndex {positions.pop():g}"
        )


def _distinct_slices(group: list[Slice], digest: Digest) -> list[Slice]:
    """The slices at one position whose values differ; all of them if one cannot be decoded."""
    if len(group) == 1:
        return group
    digests = [digest(slice_) for slice_ in group]
    return group if None in digests else list(dict(zip(reversed(digests), reversed(group))).values())[::-1]


def _build_volume(part: list[Slice], part_findings: list[Finding]) -> Volume:
    volume_id = _volume_id(part)
    where = f"volume {volume_id}"
    findings = [replace(finding, where=where) for finding in part_findings] + pixel_findings(part, where)
    stack = None
    if not any(finding.severity is Severity.ERROR for finding in part_findings):
        stack, stack_findings = build_stack(part, where)
        findings += stack_findings
    slices = stack.slices if stack else tuple(sorted(part, key=lambda slice_: slice_.name))
    return Volume(volume_id, slices, stack, tuple(findings))


def _volume_id(slices: Iterable[Slice]) -> str:
    names = "\n".join(sorted({slice_.name for slice_ in slices}))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _parts_with_changing_spacing(parts: list[list[Slice]]) -> set[int]:
    """Indices of parts that differ in PixelSpacing but continue each other in one evenly spaced stack."""
    found: set[int] = set()
    for i, one in enumerate(parts):
        for j, other in enumerate(parts[:i]):
            if differing_attributes([one, other]) == ["PixelSpacing"]:
                joined = [replace(s, facts=replace(s.facts, pixel_spacing_mm=(1.0, 1.0))) for s in (*one, *other)]
                if all(s.facts.position_mm and s.facts.orientation for s in joined):
                    stack, _ = build_stack(joined, "")
                    steps = np.diff(stack.distances_mm) if stack else np.zeros(1)
                    if stack and stack.even and steps.min() > 0:
                        found |= {i, j}
    return found


def _series_findings(
    part: list[Slice],
    parts: list[list[Slice]],
    attributes: list[str],
    shared: bool,
    spacing_changes: bool,
    volume_id: str,
) -> Iterator[Finding]:
    """Findings that depend on the whole series."""
    where, instance = f"volume {volume_id}", part[0].instance
    if len(parts) > 1:
        yield SEVERAL_VOLUMES.at(
            where, found=f"{len(parts)} volumes in the series, which differ in {', '.join(attributes)}"
        )
    if "ConvolutionKernel" in attributes:
        yield MIXED_KERNELS.at(
            where, found=f"kernel {'/'.join(part[0].facts.kernel) or 'unstated'} in a series with several kernels"
        )
    if "FrameOfReferenceUID" in attributes or not instance.frame_of_reference:
        yield FRAME_OF_REFERENCE.at(
            where, found="several FrameOfReferenceUIDs" if instance.frame_of_reference else "no FrameOfReferenceUID"
        )
    derived = [other[0].instance.image_type[:1] == ("DERIVED",) for other in parts]
    if instance.image_type[:1] == ("DERIVED",) and not all(derived):
        yield DERIVED_AMONG_ORIGINAL.at(where, found="derived and original images in one series")
    if spacing_changes:
        yield VARYING_PIXEL_SPACING.at(where, found="a PixelSpacing that varies within an evenly spaced stack")
    if shared:
        yield REUSED_SERIES_UID.at(where, found="a SeriesInstanceUID used in several studies or patients")
    if not instance.series_uid:
        yield NO_SERIES_UID.at(where, found="no SeriesInstanceUID")
    yield from _concatenation_findings(part, where)


def _concatenation_findings(part: list[Slice], where: str) -> Iterator[Finding]:
    """Missing parts of a concatenation (C.7.6.16.2.2.4)."""
    numbers = {slice_.instance.concatenation_part for slice_ in part if slice_.instance.concatenation}
    totals = {slice_.instance.concatenation_parts for slice_ in part if slice_.instance.concatenation} - {None}
    if numbers and None not in numbers:
        total = max([*totals, *numbers])  # type: ignore[type-var]
        if len(numbers) < (total or 0):
            yield INCOMPLETE_CONCATENATION.at(where, found=f"{len(numbers)} of {total} parts of a concatenation")
