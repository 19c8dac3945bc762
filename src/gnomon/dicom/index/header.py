"""The header of one source -> its row of the index."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gnomon.dicom.coding import FIRST_BYTES, coding_of, is_native
from gnomon.dicom.index.declared import read_declared
from gnomon.dicom.index.elements import Elements, HeaderProblem
from gnomon.dicom.index.functional_groups import frame_facts, milliseconds, value_mappings
from gnomon.dicom.index.identity import name_words, remove_names
from gnomon.dicom.index.instances import FrameFacts, Instance, Numbers, Texts
from gnomon.dicom.index.parse import Truncated, looks_like_dicom, read_elements
from gnomon.dicom.index.private import private_cardiac_phase, private_numbers, private_values
from gnomon.dicom.index.sources import Source, SourceReader
from gnomon.dicom.index.tags import TAG
from gnomon.rules.catalogue.file import NOT_DICOM, UNREADABLE_FILE

FIRST_READ_BYTES = 64 << 10
HEADER_LIMIT_BYTES = 64 << 20
FRAMES_LIMIT = 100_000
TIME_LIMIT_S = 5.0
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


def read_instance(reader: SourceReader, source: Source, file: str) -> tuple[Instance, str]:
    """The row of one source, without the patient's pseudonym, and the patient's identity (empty if unknown).

    Raises nothing: a file that cannot be read gives a row with the rule and the reason.
    """
    file_columns: dict[str, Any] = {"file": file, "size_bytes": source.size_bytes, "modified_ns": source.modified_ns}
    try:
        if source.problem:
            return Instance(**file_columns, rule=UNREADABLE_FILE.id, problem=source.problem), ""
        with time_limit(TIME_LIMIT_S):
            elements = _elements(reader, source)
            if elements is None:
                return Instance(**file_columns, rule=NOT_DICOM.id, problem="a file that is not DICOM"), ""
            columns = _columns(elements)
            if elements.pixels is not None and not is_native(elements.transfer_syntax):
                columns["coding"] = coding_of(
                    elements.transfer_syntax, reader.read(source, elements.pixels.offset, FIRST_BYTES)
                )
            return Instance(**file_columns, **columns), _identity(elements)
    except HeaderProblem as error:
        return Instance(**file_columns, rule=UNREADABLE_FILE.id, problem=str(error)), ""
    except Exception as error:  # a hostile header can raise anything, MemoryError and RecursionError included
        return Instance(**file_columns, rule=UNREADABLE_FILE.id, problem=_describe_failure(error)), ""


def _describe_failure(error: Exception) -> str:
    """Why a header could not be read, in the words of a user, without names from the code."""
    if isinstance(error, TimeoutError):
        return f"a header that takes more than {TIME_LIMIT_S:g} s to read"
    if isinstance(error, MemoryError):
        return "a header that declares more than fits into memory"
    if isinstance(error, RecursionError):
        return "a header whose sequences are nested too deeply"
    return "a header that is not valid DICOM"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after `seconds`; no limit except in the main thread of a POSIX system."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_timeout(number: int, frame: Any) -> None:
        raise TimeoutError(f"longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _elements(reader: SourceReader, source: Source) -> Elements | None:
    """Parse the first bytes, and read more of them only if the header is longer; None if it is not DICOM."""
    count = FIRST_READ_BYTES
    while True:
        buffer = reader.read(source, 0, count)
        if count == FIRST_READ_BYTES and not looks_like_dicom(buffer):
            return None
        try:
            return read_elements(buffer, source.size_bytes)
        except Truncated as error:
            if error.needed > source.size_bytes or len(buffer) >= source.size_bytes:
                raise
            if error.needed > HEADER_LIMIT_BYTES:
                raise Truncated(f"a header of more than {HEADER_LIMIT_BYTES >> 20} MiB", error.needed) from None
            count = min(max(2 * error.needed, 8 * count), HEADER_LIMIT_BYTES)


def _identity(elements: Elements) -> str:
    return elements.text(TAG["PatientID"]) or elements.text(TAG["StudyInstanceUID"])


def _columns(elements: Elements) -> dict[str, Any]:
    """Every column except those about the file itself and the patient's pseudonym."""
    text, texts, number, numbers, integer = (
        elements.text,
        elements.texts,
        elements.number,
        elements.numbers,
        elements.integer,
    )
    meta_uid = elements.meta.get
    sop_class = text(TAG["SOPClassUID"]) or meta_uid(0x00020002, "")
    if sop_class == _MEDIA_DIRECTORY:
        return {
            "sop_class": sop_class,
            "transfer_syntax": elements.transfer_syntax,
            "references": _references(elements),
        }
    creators, private = private_values(elements)
    names = name_words(elements)
    columns: dict[str, Any] = {
        "study_uid": text(TAG["StudyInstanceUID"]),
        "series_uid": text(TAG["SeriesInstanceUID"]),
        "sop_uid": text(TAG["SOPInstanceUID"]) or meta_uid(0x00020003, ""),
        "sop_class": sop_class,
        "transfer_syntax": elements.transfer_syntax,
        "syntax_deduced": elements.deduced,
        "modality": text(TAG["Modality"]),
        "manufacturer": text(TAG["Manufacturer"]),
        "model": text(TAG["ManufacturerModelName"]),
        "software": text(TAG["SoftwareVersions"]),
        "image_type": texts(TAG["ImageType"]),
        "frame_of_reference": text(TAG["FrameOfReferenceUID"]),
        "series_number": integer(TAG["SeriesNumber"]),
        "acquisition_number": integer(TAG["AcquisitionNumber"]),
        "instance_number": integer(TAG["InstanceNumber"]),
        "series_description": remove_names(text(TAG["SeriesDescription"]), names),
        "protocol_name": remove_names(text(TAG["ProtocolName"]), names),
        "body_part": text(TAG["BodyPartExamined"]),
        "patient_position": text(TAG["PatientPosition"]),
        "laterality": text(TAG["ImageLaterality"]) or text(TAG["Laterality"]),
        "kvp": text(TAG["KVP"]),
        "reconstruction_diameter": text(TAG["ReconstructionDiameter"]),
        "contrast_agent": remove_names(text(TAG["ContrastBolusAgent"]), names),
        "slice_thickness_mm": number(TAG["SliceThickness"]),
        "slice_spacing_mm": number(TAG["SpacingBetweenSlices"]),
        "gantry_tilt_deg": number(TAG["GantryDetectorTilt"]),
        "repetition_time_ms": number(TAG["RepetitionTime"]),
        "heart_rate": number(TAG["HeartRate"]),
        "imager_spacing_mm": numbers(TAG["ImagerPixelSpacing"], 2),
        "window_center": numbers(TAG["WindowCenter"]),
        "window_width": numbers(TAG["WindowWidth"]),
        "lossy": text(TAG["LossyImageCompression"]),
        "lossy_ratio": numbers(TAG["LossyImageCompressionRatio"]),
        "burned_in": text(TAG["BurnedInAnnotation"]),
        "units": text(TAG["Units"]),
        "concatenation": text(TAG["ConcatenationUID"]),
        "concatenation_part": integer(TAG["InConcatenationNumber"]),
        "concatenation_parts": integer(TAG["InConcatenationTotalNumber"]),
        "has_modality_lut": TAG["ModalityLUTSequence"] in elements,
        "private_creators": creators,
        "private": private,
        "declared": read_declared(elements),
        **_pixel_columns(elements),
        **_mosaic_columns(private),
    }
    if not 1 <= columns["number_of_frames"] <= FRAMES_LIMIT:
        raise HeaderProblem(f"NumberOfFrames {columns['number_of_frames']}, not in 1..{FRAMES_LIMIT}")
    if not columns["sop_uid"]:
        raise HeaderProblem("no SOPInstanceUID")
    columns["frames"] = _frames(elements, columns)
    return columns


def _pixel_columns(elements: Elements) -> dict[str, Any]:
    integer, pixels = elements.integer, elements.pixels
    return {
        "rows": integer(TAG["Rows"]),
        "columns": integer(TAG["Columns"]),
        "number_of_frames": integer(TAG["NumberOfFrames"]) or 1,
        "samples": integer(TAG["SamplesPerPixel"]) or 1,
        "photometric": elements.text(TAG["PhotometricInterpretation"]),
        "presentation": elements.text(TAG["PresentationLUTShape"]),
        "bits_allocated": integer(TAG["BitsAllocated"]),
        "bits_stored": integer(TAG["BitsStored"]),
        "high_bit": integer(TAG["HighBit"]),
        "signed": integer(TAG["PixelRepresentation"]) == 1,
        "padding_value": _padding(elements, "PixelPaddingValue"),
        "padding_limit": _padding(elements, "PixelPaddingRangeLimit"),
        "pixel_keyword": pixels.keyword if pixels else "",
        "pixel_vr": pixels.vr if pixels else "",
        "pixel_offset": pixels.offset if pixels else 0,
        "pixel_length": pixels.length if pixels else None,
    }


def _padding(elements: Elements, keyword: str) -> float | None:
    """The padding value: integers as the unsigned bit pattern, whatever the VR (US or SS); floats unchanged."""
    for name in (keyword, f"Float{keyword}", f"DoubleFloat{keyword}"):
        if (value := elements.number(TAG[name])) is not None:
            return value
    return None


def _mosaic_columns(private: tuple[Any, ...]) -> dict[str, Any]:
    tiles = private_numbers(private, "SIEMENS MR HEADER", "mosaic_tiles") or private_numbers(
        private, "SIEMENS CSA HEADER", "NumberOfImagesInMosaic"
    )
    normal = private_numbers(private, "SIEMENS CSA HEADER", "SliceNormalVector")
    return {
        "mosaic_tiles": int(tiles[0]) if tiles else 0,
        "mosaic_normal": normal if normal and len(normal) == 3 else None,
    }


def _frames(elements: Elements, columns: dict[str, Any]) -> tuple[FrameFacts, ...]:
    text, number, numbers = elements.text, elements.number, elements.numbers
    private = columns["private"]
    mapping_tag = TAG["RealWorldValueMappingSequence"]
    top_level = FrameFacts(
        position_mm=numbers(TAG["ImagePositionPatient"], 3),
        orientation=numbers(TAG["ImageOrientationPatient"], 6),
        pixel_spacing_mm=numbers(TAG["PixelSpacing"], 2),
        slope=_rescale(elements, "RescaleSlope"),
        intercept=_rescale(elements, "RescaleIntercept"),
        rescale_type=text(TAG["RescaleType"]),
        mappings=value_mappings(elements.sequence(mapping_tag)) if mapping_tag in elements else (),
        kernel=elements.texts(TAG["ConvolutionKernel"]),
        echo="\\".join((text(TAG["EchoNumbers"]), text(TAG["EchoTime"]))).strip("\\"),
        inversion_time=text(TAG["InversionTime"]),
        b_value=_b_value(number(TAG["DiffusionBValue"]), private),
        complex_part=text(TAG["ComplexImageComponent"]) or _ge_complex_part(private),
        gradient=numbers(TAG["DiffusionGradientOrientation"], 3) or _private_gradient(private),
        temporal_position=_first_number(
            number(TAG["TemporalPositionIdentifier"]), number(TAG["TemporalPositionIndex"])
        ),
        cardiac_phase=_first_number(number(TAG["NominalPercentageOfCardiacPhase"]), private_cardiac_phase(private)),
        trigger_time_ms=_first_number(number(TAG["TriggerTime"]), number(TAG["FrameReferenceTime"])),
        acquired_ms=_first_number(milliseconds(text(TAG["AcquisitionDateTime"])), _acquisition_time_ms(elements)),
    )
    if TAG["PerFrameFunctionalGroupsSequence"] in elements or TAG["SharedFunctionalGroupsSequence"] in elements:
        return frame_facts(elements, columns["number_of_frames"], top_level)
    return (top_level,) if columns["number_of_frames"] == 1 else ()


def _rescale(elements: Elements, keyword: str) -> float | None:
    value = elements.number(TAG[keyword])
    return math.nan if value is None and elements.text(TAG[keyword]) else value


def _first_number(*numbers: float | None) -> float | None:
    return next((number for number in numbers if number is not None), None)


def _acquisition_time_ms(elements: Elements) -> float | None:
    time = elements.text(TAG["AcquisitionTime"]) or elements.text(TAG["ContentTime"])
    return milliseconds(time) if time else None


def _b_value(b_value: float | None, private: tuple[Any, ...]) -> str:
    """The b-value in s/mm2 as text: of the standard element, else of a private one (GE adds 1e9 to some)."""
    for creator in ("SIEMENS MR HEADER", "Philips Imaging DD 001", "UIH", "GEMS_PARM_01"):
        if b_value is None and (numbers := private_numbers(private, creator, "b_value")):
            b_value = numbers[0] % 1e9 if numbers[0] >= 1e9 else numbers[0]
    return "" if b_value is None else f"{b_value:g}"


def _private_gradient(private: tuple[Any, ...]) -> Numbers | None:
    for creator in ("SIEMENS MR HEADER", "UIH"):
        if (numbers := private_numbers(private, creator, "gradient")) and len(numbers) == 3:
            return numbers
    return None


def _ge_complex_part(private: tuple[Any, ...]) -> str:
    """GE distinguishes magnitude, phase, real and imaginary images in a private element only."""
    part = private_numbers(private, "GEMS_PARM_01", "complex_part")
    return ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY")[int(part[0])] if part and 0 <= part[0] <= 3 else ""


def _references(elements: Elements) -> Texts:
    """The files that a DICOMDIR lists, as paths relative to it."""
    records = elements.sequence(TAG["DirectoryRecordSequence"])
    files = [record.get("ReferencedFileID") for record in records]
    return tuple("/".join([file] if isinstance(file, str) else list(file)) for file in files if file)
