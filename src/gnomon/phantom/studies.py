"""Synthetic CT studies as a hospital would export them, and label files; some must be rejected.

Everything is drawn by key, so the same settings give the same bytes. Writes `studies/` (files without extension, in
random order), `labels/<SeriesInstanceUID>.nii.gz`, and `phantom.json`, which lists the planted defects and the rule
that must find each.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from gnomon.core.geometry import Grid, dicom_grid, frames_from_volume, lps_point
from gnomon.core.provenance import sha256_of_values
from gnomon.core.randomness import generator, stream_key
from gnomon.io.artifacts import read_json, write_bytes, write_json
from gnomon.io.console import show_progress
from gnomon.io.images import write_image
from gnomon.phantom.anatomy import LABELS, Anatomy, draw_anatomy
from gnomon.rules.catalogue.image import LOCALIZER, SECONDARY_CAPTURE
from gnomon.rules.catalogue.series import MISSING_SLICES
from gnomon.settings import PhantomSettings

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PIXELS = 100
_PIXEL_MM = 0.8
_SLICES = 24
_SLICE_MM = 4.0
_SUBSLICES = 4  # samples over the slice thickness, for partial volume
_NOISE_HU = 14.0
_PADDING = -2000

# (PatientPosition, row cosine, column cosine) in LPS. Head or feet first, supine or prone.
_AXIAL = (
    ("HFS", (1, 0, 0), (0, 1, 0)),
    ("FFS", (-1, 0, 0), (0, 1, 0)),
    ("HFP", (-1, 0, 0), (0, -1, 0)),
    ("FFP", (1, 0, 0), (0, -1, 0)),
)
_SAGITTAL = ("HFS", (0, 1, 0), (0, 0, -1))


@dataclass(frozen=True)
class Series:
    """One series to write. `study` is its number; a patient may have several."""

    study: int
    patient: int
    position: str
    grid: Grid
    row: tuple[float, ...]
    column: tuple[float, ...]
    padded: bool


def write_phantom(output: Path, settings: PhantomSettings) -> dict[str, Any]:
    """Write the cohort, unless it exists already; returns the contents of phantom.json."""
    record = output / "phantom.json"
    key = sha256_of_values([vars(settings), "gnomon/phantom/1"])
    if record.is_file() and (known := read_json(record, "the phantom"))["key"] == key:
        return dict(known)
    planted: list[dict[str, Any]] = []
    total = settings.studies + 2
    for series in show_progress(_cohort(settings), total, "writing phantom studies"):
        planted += _write_study(series, output, settings)
    facts = {"key": key, "studies": total, "labels": LABELS.as_dict(), "planted": planted}
    write_json(record, facts)
    return facts


def _cohort(settings: PhantomSettings) -> Iterator[Series]:
    """Axial series in every patient position, some oblique, a few sagittal; then two series with a defect."""
    for study in range(settings.studies + 2):
        draw = generator(settings.seed, "geometry", study)
        patient = study - 1 if study % 8 == 7 else study  # a second study of some patients
        position, row, column = _AXIAL[study % 4 if study % 8 < 4 else 0]
        if study % 8 == 5 or study % 16 == 14:
            row, column = _tilt(row, column, draw)
        elif study % 16 == 6:
            position, row, column = _SAGITTAL
        yield Series(study, patient, position, _draw_grid(row, column, draw), row, column, study % 4 == 1)


def _tilt(row: tuple[float, ...], column: tuple[float, ...], draw: np.random.Generator) -> tuple[Any, Any]:
    """Direction cosines rotated by 8 to 18 degrees about x and y, for an oblique stack."""
    a, b = np.deg2rad(draw.uniform(8, 18, 2))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rotation = about_y @ about_x
    return tuple(rotation @ row), tuple(rotation @ column)


def _draw_grid(row: tuple[float, ...], column: tuple[float, ...], draw: np.random.Generator) -> Grid:
    """The grid of a stack near the centre of the phantom, drawn at random."""
    pixel_mm, slice_mm = _PIXEL_MM * draw.uniform(0.97, 1.03), _SLICE_MM * draw.uniform(0.95, 1.05)
    normal = np.cross(row, column)
    middle = draw.uniform(-1.5, 1.5, 3)
    corner = middle - (_PIXELS - 1) / 2 * pixel_mm * (np.asarray(row) + np.asarray(column))
    first = corner - (_SLICES - 1) / 2 * slice_mm * normal
    last = first + (_SLICES - 1) * slice_mm * normal
    return dicom_grid((_PIXELS, _PIXELS, _SLICES), np.asarray(row), np.asarray(column), first, last, pixel_mm, pixel_mm)


def _write_study(series: Series, output: Path, settings: PhantomSettings) -> list[dict[str, Any]]:
    """Write one study and its label; returns the defects that were planted."""
    anatomy = draw_anatomy(settings.seed, series.patient)
    volume = _scan(anatomy, series, settings.seed)
    good = series.study < settings.studies
    uid = _uid(settings.seed, "series", series.study)
    folder = output / "studies" / f"{series.study:04d}"
    files = list(_slices(series, volume, settings.seed))
    planted = []
    if series.study == settings.studies:  # a slice is missing
        del files[_SLICES // 2]
        planted.append({"kind": "missing slice", "rule": MISSING_SLICES.id, "series_uid": uid})
    label_grid = series.grid
    if series.study == settings.studies + 1:  # the label is shifted
        shifted = np.array(series.grid.affine)
        shifted[:3, 3] += 5.0
        label_grid = Grid(series.grid.shape, shifted)
        planted.append({"kind": "label on another grid", "rule": "PRP201", "series_uid": uid})
    if series.study == 0:
        files.append(_scout(series, volume, settings.seed))
        planted.append({"kind": "scout", "rule": LOCALIZER.id, "series_uid": _uid(settings.seed, "scout", 0)})
    if series.study == 1:
        files.append(_secondary_capture(series, volume, settings.seed))
        planted.append(
            {"kind": "secondary capture", "rule": SECONDARY_CAPTURE.id, "series_uid": _uid(settings.seed, "capture", 1)}
        )
    shuffled = generator(settings.seed, "files", series.study).permutation(len(files))
    for number, data in zip(shuffled, files):
        content = io.BytesIO()
        data.save_as(content, enforce_file_format=True)
        write_bytes(folder / f"I{number:05d}", content.getvalue())
    if good or label_grid is not series.grid:
        truth = anatomy.labels_at(_points(series.grid))
        write_image(output / "labels" / f"{uid}.nii.gz", truth, label_grid)
    return planted


def _points(grid: Grid) -> NDArray[np.float64]:
    indices = np.stack(np.meshgrid(*(np.arange(size) for size in grid.shape), indexing="ij"), axis=-1)
    return np.asarray(grid.points_mm(indices))


def _scan(anatomy: Anatomy, series: Series, seed: int) -> NDArray[np.int16]:
    """Hounsfield units: density averaged over the slice thickness, noise, and padding outside the field of view."""
    points = _points(series.grid)
    step = series.grid.affine[:3, 2]
    offsets = (np.arange(_SUBSLICES) + 0.5) / _SUBSLICES - 0.5
    density = np.mean([anatomy.hounsfield_at(points + offset * step) for offset in offsets], axis=0)
    noise = generator(seed, "noise", series.study).normal(0.0, _NOISE_HU, density.shape)
    values = np.clip(np.rint(density + noise), -1024, 3071).astype(np.int16)
    if series.padded:
        middle = (np.asarray(series.grid.shape[:2]) - 1) / 2
        i, j = np.meshgrid(*(np.arange(size) for size in series.grid.shape[:2]), indexing="ij")
        values[np.hypot(i - middle[0], j - middle[1]) > _PIXELS / 2] = _PADDING
    return np.asarray(values)


def _slices(series: Series, volume: NDArray[np.int16], seed: int) -> Iterator[FileDataset]:
    numbers = generator(seed, "numbers", series.study).permutation(_SLICES) + 1
    for k, frame in enumerate(frames_from_volume(volume)):
        data = _header(
            series, seed, _CT_IMAGE, _uid(seed, "series", series.study), _uid(seed, "slice", series.study, k)
        )
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.InstanceNumber = int(numbers[k]) if series.study % 3 else k + 1
        position = series.grid.points_mm(np.array([0.0, 0.0, float(k)]))
        data.ImagePositionPatient = [f"{value:.6f}" for value in lps_point(position)]
        data.ConvolutionKernel = "STANDARD"
        if series.padded:
            data.PixelPaddingValue = _PADDING
        _set_pixels(data, frame, signed=series.padded)
        yield data


def _scout(series: Series, volume: NDArray[np.int16], seed: int) -> FileDataset:
    data = _header(series, seed, _CT_IMAGE, _uid(seed, "scout", series.study), _uid(seed, "scout file", series.study))
    data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    data.InstanceNumber = 1
    data.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    data.ImagePositionPatient = [-40, 0, 48]
    _set_pixels(data, frames_from_volume(volume)[0], signed=False)
    return data


def _secondary_capture(series: Series, volume: NDArray[np.int16], seed: int) -> FileDataset:
    uid = _uid(seed, "capture", series.study)
    data = _header(series, seed, _SECONDARY_CAPTURE, uid, _uid(seed, "capture file", series.study))
    data.ImageType = ["DERIVED", "SECONDARY"]
    data.ConversionType = "WSD"
    data.InstanceNumber = 1
    data.ImagePositionPatient = [0, 0, 0]
    _set_pixels(data, frames_from_volume(volume)[0], signed=False)
    return data


def _header(series: Series, seed: int, sop_class: str, series_uid: str, sop_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, sop_uid
    data.PatientID, data.PatientName = f"PHANTOM-{series.patient:04d}", f"Phantom^{series.patient:04d}"
    data.StudyInstanceUID = _uid(seed, "study", series.study)
    data.SeriesInstanceUID = series_uid
    data.FrameOfReferenceUID = _uid(seed, "frame", series.study)
    data.Modality, data.Manufacturer, data.PatientPosition = "CT", "Gnomon phantom", series.position
    data.SeriesDescription = "PHANTOM ABDOMEN"
    data.ImageOrientationPatient = [f"{value:.12g}" for value in (*series.row, *series.column)]
    spacing_mm = series.grid.spacing_mm
    data.PixelSpacing = [f"{spacing_mm[1]:.8g}", f"{spacing_mm[0]:.8g}"]
    data.SliceThickness = "5.0"  # deliberately not the distance between slices
    data.KVP = "120"
    return data


def _set_pixels(data: FileDataset, hounsfield: NDArray[np.int16], *, signed: bool) -> None:
    """Write pixels as signed values, or as 12 unsigned bits with an intercept of -1024 HU."""
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = hounsfield.shape
    data.BitsAllocated, data.BitsStored = 16, 16 if signed else 12
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(signed)
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = "1", "0" if signed else "-1024", "HU"
    stored = hounsfield if signed else np.clip(hounsfield.astype(np.int32) + 1024, 0, 4095).astype(np.uint16)
    data.PixelData = np.ascontiguousarray(stored).tobytes()


def _uid(seed: int, *parts: str | int) -> str:
    return f"2.25.{stream_key(seed, 'uid', *parts)}"
