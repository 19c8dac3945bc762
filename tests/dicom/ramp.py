"""The world ramp: a series whose every voxel is a known linear function of its position in the patient.

A reader's (array, affine) is right if and only if the values follow from the positions that the affine gives: one
oracle for order, transposition, flips, spacing and origin. A series is built as single-frame slices; the other forms
(enhanced, concatenation, mosaic) and encodings are built from those.
"""

from __future__ import annotations

import copy
import math
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from openjpeg.utils import encode_array
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

GRADIENT_LPS = np.array([3.0, -5.0, 7.0])  # HU per mm
ROWS, COLUMNS, SLICES = 36, 33, 9  # 32 is the smallest size that the JPEG 2000 encoder accepts
ROW_MM, COLUMN_MM, SLICE_MM = 1.1, 0.8, 2.5
ORIGIN = (-20.0, 10.0, -30.0)
CT, MR, PET = (f"1.2.840.10008.5.1.4.1.1.{suffix}" for suffix in ("2", "4", "128"))
INTERCEPT = -10
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
}


def ramp_series(
    row: Any = (1, 0, 0),
    column: Any = (0, 1, 0),
    *,
    slices: int = SLICES,
    origin: Any = ORIGIN,
    shear_mm: Any = (0, 0, 0),
    distances_mm: Any = None,
    **changes: Any,
) -> list[FileDataset]:
    """Slices along the normal, in order.

    Args:
        row, column: direction cosines, LPS.
        slices: number of slices.
        origin: position of the first slice, LPS mm.
        shear_mm: displacement from slice to slice (gantry tilt), LPS mm.
        distances_mm: distances along the normal; by default evenly spaced.
        changes: elements to set in every slice.
    """
    row, column = np.asarray(row, float), np.asarray(column, float)
    normal = np.cross(row, column)
    along_mm = np.arange(slices) * SLICE_MM if distances_mm is None else np.asarray(distances_mm, float)
    series_uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
    series = []
    for k in range(slices):
        position = np.asarray(origin, float) + along_mm[k] * normal + k * np.asarray(shear_mm, float)
        data = bare(CT, ExplicitVRLittleEndian)
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study_uid, series_uid, frame_uid
        data.PatientID, data.PatientName = "SECRET-4711", "Doe^Jane"
        data.Modality, data.ImageType, data.InstanceNumber = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], k + 1
        data.ImagePositionPatient = [ds(value) for value in position]
        data.ImageOrientationPatient = [ds(value) for value in (*row, *column)]
        data.PixelSpacing = [str(ROW_MM), str(COLUMN_MM)]
        data.SliceThickness, data.PatientPosition = "5", "HFS"
        data.ProtocolName = data.SeriesDescription = "RAMP"
        data.SeriesNumber, data.StudyDate, data.StudyTime = 1, "20200101", "120000"
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows, data.Columns = ROWS, COLUMNS
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.RescaleSlope, data.RescaleIntercept = "1", str(INTERCEPT)
        set_values(data, np.rint(field_of(position, row, column)).astype(np.int16) - INTERCEPT)
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        series.append(data)
    return series


def field_of(position: Any, row: Any, column: Any) -> np.ndarray:
    """The ramp over one slice, (rows, columns), unrounded."""
    j, i = np.mgrid[:ROWS, :COLUMNS]
    points = (
        np.asarray(position) + i[..., None] * COLUMN_MM * np.asarray(row) + j[..., None] * ROW_MM * np.asarray(column)
    )
    return points @ GRADIENT_LPS


def bare(sop_class: str, syntax: str) -> FileDataset:
    """A data set with its file meta group and a fresh SOPInstanceUID."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = syntax
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    return data


def ds(value: float) -> str:
    """A decimal string (DS) of at most 16 characters, as precise as fits."""
    text = f"{value:.12g}"
    return text if len(text) <= 16 else f"{value:.9g}"


def set_values(data: FileDataset, stored: np.ndarray) -> None:
    """Set the stored values of a slice."""
    data.PixelData = np.ascontiguousarray(stored).tobytes()


def values_of(data: FileDataset) -> np.ndarray:
    """The stored values of a native slice."""
    return np.frombuffer(data.PixelData, np.int16).reshape(data.Rows, data.Columns)


def enhanced(series: list[FileDataset], sop_class: str = CT + ".1", order: Any = None) -> FileDataset:
    """The slices as frames of one enhanced object; `order` permutes the frames."""
    first = series[0]
    order = range(len(series)) if order is None else order
    data = bare(sop_class, ExplicitVRLittleEndian)
    for keyword in (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "PatientID",
        "PatientName",
        "Modality",
        "ImageType",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "Manufacturer",
        "PixelPaddingValue",
        "PatientPosition",
        "ProtocolName",
        "SeriesDescription",
        "SeriesNumber",
        "StudyDate",
        "StudyTime",
    ):
        if keyword in first:
            setattr(data, keyword, first[keyword].value)
    data.NumberOfFrames = len(series)
    data.InstanceNumber = 1
    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=first.PixelSpacing, SliceThickness="5")
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=first.ImageOrientationPatient)
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    uid = generate_uid()
    data.DimensionOrganizationSequence = item(DimensionOrganizationUID=uid)
    data.DimensionIndexSequence = Sequence(
        [
            item(DimensionOrganizationUID=uid, DimensionIndexPointer=tag, FunctionalGroupPointer=0x00209111)[0]
            for tag in (0x00209056, 0x00209057)  # StackID, InStackPositionNumber
        ]
    )
    groups = []
    for k in order:
        own = Dataset()
        own.PlanePositionSequence = item(ImagePositionPatient=series[k].ImagePositionPatient)
        own.FrameContentSequence = item(
            StackID="1", InStackPositionNumber=int(k) + 1, DimensionIndexValues=[1, int(k) + 1]
        )
        own.PixelValueTransformationSequence = item(
            RescaleSlope=series[k].RescaleSlope, RescaleIntercept=series[k].RescaleIntercept, RescaleType="HU"
        )
        groups.append(own)
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.PixelData = b"".join(series[k].PixelData for k in order)
    return data


def concatenation(series: list[FileDataset], sop_class: str = CT + ".1") -> list[FileDataset]:
    """The slices as two enhanced objects that are one concatenation."""
    half = len(series) // 2
    parts = [enhanced(series[:half], sop_class), enhanced(series[half:], sop_class)]
    uid = generate_uid()
    for number, part in enumerate(parts, start=1):
        part.ConcatenationUID, part.InConcatenationNumber, part.InConcatenationTotalNumber = uid, number, 2
        part.ConcatenationFrameOffsetNumber = 0 if number == 1 else half
    return parts


def item(**elements: Any) -> Sequence:
    """A sequence of one item."""
    one = Dataset()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return Sequence([one])


def mosaic(series: list[FileDataset]) -> FileDataset:
    """The slices as tiles of one Siemens mosaic."""
    data = copy.deepcopy(series[0])
    side = math.isqrt(len(series) - 1) + 1
    rows, columns = side * ROWS, side * COLUMNS
    picture = np.zeros((rows, columns), np.int16)
    for k, one in enumerate(series):
        top, left = k // side * ROWS, k % side * COLUMNS
        picture[top : top + ROWS, left : left + COLUMNS] = values_of(one)
    cosines = np.array([float(value) for value in data.ImageOrientationPatient])
    first = np.array([float(value) for value in data.ImagePositionPatient])
    corner = first - cosines[:3] * COLUMN_MM * (columns - COLUMNS) / 2 - cosines[3:] * ROW_MM * (rows - ROWS) / 2
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MR
    data.Modality, data.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    data.Manufacturer = "SIEMENS"
    data.ImagePositionPatient = [ds(value) for value in corner]
    data.Rows, data.Columns = rows, columns
    data.SpacingBetweenSlices = str(SLICE_MM)
    set_values(data, picture)
    normal = np.cross(cosines[:3], cosines[3:])
    block = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa({"SliceNormalVector": [f"{value:.10f}" for value in normal], "B_value": ["0"]}))
    data.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(series))
    return data


def csa(fields: dict[str, list[str]]) -> bytes:
    """A Siemens CSA header."""
    parts = [b"SV10\4\3\2\1", struct.pack("<II", len(fields), 77)]
    for name, texts in fields.items():
        parts.append(struct.pack("<64sI4sIII", name.encode(), len(texts), b"FD\0\0", 4, len(texts), 77))
        for text in texts:
            value = text.encode() + b"\0"
            parts.append(struct.pack("<4I", len(value), len(value), 77, len(value)) + value + b"\0" * (-len(value) % 4))
    return b"".join(parts)


def encoded(data: FileDataset, syntax: str) -> FileDataset:
    """The data set, native and little endian, in another transfer syntax of `SYNTAXES`."""
    uid = SYNTAXES[syntax]
    if uid == JPEG2000Lossless:
        words = np.frombuffer(data.PixelData, np.int16).reshape(-1, data.Rows, data.Columns)
        put_frames(data, [encode_array(frame, photometric_interpretation=2) for frame in words], uid)
        return data
    if uid in (RLELossless, JPEGLSLossless):
        with warnings.catch_warnings(action="ignore"):
            data.compress(uid, generate_instance_uid=False)
        return data
    if uid == ExplicitVRBigEndian:  # 8-bit values are stored in 16-bit words (PS3.5 8.1.1)
        width = max(2, data.BitsAllocated // 8)
        data.PixelData = np.frombuffer(data.PixelData, f"<u{width}").byteswap().tobytes()
    data["PixelData"].VR = "OW"
    data.file_meta.TransferSyntaxUID = uid
    return data


def put_frames(data: FileDataset, frames: list[bytes], syntax: str) -> None:
    """Encapsulate compressed frames as the pixel data."""
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([bytes(frame) for frame in frames])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True


def save(data: FileDataset, path: Path) -> Path:
    """Write one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    uid = data.file_meta.TransferSyntaxUID
    with warnings.catch_warnings(action="ignore"):
        if uid in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
            dcmwrite(
                path,
                data,
                implicit_vr=uid == ImplicitVRLittleEndian,
                little_endian=uid != ExplicitVRBigEndian,
                enforce_file_format=True,
            )
        else:
            dcmwrite(path, data, enforce_file_format=True)
    return path


def write(series: list[FileDataset], folder: Path, seed: int = 0) -> Path:
    """Write files in random order, without extension."""
    for number, data in zip(np.random.default_rng(seed).permutation(len(series)), series):
        save(data, folder / f"IM{number}")
    return folder


def ramp_error(voxels: np.ndarray, affine: np.ndarray) -> float:
    """Largest difference, in HU, between voxels and the ramp at their positions."""
    indices = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1)
    ras = indices @ affine[:3, :3].T + affine[:3, 3]
    return float(np.abs((ras * [-1, -1, 1]) @ GRADIENT_LPS - voxels).max())


def corner_error_mm(
    affine: np.ndarray, row: Any, column: Any, origin: Any = ORIGIN, slices: int = SLICES, shear_mm: Any = (0, 0, 0)
) -> float:
    """Largest distance between the 8 corners of a RAS+ affine and those of the series as built."""
    row, column = np.asarray(row, float), np.asarray(column, float)
    expected = np.eye(4)
    expected[:3, 0], expected[:3, 1] = row * COLUMN_MM, column * ROW_MM
    expected[:3, 2] = np.cross(row, column) * SLICE_MM + np.asarray(shear_mm, float)
    expected[:3, 3] = origin
    ends = np.array(
        [[i, j, k, 1] for i in (-0.5, COLUMNS - 0.5) for j in (-0.5, ROWS - 0.5) for k in (-0.5, slices - 0.5)]
    )
    return float(np.linalg.norm(((np.diag([-1, -1, 1, 1]) @ expected - affine) @ ends.T)[:3], axis=0).max())
