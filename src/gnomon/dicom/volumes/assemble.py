"""Instances -> volumes, each with its stack and everything that was found about it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gnomon.dicom.index import FrameFacts, Instance
from gnomon.dicom.volumes.checks import class_finding, pixel_findings
from gnomon.dicom.volumes.slices import Slice, slices_of
from gnomon.dicom.volumes.split import by_kind, by_place, differing, split_by_position
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
    """Slices that belong together, and what was found about them.

    Attributes:
        volume_id: 16 hex digits of a hash over the sorted names of the slices.
        slices: along the normal where there is a stack; else by name.
        stack: None where geometry or the kind of object is refused.
        findings: an error among them refuses the volume, unless the policy repairs it.
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
    """Every volume in the instances, in order of volume_id.

    Args:
        instances: rows of the index, all that belong to the same series; directories are passed over.
        digest: hash of a slice's values, None where they cannot be decoded; called only where two slices share a
            place.
    """
    by_series: dict[tuple[str, str, str], list[Slice]] = defaultdict(list)
    odd: list[Volume] = []
    for instance in sorted(instances, key=lambda one: (one.sop_uid, one.file)):
        if instance.sop_uid:
            if (finding := class_finding(instance, "")) is not None:
                odd.append(_refuse(instance, finding))
            else:
                by_series[instance.patient, instance.study_uid, instance.series_uid].extend(slices_of(instance))
    many = _shared_series(by_series)
    volumes = [volume for key, slices in by_series.items() for volume in _series(slices, digest, key[2] in many)]
    return sorted(_named_apart([*volumes, *_merge_refusals(odd)]), key=lambda volume: volume.volume_id)


def _named_apart(volumes: list[Volume]) -> Iterator[Volume]:
    """Volumes of the same SOPInstanceUIDs, as in two patients: each refused, under an id of its own."""
    groups: dict[str, list[Volume]] = defaultdict(list)
    for volume in volumes:
        groups[volume.volume_id].append(volume)
    for volume_id, group in groups.items():
        if len(group) == 1:
            yield group[0]
            continue
        for number, volume in enumerate(sorted(group, key=lambda one: one.slices[0].instance.file)):
            name = hashlib.sha256(f"{volume_id}|{number}".encode()).hexdigest()[:16]
            where = f"volume {name}"
            findings = [replace(finding, where=where) for finding in volume.findings]
            yield replace(
                volume,
                volume_id=name,
                findings=(
                    *findings,
                    CONFLICTING_INSTANCES.at(where, found=f"SOPInstanceUIDs that occur in {len(group)} volumes"),
                ),
            )


def _refuse(instance: Instance, finding: Finding) -> Volume:
    slices = tuple(Slice(instance, frame, facts) for frame, facts in enumerate(instance.frames))
    return Volume("", slices or (Slice(instance, 0, FrameFacts()),), None, (finding,))


def _merge_refusals(odd: list[Volume]) -> Iterator[Volume]:
    """One refusal for all files of a series that are refused for the same reason."""
    groups: dict[tuple[str, str, str, str], list[Volume]] = defaultdict(list)
    for one in odd:
        groups[one.first.patient, one.first.series_uid, one.first.sop_class, one.findings[0].rule].append(one)
    for group in groups.values():
        slices = [item for one in group for item in one.slices]
        volume_id = _volume_id(slices)
        yield replace(
            group[0],
            volume_id=volume_id,
            slices=tuple(slices),
            findings=(replace(group[0].findings[0], where=f"volume {volume_id}"),),
        )


def _shared_series(by_series: dict[tuple[str, str, str], list[Slice]]) -> set[str]:
    """SeriesInstanceUIDs that stand in more than one study or patient."""
    seen: dict[str, int] = defaultdict(int)
    for _, _, series in by_series:
        seen[series] += 1
    return {series for series, count in seen.items() if count > 1 and series}


def _series(slices: list[Slice], digest: Digest, shared: bool) -> Iterator[Volume]:
    """The volumes of one series."""
    parts = []
    for part in by_kind(slices):
        parts += _by_place(part, digest)
    names = differing([part for part, _ in parts]) if len(parts) > 1 else []
    broken = _changed_spacing([part for part, _ in parts]) if "PixelSpacing" in names else set()
    for number, (part, findings) in enumerate(parts):
        volume = _volume(part, findings)
        about = [*_of_the_series(part, [p for p, _ in parts], names, shared, number in broken, volume.volume_id)]
        yield replace(volume, findings=(*volume.findings, *about))


def _by_place(part: list[Slice], digest: Digest) -> list[tuple[list[Slice], list[Finding]]]:
    """Parts with one slice a place: told apart, copies dropped; or one part with the finding that says why not."""
    if any(one.facts.position_mm is None or one.facts.orientation is None for one in part):
        return [(part, [])]
    findings = [*_standing_time(part)]
    if (parts := split_by_position(part)) is not None:
        return [(one, findings) for one in parts]
    kept, dropped = [], 0
    for group in by_place(part):
        different = _different(group, digest)
        dropped += len(group) - len(different)
        kept += different
    if dropped:
        findings.append(
            DUPLICATE_SLICES.at("", found=f"{dropped} slice(s) identical to another in pixels and position")
        )
    if (parts := split_by_position(kept)) is not None:
        return [(one, findings) for one in parts]
    taken = [group for group in by_place(kept) if len(group) > 1]
    same_name = any(len({one.name for one in group}) < len(group) for group in taken)
    every = len({len(group) for group in by_place(kept)}) == 1
    rule = CONFLICTING_INSTANCES if same_name else INDISTINCT_PASSES if every else COINCIDENT_SLICES
    uids = ", ".join(sorted({one.name for one in taken[0]})[:4])
    return [
        (
            kept,
            [
                *findings,
                rule.at("", found=f"{len(taken)} position(s) with several different slices, at the first {uids}"),
            ],
        )
    ]


def _standing_time(part: list[Slice]) -> Iterator[Finding]:
    """Frames of one object that repeat their places while their temporal position stands still."""
    positions = {one.facts.temporal_position for one in part}
    if len(positions) != 1 or None in positions or {one.instance.number_of_frames for one in part} == {1}:
        return
    if any(len(group) > 1 for group in by_place(part)):
        yield CONSTANT_TEMPORAL_INDEX.at(
            "", found=f"frames at the same positions, all with TemporalPositionIndex {positions.pop():g}"
        )


def _different(group: list[Slice], digest: Digest) -> list[Slice]:
    """The slices of one place whose values differ; all of them where one cannot be decoded."""
    if len(group) == 1:
        return group
    digests = [digest(one) for one in group]
    return group if None in digests else list(dict(zip(reversed(digests), reversed(group))).values())[::-1]


def _volume(part: list[Slice], found: list[Finding]) -> Volume:
    volume_id = _volume_id(part)
    where = f"volume {volume_id}"
    findings = [replace(finding, where=where) for finding in found] + pixel_findings(part, where)
    stack = None
    if not any(finding.severity is Severity.ERROR for finding in found):
        stack, about = build_stack(part, where)
        findings += about
    slices = stack.slices if stack else tuple(sorted(part, key=lambda one: one.name))
    return Volume(volume_id, slices, stack, tuple(findings))


def _volume_id(slices: Iterable[Slice]) -> str:
    names = "\n".join(sorted({one.name for one in slices}))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _changed_spacing(parts: list[list[Slice]]) -> set[int]:
    """Numbers of parts that differ in PixelSpacing and yet continue each other in one even stack."""
    found: set[int] = set()
    for i, one in enumerate(parts):
        for j, other in enumerate(parts[:i]):
            if differing([one, other]) == ["PixelSpacing"]:
                joined = [replace(s, facts=replace(s.facts, pixel_spacing_mm=(1.0, 1.0))) for s in (*one, *other)]
                if all(s.facts.position_mm and s.facts.orientation for s in joined):
                    stack, _ = build_stack(joined, "")
                    steps = np.diff(stack.places_mm) if stack else np.zeros(1)
                    if stack and stack.even and steps.min() > 0:
                        found |= {i, j}
    return found


def _of_the_series(
    part: list[Slice], parts: list[list[Slice]], names: list[str], shared: bool, broken: bool, volume_id: str
) -> Iterator[Finding]:
    """Findings that only the whole series shows."""
    where, first = f"volume {volume_id}", part[0].instance
    if len(parts) > 1:
        yield SEVERAL_VOLUMES.at(where, found=f"{len(parts)} volumes in the series, which differ in {', '.join(names)}")
    if "ConvolutionKernel" in names:
        yield MIXED_KERNELS.at(
            where, found=f"kernel {'/'.join(part[0].facts.kernel) or 'unstated'} in a series with several kernels"
        )
    if "FrameOfReferenceUID" in names or not first.frame_of_reference:
        yield FRAME_OF_REFERENCE.at(
            where, found="several FrameOfReferenceUIDs" if first.frame_of_reference else "no FrameOfReferenceUID"
        )
    derived = [one[0].instance.image_type[:1] == ("DERIVED",) for one in parts]
    if first.image_type[:1] == ("DERIVED",) and not all(derived):
        yield DERIVED_AMONG_ORIGINAL.at(where, found="derived and original images in one series")
    if broken:
        yield VARYING_PIXEL_SPACING.at(where, found="a PixelSpacing that varies within an evenly spaced stack")
    if shared:
        yield REUSED_SERIES_UID.at(where, found="a SeriesInstanceUID used in several studies or patients")
    if not first.series_uid:
        yield NO_SERIES_UID.at(where, found="no SeriesInstanceUID")
    yield from _concatenation(part, where)


def _concatenation(part: list[Slice], where: str) -> Iterator[Finding]:
    """Whether every part of a concatenation (C.7.6.16.2.2.4) is there."""
    pieces = {one.instance.concatenation_part for one in part if one.instance.concatenation}
    totals = {one.instance.concatenation_parts for one in part if one.instance.concatenation} - {None}
    if pieces and None not in pieces:
        expected = max([*totals, *pieces])  # type: ignore[type-var]
        if len(pieces) < (expected or 0):
            yield INCOMPLETE_CONCATENATION.at(where, found=f"{len(pieces)} of {expected} parts of a concatenation")
