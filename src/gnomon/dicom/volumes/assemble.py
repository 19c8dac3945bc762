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
from gnomon.dicom.volumes.split import by_kind, by_place, differing, separated
from gnomon.dicom.volumes.stack import Stack, stacked
from gnomon.rules.finding import Finding, Refusal, Severity

Digest = Callable[[Slice], str]


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
        digest: hash of a slice's values; asked only where two slices share a place. It may raise Refusal.
    """
    by_series: dict[tuple[str, str, str], list[Slice]] = defaultdict(list)
    odd: list[Volume] = []
    for instance in sorted(instances, key=lambda one: (one.sop_uid, one.file)):
        if instance.sop_uid:
            if (finding := class_finding(instance, "")) is not None:
                odd.append(_refused(instance, finding))
            else:
                by_series[instance.patient, instance.study_uid, instance.series_uid].extend(slices_of(instance))
    many = _shared_series(by_series)
    volumes = [volume for key, slices in by_series.items() for volume in _series(slices, digest, key[2] in many)]
    return sorted(_named_apart([*volumes, *_grouped(odd)]), key=lambda volume: volume.volume_id)


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
                    Finding(
                        rule="DCM011",
                        where=where,
                        found=f"SOPInstanceUIDs that stand in {len(group)} volumes",
                        expected="each in one volume",
                        remedy="Find out which of them is meant and remove the others.",
                    ),
                ),
            )


def _refused(instance: Instance, finding: Finding) -> Volume:
    slices = tuple(Slice(instance, frame, facts) for frame, facts in enumerate(instance.frames))
    return Volume("", slices or (Slice(instance, 0, FrameFacts()),), None, (finding,))


def _grouped(odd: list[Volume]) -> Iterator[Volume]:
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
    if (parts := separated(part)) is not None:
        return [(one, findings) for one in parts]
    kept, dropped = [], 0
    for group in by_place(part):
        different = _different(group, digest)
        dropped += len(group) - len(different)
        kept += different
    if dropped:
        findings.append(
            Finding(
                rule="DCM010",
                where="",
                found=f"{dropped} slice(s) that are copies of another, pixels and place alike",
                expected="each slice once",
                remedy="Nothing to do: one of each is used. To refuse such volumes: conversion.duplicates=refuse.",
                severity=Severity.WARNING,
            )
        )
    if (parts := separated(kept)) is not None:
        return [(one, findings) for one in parts]
    taken = [group for group in by_place(kept) if len(group) > 1]
    same_name = any(len({one.name for one in group}) < len(group) for group in taken)
    every = len({len(group) for group in by_place(kept)}) == 1
    uids = ", ".join(sorted({one.name for one in taken[0]})[:4])
    return [
        (
            kept,
            [
                *findings,
                Finding(
                    rule="DCM011" if same_name else "DCM205" if every else "DCM215",
                    where="",
                    found=f"{len(taken)} place(s) with several slices whose pixels differ, the first of them {uids}",
                    expected=(
                        "one slice a place, or an attribute that tells them apart (time, phase, direction, acquisition)"
                    ),
                    remedy="Decide which slices belong to the volume and remove the others.",
                ),
            ],
        )
    ]


def _standing_time(part: list[Slice]) -> Iterator[Finding]:
    """Frames of one object that repeat their places while their temporal position stands still."""
    positions = {one.facts.temporal_position for one in part}
    if len(positions) != 1 or None in positions or {one.instance.number_of_frames for one in part} == {1}:
        return
    if any(len(group) > 1 for group in by_place(part)):
        yield Finding(
            rule="DCM224",
            where="",
            found=f"frames at the same places, all with TemporalPositionIndex {positions.pop():g}",
            expected="an index that counts the passes",
            remedy="Check the split: another attribute has told the passes apart, or none.",
            severity=Severity.WARNING,
        )


def _different(group: list[Slice], digest: Digest) -> list[Slice]:
    """The slices of one place whose values differ; all of them where one cannot be decoded."""
    if len(group) == 1:
        return group
    try:
        return list({digest(one): one for one in reversed(group)}.values())[::-1]
    except Refusal:
        return group


def _volume(part: list[Slice], found: list[Finding]) -> Volume:
    volume_id = _volume_id(part)
    where = f"volume {volume_id}"
    findings = [replace(finding, where=where) for finding in found] + pixel_findings(part, where)
    stack = None
    if not any(finding.severity is Severity.ERROR for finding in found):
        stack, about = stacked(part, where)
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
                    stack, _ = stacked(joined, "")
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
        yield Finding(
            rule="DCM202",
            where=where,
            found=f"a series that holds {len(parts)} volumes, which differ in {', '.join(names)}",
            expected="one volume a series",
            remedy="Check that the volume you label is the one you mean.",
            severity=Severity.WARNING,
        )
    if "ConvolutionKernel" in names:
        yield Finding(
            rule="DCM303",
            where=where,
            found=f"kernel {'/'.join(part[0].facts.kernel) or 'unstated'} in a series of several kernels",
            expected="one kernel a series",
            remedy="Split by kernel; check which one you want.",
            severity=Severity.WARNING,
        )
    if "FrameOfReferenceUID" in names or not first.frame_of_reference:
        yield Finding(
            rule="DCM219",
            where=where,
            found="several FrameOfReferenceUIDs" if first.frame_of_reference else "no FrameOfReferenceUID",
            expected="one a series (PS3.3 C.7.4.1)",
            remedy="Compare places with other series of the patient with care: nothing says that they share a space.",
            severity=Severity.WARNING,
        )
    derived = [one[0].instance.image_type[:1] == ("DERIVED",) for one in parts]
    if first.image_type[:1] == ("DERIVED",) and not all(derived):
        yield Finding(
            rule="DCM204",
            where=where,
            found="derived images in a series with original ones",
            expected="a series of one or the other",
            remedy="Check that you want the derived volume.",
            severity=Severity.WARNING,
        )
    if broken:
        yield Finding(
            rule="DCM217",
            where=where,
            found="a PixelSpacing that changes within one even stack of slices",
            expected="one PixelSpacing a stack",
            remedy="Export the original series: one of the two is wrong, and nothing says which.",
        )
    if shared:
        yield Finding(
            rule="DCM206",
            where=where,
            found="a SeriesInstanceUID that stands in several studies or patients",
            expected="a UID of one series",
            remedy="Find out whether two patients were merged or a de-identifier reused UIDs.",
        )
    if not first.series_uid:
        yield Finding(
            rule="DCM009",
            where=where,
            found="no SeriesInstanceUID",
            expected="one, Type 1 in every image",
            remedy="Grouped by the rest of the header; check that the slices belong together.",
            severity=Severity.WARNING,
        )
    yield from _concatenation(part, where)


def _concatenation(part: list[Slice], where: str) -> Iterator[Finding]:
    """Whether every part of a concatenation (C.7.6.16.2.2.4) is there."""
    pieces = {one.instance.concatenation_part for one in part if one.instance.concatenation}
    totals = {one.instance.concatenation_parts for one in part if one.instance.concatenation} - {None}
    if pieces and None not in pieces:
        expected = max([*totals, *pieces])  # type: ignore[type-var]
        if len(pieces) < (expected or 0):
            yield Finding(
                rule="DCM225",
                where=where,
                found=f"{len(pieces)} of {expected} parts of a concatenation",
                expected="every part",
                remedy="Fetch the whole object from the archive.",
            )
