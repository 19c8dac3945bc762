"""What kind of object slices come from, and how their pixels are stored: whatever could come out wrong is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from gnomon.dicom.index import Instance
from gnomon.dicom.pixels.codecs import is_native, missing_decoder
from gnomon.dicom.pixels.stored import native_frame_bytes, pixel_format
from gnomon.dicom.volumes.slices import Slice, is_mosaic, mosaic_problem
from gnomon.findings import Finding, Severity

_IMAGES = "1.2.840.10008.5.1.4.1.1."
SINGLE_FRAME = {_IMAGES + suffix: kind for suffix, kind in (("2", "CT"), ("4", "MR"), ("128", "PT"))}
ENHANCED = {
    _IMAGES + suffix: kind
    for suffix, kind in (
        ("2.1", "CT"), ("2.2", "CT"), ("4.1", "MR"), ("4.4", "MR"), ("128.1", "PT"), ("130", "PT"),
        ("13.1.1", "XA"), ("13.1.2", "XA"), ("13.1.3", "MG"), ("30", "MAP"),
    )
}  # fmt: skip
_SECONDARY_CAPTURE = _IMAGES + "7"
_NOT_PATIENT_IMAGES = {
    "481.2": "a radiotherapy dose", "66.4": "a segmentation", "66.7": "a segmentation (label map)",
    "66": "raw data", "481.1": "a radiotherapy image without patient geometry", "11.1": "a presentation state",
    "77.1.6": "a whole-slide image", "77.1.5.8": "a tomography of the eye",
}  # fmt: skip
_FLOATING = ("FloatPixelData", "DoubleFloatPixelData")


def image_kind(instance: Instance) -> str:
    """CT, MR, PT, XA, MG or MAP for the classes that are read; empty for others."""
    return SINGLE_FRAME.get(instance.sop_class, "") or ENHANCED.get(instance.sop_class, "")


def class_finding(instance: Instance, where: str) -> Finding | None:
    """Refusals by what kind of object it is, before any geometry is looked at."""
    sop = instance.sop_class
    if sop == _SECONDARY_CAPTURE or sop.startswith(_SECONDARY_CAPTURE + "."):
        return Finding(
            "DCM701", where, "a secondary capture", "an image made by the scanner",
            "Export the original series; a capture's values and geometry prove nothing.",
        )  # fmt: skip
    flags = instance.image_type
    if "LOCALIZER" in flags or (image_kind(instance) == "CT" and "PROJECTION IMAGE" in flags):
        return Finding(
            "DCM203", where, "a localizer (scout)", "a series of axial, sagittal, coronal or oblique slices",
            "Nothing to do: a scout is not a volume.",
        )  # fmt: skip
    other = _NOT_PATIENT_IMAGES.get(sop.removeprefix(_IMAGES))
    if not sop.startswith(_IMAGES) or other or not instance.pixel_keyword:
        return Finding(
            "DCM706", where, f"{other or 'an object without pixel data'} (class {sop or 'unknown'})",
            "CT, MR or PET images", "Nothing to do if it is a report, a plan, a label map or a presentation state.",
        )  # fmt: skip
    if not image_kind(instance) or (sop in SINGLE_FRAME and instance.number_of_frames > 1):
        return Finding(
            "DCM007", where, f"image class {sop} with {instance.number_of_frames} frame(s)",
            "CT, MR, PET, 3D X-ray or a parametric map, whose every frame has a place in the patient",
            "Ask the archive for the original CT, MR or PET series.",
        )  # fmt: skip
    if not instance.frames:
        return Finding(
            "DCM222", where, "an enhanced image without functional groups",
            "shared or per-frame functional groups (PS3.3 C.7.6.16)", "Export the original object again.",
        )  # fmt: skip
    if is_mosaic(instance) and (problem := mosaic_problem(instance)):
        return Finding(
            "DCM223", where, f"a mosaic with {problem}", "a mosaic with its vendor's private header",
            "Export the series without removing private elements, or as enhanced multi-frame.",
        )  # fmt: skip
    return None


def pixel_findings(slices: list[Slice], where: str) -> list[Finding]:
    """Findings about how pixels are stored and what unit they have, from headers alone."""
    instances = list({id(one.instance): one.instance for one in slices}.values())
    return [finding for check in _CHECKS for finding in check(slices, instances, where)]


def _colour(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    odd = next((one for one in instances if one.samples != 1 or not one.photometric.startswith("MONOCHROME")), None)
    if odd:
        yield Finding(
            "DCM008", where, f"{odd.samples} sample(s) a pixel, {odd.photometric or 'no PhotometricInterpretation'}",
            "grey values, one sample a pixel", "Export the original series, not a colour rendering of it.",
        )  # fmt: skip
    elif len({one.photometric for one in instances}) > 1:
        yield Finding(
            "DCM103", where, "MONOCHROME1 and MONOCHROME2 slices", "one photometric interpretation a volume",
            "Export the series again from its source.",
        )  # fmt: skip
    elif instances[0].photometric == "MONOCHROME1":
        yield Finding(
            "DCM101", where, "MONOCHROME1", "MONOCHROME2",
            "Nothing to do: a quantity keeps its values; an image made for display is brought to MONOCHROME2.",
            Severity.INFO,
        )  # fmt: skip
    contradicts = {("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")}
    if any((one.photometric, one.presentation) in contradicts for one in instances):
        yield Finding(
            "DCM102", where, f"{instances[0].photometric} with PresentationLUTShape {instances[0].presentation}",
            "INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2 (PS3.3 C.8.11.1)",
            "Look at the picture: black and white may be exchanged.", Severity.WARNING,
        )  # fmt: skip


def _syntax(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    syntaxes = sorted({one.transfer_syntax for one in instances})
    for syntax in syntaxes:
        if not is_native(syntax) and (missing := missing_decoder(syntax)):
            yield Finding(
                "DCM604", where, f"transfer syntax {syntax}, for which {missing} is missing",
                "one that this installation can decode", "Export the series uncompressed, or install the decoder.",
            )  # fmt: skip
    if len(syntaxes) > 1:
        yield Finding(
            "DCM605", where, f"transfer syntaxes {', '.join(syntaxes)} in one volume", "one transfer syntax",
            "Nothing to do if the archive compressed only some slices.", Severity.WARNING,
        )  # fmt: skip
    if any(one.lossy == "01" for one in instances):
        yield Finding(
            "DCM601", where, "pixels that were compressed with loss (LossyImageCompression 01)",
            "pixels as the scanner made them", "Ask for the original; measure on these with care.", Severity.WARNING,
        )  # fmt: skip


def _format(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    formats = {pixel_format(one) for one in instances}
    first = next(iter(formats))
    floating = all(one.pixel_keyword in _FLOATING for one in instances)
    if floating:
        return
    if any(one is None or not one.usable or one.bits_allocated == 1 for one in formats):
        odd = instances[0]
        yield Finding(
            "DCM012", where,
            f"BitsAllocated {odd.bits_allocated}, BitsStored {odd.bits_stored}, HighBit {odd.high_bit}",
            "8, 16 or 32 allocated bits, no more than that stored (PS3.3 C.7.6.3)", "Export the series again.",
        )  # fmt: skip
        return
    if len({(one.bits_allocated, one.bits_stored, one.signed) for one in formats if one}) > 1:
        yield Finding(
            "DCM122", where, f"{len(formats)} pixel formats in one volume", "one BitsAllocated, BitsStored and sign",
            "Nothing to do: every slice is decoded by its own.", Severity.WARNING,
        )  # fmt: skip
    if first and any(one and one.high_bit != one.bits_stored - 1 for one in formats):
        odd_format = next(one for one in formats if one and one.high_bit != one.bits_stored - 1)
        yield Finding(
            "DCM120", where, f"HighBit {odd_format.high_bit} with BitsStored {odd_format.bits_stored}",
            "HighBit = BitsStored - 1 (PS3.3 C.7.6.3)",
            "Decoded by the stated bits. To refuse such volumes: conversion.high_bit=refuse.", Severity.WARNING,
        )  # fmt: skip


def _length(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    """Native pixel data against their declared size and the file's; nothing is decoded."""
    for one in instances:
        if one.rows is None or one.columns is None or one.rows * one.columns == 0:
            yield Finding(
                "DCM012", where, f"Rows {one.rows}, Columns {one.columns}", "positive numbers (PS3.3 C.7.6.3)",
                "Export the series again.",
            )  # fmt: skip
            return
        if one.pixel_length is None or not is_native(one.transfer_syntax) or one.transfer_syntax.endswith(".99"):
            continue
        needed = native_frame_bytes(one) * one.number_of_frames
        there = min(one.pixel_length, one.size_bytes - one.pixel_offset)
        if there < needed:
            yield Finding(
                "DCM002", where, f"{there} bytes of pixel data in {one.sop_uid}",
                f"{needed} bytes for {one.number_of_frames} frame(s) of {one.rows} x {one.columns}",
                "The file is cut short: export it again.",
            )  # fmt: skip
            return
        if one.pixel_length > needed + 1:
            yield Finding(
                "DCM220", where, f"{one.pixel_length} bytes of pixel data", f"{needed} bytes",
                "Nothing to do if the surplus is padding at the end.", Severity.WARNING,
            )  # fmt: skip
            return


def _units(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    kind = image_kind(instances[0])
    pairs = [(one.facts.slope, one.facts.intercept) for one in slices]
    unreadable = any(value is not None and math.isnan(value) for pair in pairs for value in pair)
    if unreadable or any(slope == 0 for slope, _ in pairs):
        yield Finding(
            "DCM116", where, "RescaleSlope 0, or a slope or intercept that is no number", "numbers, the slope not 0",
            "Export the series again.",
        )  # fmt: skip
    rescaled = [slope is not None and intercept is not None for slope, intercept in pairs]
    stated = [slope is not None or intercept is not None for slope, intercept in pairs]
    tables = all(one.has_modality_lut for one in instances)
    mapped = [len(set(one.facts.mappings)) for one in slices]
    if not all(rescaled) and not tables:
        if any(stated) or (kind in ("CT", "PT") and not all(mapped)):
            yield Finding(
                "DCM110", where, f"RescaleSlope and RescaleIntercept both in {sum(rescaled)} of {len(slices)} slice(s)",
                "both in every slice (Type 1 in CT and PET images, PS3.3 C.8.2.1), or neither in any",
                "Export the series again; without them the values have no unit.",
            )  # fmt: skip
        elif any(mapped) and (max(mapped) > 1 or any(m.slope is None for one in slices for m in one.facts.mappings)):
            yield Finding(
                "DCM118", where, "several Real World Value Mappings, or one with a table", "one linear mapping",
                "Ask for the object with one mapping; which of them you mean cannot be guessed.",
            )  # fmt: skip
    if any(one.has_modality_lut for one in instances) and (any(stated) or not tables):
        yield Finding(
            "DCM117", where, "a Modality LUT Sequence and a rescale, or a table in some slices only",
            "one of the two, in every slice (PS3.3 C.11.1)", "Export the series again: the two contradict each other.",
        )  # fmt: skip
    if len(set(pairs)) > 1:
        yield Finding(
            "DCM113", where, "a rescale that changes from slice to slice", "one slope and intercept",
            "Nothing to do: every slice is rescaled by its own.",
            Severity.WARNING if kind == "CT" else Severity.INFO,
        )  # fmt: skip
    if kind == "CT" and (types := {one.facts.rescale_type for one in slices} - {"", "HU", "US"}):
        yield Finding(
            "DCM111", where, f"RescaleType {', '.join(sorted(types))}", "HU (PS3.3 C.11.1.1.2)",
            "Check that the task wants this quantity.", Severity.WARNING,
        )  # fmt: skip


def _padding(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    padded = [one for one in instances if one.padding_value is not None]
    if not padded:
        return
    value, limit = padded[0].padding_value, padded[0].padding_limit
    declared = f"{value:g}" if limit is None else f"{value:g} to {limit:g}"
    yield Finding(
        "DCM130", where, f"pixel padding declared, {declared} in stored values", "none, or a mask beside the image",
        "Nothing to do: the mask is written beside the image.", Severity.INFO,
    )  # fmt: skip
    if any(_other_sign(one) for one in padded):
        yield Finding(
            "DCM132", where, f"padding value {declared} in the other sign's pattern", "the sign of the pixels",
            "Nothing to do: it is read as the pixels are stored.", Severity.INFO,
        )  # fmt: skip


def _other_sign(instance: Instance) -> bool:
    bits, value = instance.bits_allocated or 16, instance.padding_value or 0.0
    return value >= 1 << (bits - 1) if instance.signed else value < 0


_CHECKS: tuple[Callable[[list[Slice], list[Instance], str], Iterator[Finding]], ...] = (
    _colour, _syntax, _format, _length, _units, _padding,
)  # fmt: skip
