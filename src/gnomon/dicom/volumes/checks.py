"""What kind of object slices come from, and how their pixels are stored: whatever could come out wrong is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from gnomon.dicom.index import Instance
from gnomon.dicom.pixels.codecs import is_native, missing_decoder
from gnomon.dicom.pixels.stored import native_frame_bytes, pixel_format
from gnomon.dicom.volumes.slices import Slice, is_mosaic, mosaic_problem
from gnomon.rules.finding import Finding, Severity

_IMAGES = "1.2.840.10008.5.1.4.1.1."
SINGLE_FRAME = {_IMAGES + suffix: kind for suffix, kind in (("2", "CT"), ("4", "MR"), ("128", "PT"))}
ENHANCED = {
    _IMAGES + suffix: kind
    for suffix, kind in (
        ("2.1", "CT"),
        ("2.2", "CT"),
        ("4.1", "MR"),
        ("4.4", "MR"),
        ("128.1", "PT"),
        ("130", "PT"),
        ("13.1.1", "XA"),
        ("13.1.2", "XA"),
        ("13.1.3", "MG"),
        ("30", "MAP"),
    )
}
_SECONDARY_CAPTURE = _IMAGES + "7"
_NOT_PATIENT_IMAGES = {
    "481.2": "a radiotherapy dose",
    "66.4": "a segmentation",
    "66.7": "a segmentation (label map)",
    "66": "raw data",
    "481.1": "a radiotherapy image without patient geometry",
    "11.1": "a presentation state",
    "77.1.6": "a whole-slide image",
    "77.1.5.8": "a tomography of the eye",
}
_FLOATING = ("FloatPixelData", "DoubleFloatPixelData")


def image_kind(instance: Instance) -> str:
    """CT, MR, PT, XA, MG or MAP for the classes that are read; empty for others."""
    return SINGLE_FRAME.get(instance.sop_class, "") or ENHANCED.get(instance.sop_class, "")


def class_finding(instance: Instance, where: str) -> Finding | None:
    """Refusals by what kind of object it is, before any geometry is looked at."""
    sop = instance.sop_class
    if sop == _SECONDARY_CAPTURE or sop.startswith(_SECONDARY_CAPTURE + "."):
        return Finding(
            rule="DCM701",
            where=where,
            found="a secondary capture",
            expected="an image made by the scanner",
            remedy="Export the original series; a capture's values and geometry prove nothing.",
        )
    flags = instance.image_type
    if "LOCALIZER" in flags or (image_kind(instance) == "CT" and "PROJECTION IMAGE" in flags):
        return Finding(
            rule="DCM203",
            where=where,
            found="a localizer (scout)",
            expected="a series of axial, sagittal, coronal or oblique slices",
            remedy="Nothing to do: a scout is not a volume.",
        )
    other = _NOT_PATIENT_IMAGES.get(sop.removeprefix(_IMAGES))
    if not sop.startswith(_IMAGES) or other or not instance.pixel_keyword:
        return Finding(
            rule="DCM706",
            where=where,
            found=f"{other or 'an object without pixel data'} (class {sop or 'unknown'})",
            expected="CT, MR or PET images",
            remedy="Nothing to do if it is a report, a plan, a label map or a presentation state.",
        )
    if not image_kind(instance) or (sop in SINGLE_FRAME and instance.number_of_frames > 1):
        return Finding(
            rule="DCM007",
            where=where,
            found=f"image class {sop} with {instance.number_of_frames} frame(s)",
            expected="CT, MR, PET, 3D X-ray or a parametric map, whose every frame has a place in the patient",
            remedy="Ask the archive for the original CT, MR or PET series.",
        )
    if not instance.frames:
        return Finding(
            rule="DCM222",
            where=where,
            found="an enhanced image without functional groups",
            expected="shared or per-frame functional groups (PS3.3 C.7.6.16)",
            remedy="Export the original object again.",
        )
    if is_mosaic(instance) and (problem := mosaic_problem(instance)):
        return Finding(
            rule="DCM223",
            where=where,
            found=f"a mosaic with {problem}",
            expected="a mosaic with its vendor's private header",
            remedy="Export the series without removing private elements, or as enhanced multi-frame.",
        )
    return None


def pixel_findings(slices: list[Slice], where: str) -> list[Finding]:
    """Findings about how pixels are stored and what unit they have, from headers alone."""
    instances = list({id(one.instance): one.instance for one in slices}.values())
    return [finding for check in _CHECKS for finding in check(slices, instances, where)]


def _colour(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    odd = next((one for one in instances if one.samples != 1 or not one.photometric.startswith("MONOCHROME")), None)
    if odd:
        yield Finding(
            rule="DCM008",
            where=where,
            found=f"{odd.samples} sample(s) a pixel, {odd.photometric or 'no PhotometricInterpretation'}",
            expected="grey values, one sample a pixel",
            remedy="Export the original series, not a colour rendering of it.",
        )
    elif len({one.photometric for one in instances}) > 1:
        yield Finding(
            rule="DCM103",
            where=where,
            found="MONOCHROME1 and MONOCHROME2 slices",
            expected="one photometric interpretation a volume",
            remedy="Export the series again from its source.",
        )
    elif instances[0].photometric == "MONOCHROME1":
        yield Finding(
            rule="DCM101",
            where=where,
            found="MONOCHROME1",
            expected="MONOCHROME2",
            remedy="Nothing to do: a quantity keeps its values; an image made for display is brought to MONOCHROME2.",
            severity=Severity.INFO,
        )
    contradicts = {("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")}
    if any((one.photometric, one.presentation) in contradicts for one in instances):
        yield Finding(
            rule="DCM102",
            where=where,
            found=f"{instances[0].photometric} with PresentationLUTShape {instances[0].presentation}",
            expected="INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2 (PS3.3 C.8.11.1)",
            remedy="Look at the picture: black and white may be exchanged.",
            severity=Severity.WARNING,
        )


def _syntax(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    syntaxes = sorted({one.transfer_syntax for one in instances})
    for syntax in syntaxes:
        if not is_native(syntax) and (missing := missing_decoder(syntax)):
            yield Finding(
                rule="DCM604",
                where=where,
                found=f"transfer syntax {syntax}, for which {missing} is missing",
                expected="one that this installation can decode",
                remedy="Export the series uncompressed, or install the decoder.",
            )
    if len(syntaxes) > 1:
        yield Finding(
            rule="DCM605",
            where=where,
            found=f"transfer syntaxes {', '.join(syntaxes)} in one volume",
            expected="one transfer syntax",
            remedy="Nothing to do if the archive compressed only some slices.",
            severity=Severity.WARNING,
        )
    if any(one.lossy == "01" for one in instances):
        yield Finding(
            rule="DCM601",
            where=where,
            found="pixels that were compressed with loss (LossyImageCompression 01)",
            expected="pixels as the scanner made them",
            remedy="Ask for the original; measure on these with care.",
            severity=Severity.WARNING,
        )


def _format(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    formats = {pixel_format(one) for one in instances}
    first = next(iter(formats))
    floating = all(one.pixel_keyword in _FLOATING for one in instances)
    if floating:
        return
    if any(one is None or not one.usable or one.bits_allocated == 1 for one in formats):
        odd = instances[0]
        yield Finding(
            rule="DCM012",
            where=where,
            found=f"BitsAllocated {odd.bits_allocated}, BitsStored {odd.bits_stored}, HighBit {odd.high_bit}",
            expected="8, 16 or 32 allocated bits, no more than that stored (PS3.3 C.7.6.3)",
            remedy="Export the series again.",
        )
        return
    if len({(one.bits_allocated, one.bits_stored, one.signed) for one in formats if one}) > 1:
        yield Finding(
            rule="DCM122",
            where=where,
            found=f"{len(formats)} pixel formats in one volume",
            expected="one BitsAllocated, BitsStored and sign",
            remedy="Nothing to do: every slice is decoded by its own.",
            severity=Severity.WARNING,
        )
    if first and any(one and one.high_bit != one.bits_stored - 1 for one in formats):
        odd_format = next(one for one in formats if one and one.high_bit != one.bits_stored - 1)
        yield Finding(
            rule="DCM120",
            where=where,
            found=f"HighBit {odd_format.high_bit} with BitsStored {odd_format.bits_stored}",
            expected="HighBit = BitsStored - 1 (PS3.3 C.7.6.3)",
            remedy="Decoded by the stated bits. To refuse such volumes: conversion.high_bit=refuse.",
            severity=Severity.WARNING,
        )


def _length(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    """Native pixel data against their declared size and the file's; nothing is decoded."""
    for one in instances:
        if one.rows is None or one.columns is None or one.rows * one.columns == 0:
            yield Finding(
                rule="DCM012",
                where=where,
                found=f"Rows {one.rows}, Columns {one.columns}",
                expected="positive numbers (PS3.3 C.7.6.3)",
                remedy="Export the series again.",
            )
            return
        if one.pixel_length is None or not is_native(one.transfer_syntax) or one.transfer_syntax.endswith(".99"):
            continue
        needed = native_frame_bytes(one) * one.number_of_frames
        there = min(one.pixel_length, one.size_bytes - one.pixel_offset)
        if there < needed:
            yield Finding(
                rule="DCM002",
                where=where,
                found=f"{there} bytes of pixel data in {one.sop_uid}",
                expected=f"{needed} bytes for {one.number_of_frames} frame(s) of {one.rows} x {one.columns}",
                remedy="The file is cut short: export it again.",
            )
            return
        if one.pixel_length > needed + 1:
            yield Finding(
                rule="DCM220",
                where=where,
                found=f"{one.pixel_length} bytes of pixel data",
                expected=f"{needed} bytes",
                remedy="Nothing to do if the surplus is padding at the end.",
                severity=Severity.WARNING,
            )
            return


def _units(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    kind = image_kind(instances[0])
    pairs = [(one.facts.slope, one.facts.intercept) for one in slices]
    unreadable = any(value is not None and math.isnan(value) for pair in pairs for value in pair)
    if unreadable or any(slope == 0 for slope, _ in pairs):
        yield Finding(
            rule="DCM116",
            where=where,
            found="RescaleSlope 0, or a slope or intercept that is no number",
            expected="numbers, the slope not 0",
            remedy="Export the series again.",
        )
    rescaled = [slope is not None and intercept is not None for slope, intercept in pairs]
    stated = [slope is not None or intercept is not None for slope, intercept in pairs]
    tables = all(one.has_modality_lut for one in instances)
    mapped = [len(set(one.facts.mappings)) for one in slices]
    if not all(rescaled) and not tables:
        if any(stated) or (kind in ("CT", "PT") and not all(mapped)):
            yield Finding(
                rule="DCM110",
                where=where,
                found=f"RescaleSlope and RescaleIntercept both in {sum(rescaled)} of {len(slices)} slice(s)",
                expected="both in every slice (Type 1 in CT and PET images, PS3.3 C.8.2.1), or neither in any",
                remedy="Export the series again; without them the values have no unit.",
            )
        elif any(mapped) and (max(mapped) > 1 or any(m.slope is None for one in slices for m in one.facts.mappings)):
            yield Finding(
                rule="DCM118",
                where=where,
                found="several Real World Value Mappings, or one with a table",
                expected="one linear mapping",
                remedy="Ask for the object with one mapping; which of them you mean cannot be guessed.",
            )
    if any(one.has_modality_lut for one in instances) and (any(stated) or not tables):
        yield Finding(
            rule="DCM117",
            where=where,
            found="a Modality LUT Sequence and a rescale, or a table in some slices only",
            expected="one of the two, in every slice (PS3.3 C.11.1)",
            remedy="Export the series again: the two contradict each other.",
        )
    if len(set(pairs)) > 1:
        yield Finding(
            rule="DCM113",
            where=where,
            found="a rescale that changes from slice to slice",
            expected="one slope and intercept",
            remedy="Nothing to do: every slice is rescaled by its own.",
            severity=Severity.WARNING if kind == "CT" else Severity.INFO,
        )
    if kind == "CT" and (types := {one.facts.rescale_type for one in slices} - {"", "HU", "US"}):
        yield Finding(
            rule="DCM111",
            where=where,
            found=f"RescaleType {', '.join(sorted(types))}",
            expected="HU (PS3.3 C.11.1.1.2)",
            remedy="Check that the task wants this quantity.",
            severity=Severity.WARNING,
        )


def _padding(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    padded = [one for one in instances if one.padding_value is not None]
    if not padded:
        return
    value, limit = padded[0].padding_value, padded[0].padding_limit
    declared = f"{value:g}" if limit is None else f"{value:g} to {limit:g}"
    yield Finding(
        rule="DCM130",
        where=where,
        found=f"pixel padding declared, {declared} in stored values",
        expected="none, or a mask beside the image",
        remedy="Nothing to do: the mask is written beside the image.",
        severity=Severity.INFO,
    )
    if any(_other_sign(one) for one in padded):
        yield Finding(
            rule="DCM132",
            where=where,
            found=f"padding value {declared} in the other sign's pattern",
            expected="the sign of the pixels",
            remedy="Nothing to do: it is read as the pixels are stored.",
            severity=Severity.INFO,
        )


def _other_sign(instance: Instance) -> bool:
    bits, value = instance.bits_allocated or 16, instance.padding_value or 0.0
    return value >= 1 << (bits - 1) if instance.signed else value < 0


_CHECKS: tuple[Callable[[list[Slice], list[Instance], str], Iterator[Finding]], ...] = (
    _colour,
    _syntax,
    _format,
    _length,
    _units,
    _padding,
)
