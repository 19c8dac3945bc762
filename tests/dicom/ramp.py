"""The world ramp: a series whose every voxel is a known linear function of its place in the patient.

A reader's (array, affine) is right if and only if the affine's places give back the values: one oracle for
order, transposition, flips, spacing and origin.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

GRADIENT_LPS = np.array([3.0, -5.0, 7.0])  # HU a mm
ROWS, COLUMNS, SLICES = 14, 11, 9
ROW_MM, COLUMN_MM, SLICE_MM = 1.1, 0.8, 2.5


def ramp_series(
    row: Any = (1, 0, 0), column: Any = (0, 1, 0), *, slices: int = SLICES, **changes: Any
) -> list[FileDataset]:
    """Slices along the normal, in order. `changes` are elements that every slice gets."""
    row, column = np.asarray(row, float), np.asarray(column, float)
    normal = np.cross(row, column)
    series_uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
    series = []
    for k in range(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study_uid, series_uid, frame_uid
        data.PatientID, data.PatientName = "SECRET-4711", "Doe^Jane"
        data.Modality, data.ImageType, data.InstanceNumber = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], k + 1
        place = np.array([-20.0, 10.0, -30.0]) + k * SLICE_MM * normal
        data.ImagePositionPatient = [f"{value:.9g}" for value in place]
        data.ImageOrientationPatient = [f"{value:.9g}" for value in (*row, *column)]
        data.PixelSpacing = [str(ROW_MM), str(COLUMN_MM)]
        data.SliceThickness = "5"
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows, data.Columns = ROWS, COLUMNS
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.RescaleSlope, data.RescaleIntercept = "1", "-10"
        j, i = np.mgrid[:ROWS, :COLUMNS]
        points = place + i[..., None] * COLUMN_MM * row + j[..., None] * ROW_MM * column
        set_values(data, np.rint(points @ GRADIENT_LPS).astype(np.int16) + 10)
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        series.append(data)
    return series


def set_values(data: FileDataset, stored: np.ndarray) -> None:
    """Put stored values into a slice."""
    data.PixelData = np.ascontiguousarray(stored).tobytes()


def write(series: list[FileDataset], folder: Path, seed: int = 0) -> Path:
    """Write files in no useful order, without extension."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in zip(np.random.default_rng(seed).permutation(len(series)), series):
        data.save_as(folder / f"IM{number}", enforce_file_format=True)
    return folder


def ramp_error(voxels: np.ndarray, affine: np.ndarray) -> float:
    """Largest difference, in HU, between voxels and what their places say."""
    indices = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), -1)
    ras = indices @ affine[:3, :3].T + affine[:3, 3]
    return float(np.abs((ras * [-1, -1, 1]) @ GRADIENT_LPS - voxels).max())
