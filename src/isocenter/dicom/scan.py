"""Folder -> one typed record a DICOM file. No trust in names: every file is opened."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from isocenter.dicom.pseudonyms import PseudonymMap
from isocenter.findings import Finding, Severity

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Instance:
    """What the header of one file says, as far as reading it needs. Lengths in mm, LPS.

    None stands for absent or unreadable; `patient` is a pseudonym.
    """

    path: Path
    patient: str
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    modality: str
    transfer_syntax: str
    image_type: tuple[str, ...]
    frame_of_reference: str
    rows: int | None
    columns: int | None
    frames: int
    samples: int
    photometric: str
    bits_allocated: int | None
    bits_stored: int | None
    high_bit: int | None
    signed: bool
    orientation: Numbers | None
    position_mm: Numbers | None
    pixel_spacing_mm: Numbers | None
    slope: float | None
    intercept: float | None
    rescale_type: str
    has_modality_lut: bool
    instance_number: int | None
    kernel: tuple[str, ...]
    discriminators: tuple[str, ...]


# What tells the volumes of one series apart besides geometry (dicom.md P04): echoes, b-values, phases ...
_DISCRIMINATORS = (
    "EchoNumbers", "EchoTime", "InversionTime", "DiffusionBValue", "TemporalPositionIdentifier",
    "ComplexImageComponent", "KVP", "ReconstructionDiameter", "FrameReferenceTime",
    "NominalPercentageOfCardiacPhase", "TriggerTime",
)  # fmt: skip


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings to ourselves: they quote header values and paths, which may name a patient."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)


def files_in(folder: Path) -> list[Path]:
    """Every regular file below a folder, in one order on every machine."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def scan(files: list[Path], root: Path, names: PseudonymMap) -> Iterator[Instance | Finding]:
    """Read the header of each file: a record, or the finding that says why there is none."""
    for path in files:
        where = f"file {names.pseudonym('files', path.relative_to(root).as_posix())}"
        try:
            with quiet_pydicom():
                instance = _instance(pydicom.dcmread(path, stop_before_pixels=True), path, names)
            yield instance
        except InvalidDicomError:
            yield Finding(
                "DCM001", where, "a file that is not DICOM", "DICOM files with the DICM prefix",
                "Nothing to do if it does not belong to the study (its path is in pseudonyms.json).",
                Severity.INFO,
            )  # fmt: skip
        except Exception as error:  # a hostile header raises anything: see dicom.md 5.2
            yield Finding(
                "DCM003", where, f"a header that cannot be read ({type(error).__name__})",
                "a whole DICOM header", "Export the file again (its path is in pseudonyms.json).",
            )  # fmt: skip


def _instance(header: Dataset, path: Path, names: PseudonymMap) -> Instance:
    # De-identifiers blank UIDs in the data set and forget the file meta group, which must repeat them.
    sop_uid = _text(header, "SOPInstanceUID") or str(header.file_meta.get("MediaStorageSOPInstanceUID", ""))
    sop_class = _text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", ""))
    if not sop_uid:
        raise ValueError("no SOPInstanceUID")
    return Instance(
        path=path,
        patient=names.pseudonym("patients", _text(header, "PatientID") or _text(header, "StudyInstanceUID")),
        study_uid=_text(header, "StudyInstanceUID"),
        series_uid=_text(header, "SeriesInstanceUID"),
        sop_uid=sop_uid,
        sop_class=sop_class,
        modality=_text(header, "Modality"),
        transfer_syntax=str(header.file_meta.get("TransferSyntaxUID", "")),
        image_type=_texts(header, "ImageType"),
        frame_of_reference=_text(header, "FrameOfReferenceUID"),
        rows=_integer(header, "Rows"),
        columns=_integer(header, "Columns"),
        frames=_integer(header, "NumberOfFrames") or 1,
        samples=_integer(header, "SamplesPerPixel") or 1,
        photometric=_text(header, "PhotometricInterpretation"),
        bits_allocated=_integer(header, "BitsAllocated"),
        bits_stored=_integer(header, "BitsStored"),
        high_bit=_integer(header, "HighBit"),
        signed=_integer(header, "PixelRepresentation") == 1,
        orientation=_numbers(header, "ImageOrientationPatient", 6),
        position_mm=_numbers(header, "ImagePositionPatient", 3),
        pixel_spacing_mm=_numbers(header, "PixelSpacing", 2),
        slope=_number(header, "RescaleSlope"),
        intercept=_number(header, "RescaleIntercept"),
        rescale_type=_text(header, "RescaleType"),
        has_modality_lut="ModalityLUTSequence" in header,
        instance_number=_integer(header, "InstanceNumber"),
        kernel=_texts(header, "ConvolutionKernel"),
        discriminators=tuple(_text(header, keyword) for keyword in _DISCRIMINATORS),
    )


def _value(header: Dataset, keyword: str) -> Any:
    value = header.get(keyword)
    return None if value is None or value == "" else value


def _texts(header: Dataset, keyword: str) -> tuple[str, ...]:
    value = _value(header, keyword)
    if value is None:
        return ()
    many = [value] if isinstance(value, (str, int, float)) else list(value)
    return tuple(str(item).strip() for item in many)


def _text(header: Dataset, keyword: str) -> str:
    return "\\".join(_texts(header, keyword))


def _numbers(header: Dataset, keyword: str, count: int) -> Numbers | None:
    try:
        numbers = tuple(float(text) for text in _texts(header, keyword))
    except ValueError:  # '0,5': pydicom hands a decimal comma on as text
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _number(header: Dataset, keyword: str) -> float | None:
    numbers = _numbers(header, keyword, 1)
    return numbers[0] if numbers else None


def _integer(header: Dataset, keyword: str) -> int | None:
    number = _number(header, keyword)
    return int(number) if number is not None and number == int(number) else None
