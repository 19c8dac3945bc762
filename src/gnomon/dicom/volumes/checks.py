"""Checks of SOP class and pixel storage from headers alone: anything that could decode wrongly is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from gnomon.dicom.coding import is_native
from gnomon.dicom.index import Instance
from gnomon.dicom.pixels.codecs import missing_decoder
from gnomon.dicom.pixels.stored import native_frame_bytes, pixel_format
from gnomon.dicom.volumes.slices import Slice, is_mosaic, mosaic_problem
from gnomon.rules.catalogue.compression import LOSSY_COMPRESSION, MIXED_TRANSFER_SYNTAXES, NO_DECODER
from gnomon.rules.catalogue.encoding import (
    AMBIGUOUS_VALUE_MAPPING,
    HIGH_BIT,
    INVALID_PIXEL_FORMAT,
    INVALID_RESCALE,
    LUT_AND_RESCALE,
    MIXED_PIXEL_FORMATS,
    MIXED_POLARITY,
    MONOCHROME1,
    NO_RESCALE,
    POLARITY_CONFLICT,
    SURPLUS_PIXEL_DATA,
    VARYING_RESCALE,
)
from gnomon.rules.catalogue.file import DAMAGED_PIXELS
from gnomon.rules.catalogue.image import (
    COLOUR_IMAGE,
    INCOMPLETE_MOSAIC,
    LOCALIZER,
    NO_FRAME_GEOMETRY,
    NO_FUNCTIONAL_GROUPS,
    NOT_AN_IMAGE,
    SECONDARY_CAPTURE,
)
from gnomon.rules.catalogue.padding import PADDING, PADDING_SIGN
from gnomon.rules.catalogue.values import NOT_HOUNSFIELD
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
    """CT, MR, PT, XA, MG or MAP for the supported SOP classes; empty for others."""
    return SINGLE_FRAME.get(instance.sop_class, "") or ENHANCED.get(instance.sop_class, "")


def class_finding(instance: Instance, where: str) -> Finding | None:
    """Refusal by SOP class and image type, before the geometry is examined; None where there is none."""
    sop = instance.sop_class
    if sop == _SECONDARY_CAPTURE or sop.startswith(_SECONDARY_CAPTURE + "."):
        return SECONDARY_CAPTURE.at(where, found="a secondary capture")
    image_type = instance.image_type
    if "LOCALIZER" in image_type or (image_kind(instance) == "CT" and "PROJECTION IMAGE" in image_type):
        return LOCALIZER.at(where, found="a localizer (scout)")
    object_kind = _NOT_PATIENT_IMAGES.get(sop.removeprefix(_IMAGES))
    if not sop.startswith(_IMAGES) or object_kind or not instance.pixel_keyword:
        return NOT_AN_IMAGE.at(
            where, found=f"{object_kind or 'an object without pixel data'} (class {sop or 'unknown'})"
        )
    if not image_kind(instance) or (sop in SINGLE_FRAME and instance.number_of_frames > 1):
        return NO_FRAME_GEOMETRY.at(
            where,
            found=f"image class {sop}, {instance.number_of_frames} frame(s), {instance.samples} sample(s) per pixel",
        )
    if not instance.frames:
        return NO_FUNCTIONAL_GROUPS.at(where, found="an enhanced image without functional groups")
    if is_mosaic(instance) and (problem := mosaic_problem(instance)):
        return INCOMPLETE_MOSAIC.at(where, found=f"a mosaic with {problem}")
    return None


def pixel_findings(slices: list[Slice], where: str) -> list[Finding]:
    """Findings about the storage and the units of pixels, from headers alone."""
    instances = list({id(slice_.instance): slice_.instance for slice_ in slices}.values())
    return [finding for check in _CHECKS for finding in check(slices, instances, where)]


def _colour_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    coloured = next(
        (
            instance
            for instance in instances
            if instance.samples != 1 or not instance.photometric.startswith("MONOCHROME")
        ),
        None,
    )
    if coloured:
        yield COLOUR_IMAGE.at(
            where,
            found=f"{coloured.samples} sample(s) per pixel, {coloured.photometric or 'no PhotometricInterpretation'}",
        )
    elif len({instance.photometric for instance in instances}) > 1:
        yield MIXED_POLARITY.at(where, found="MONOCHROME1 and MONOCHROME2 slices")
    elif instances[0].photometric == "MONOCHROME1":
        yield MONOCHROME1.at(where, found="MONOCHROME1")
    contradictions = {("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")}
    if any((instance.photometric, instance.presentation) in contradictions for instance in instances):
        yield POLARITY_CONFLICT.at(
            where, found=f"{instances[0].photometric} with PresentationLUTShape {instances[0].presentation}"
        )


def _transfer_syntax_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    syntaxes = sorted({instance.transfer_syntax for instance in instances})
    for syntax in syntaxes:
        if not is_native(syntax) and (missing := missing_decoder(syntax)):
            yield NO_DECODER.at(where, found=f"transfer syntax {syntax}, for which {missing} is missing")
    if len(syntaxes) > 1:
        yield MIXED_TRANSFER_SYNTAXES.at(where, found=f"transfer syntaxes {', '.join(syntaxes)} in one volume")
    if any(instance.lossy == "01" for instance in instances):
        yield LOSSY_COMPRESSION.at(where, found="pixels that were compressed with loss (LossyImageCompression 01)")


def _pixel_format_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    formats = {pixel_format(instance) for instance in instances}
    first = next(iter(formats))
    floating = all(instance.pixel_keyword in _FLOATING for instance in instances)
    if floating:
        return
    if any(fmt is None or not fmt.usable or fmt.bits_allocated == 1 for fmt in formats):
        header = instances[0]
        yield INVALID_PIXEL_FORMAT.at(
            where,
            found=f"BitsAllocated {header.bits_allocated}, BitsStored {header.bits_stored}, HighBit {header.high_bit}",
        )
        return
    if len({(fmt.bits_allocated, fmt.bits_stored, fmt.signed) for fmt in formats if fmt}) > 1:
        yield MIXED_PIXEL_FORMATS.at(where, found=f"{len(formats)} pixel formats in one volume")
    if first and any(fmt and fmt.high_bit != fmt.bits_stored - 1 for fmt in formats):
        shifted = next(fmt for fmt in formats if fmt and fmt.high_bit != fmt.bits_stored - 1)
        yield HIGH_BIT.at(where, found=f"HighBit {shifted.high_bit} with BitsStored {shifted.bits_stored}")


def _length_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    """Compare the length of native pixel data with its declared size and the file size, without decoding."""
    for instance in instances:
        if instance.rows is None or instance.columns is None or instance.rows * instance.columns == 0:
            yield INVALID_PIXEL_FORMAT.at(where, found=f"Rows {instance.rows}, Columns {instance.columns}")
            return
        if (
            instance.pixel_length is None
            or not is_native(instance.transfer_syntax)
            or instance.transfer_syntax.endswith(".99")
        ):
            continue
        needed = native_frame_bytes(instance) * instance.number_of_frames
        available = min(instance.pixel_length, instance.size_bytes - instance.pixel_offset)
        if available < needed:
            yield DAMAGED_PIXELS.at(
                where,
                found=f"{available} bytes of pixel data in {instance.sop_uid}",
                expected=f"{needed} bytes for {instance.number_of_frames} frame(s) "
                f"of {instance.rows} x {instance.columns}",
            )
            return
        if instance.pixel_length > needed + 1:
            yield SURPLUS_PIXEL_DATA.at(
                where, found=f"{instance.pixel_length} bytes of pixel data", expected=f"{needed} bytes"
            )
            return


def _rescale_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    kind = image_kind(instances[0])
    pairs = [(slice_.facts.slope, slice_.facts.intercept) for slice_ in slices]
    unreadable = any(value is not None and math.isnan(value) for pair in pairs for value in pair)
    if unreadable or any(slope == 0 for slope, _ in pairs):
        yield INVALID_RESCALE.at(where, found="RescaleSlope 0, or a slope or intercept that is not a number")
    has_both = [slope is not None and intercept is not None for slope, intercept in pairs]
    has_either = [slope is not None or intercept is not None for slope, intercept in pairs]
    all_have_lut = all(instance.has_modality_lut for instance in instances)
    mapping_counts = [len(set(slice_.facts.mappings)) for slice_ in slices]
    if not all(has_both) and not all_have_lut:
        if any(has_either) or (kind in ("CT", "PT") and not all(mapping_counts)):
            yield NO_RESCALE.at(
                where, found=f"RescaleSlope and RescaleIntercept both in {sum(has_both)} of {len(slices)} slice(s)"
            )
        elif any(mapping_counts) and (
            max(mapping_counts) > 1 or any(m.slope is None for slice_ in slices for m in slice_.facts.mappings)
        ):
            yield AMBIGUOUS_VALUE_MAPPING.at(where, found="several Real World Value Mappings, or one with a table")
    if any(instance.has_modality_lut for instance in instances) and (any(has_either) or not all_have_lut):
        yield LUT_AND_RESCALE.at(where, found="a Modality LUT Sequence and a rescale, or a table in some slices only")
    if len(set(pairs)) > 1:
        yield VARYING_RESCALE.at(
            where,
            found="a rescale that varies between slices",
            severity=Severity.WARNING if kind == "CT" else Severity.INFO,
        )
    if kind == "CT" and (types := {slice_.facts.rescale_type for slice_ in slices} - {"", "HU", "US"}):
        yield NOT_HOUNSFIELD.at(where, found=f"RescaleType {', '.join(sorted(types))}")


def _padding_findings(slices: list[Slice], instances: list[Instance], where: str) -> Iterator[Finding]:
    padded = [instance for instance in instances if instance.padding_value is not None]
    if not padded:
        return
    value, limit = padded[0].padding_value, padded[0].padding_limit
    declared = f"{value:g}" if limit is None else f"{value:g} to {limit:g}"
    yield PADDING.at(where, found=f"pixel padding declared, {declared} in stored values")
    if any(_has_wrong_sign(instance) for instance in padded):
        yield PADDING_SIGN.at(where, found=f"padding value {declared} encoded with the wrong sign")


def _has_wrong_sign(instance: Instance) -> bool:
    bits, value = instance.bits_allocated or 16, instance.padding_value or 0.0
    return value >= 1 << (bits - 1) if instance.signed else value < 0


_CHECKS: tuple[Callable[[list[Slice], list[Instance], str], Iterator[Finding]], ...] = (
    _colour_findings,
    _transfer_syntax_findings,
    _pixel_format_findings,
    _length_findings,
    _rescale_findings,
    _padding_findings,
)
