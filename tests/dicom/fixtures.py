"""Thirty-nine series with the findings expected of each; every other DICOM reader failed on at least one.

Twelve slices of the world ramp each, in one folder. `benchmarks/readers.py` runs other readers on them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from tests.dicom.ramp import (
    COLUMN_MM,
    INTERCEPT,
    PET,
    ROW_MM,
    SLICE_MM,
    ds,
    enhanced,
    ramp_series,
    set_values,
    values_of,
)

SLICES = 12
Series = list[FileDataset]


@dataclass(frozen=True)
class Fixture:
    """One series with a planted defect.

    Attributes:
        make: returns its files, in order of position.
        volumes: the numbers of slices of the volumes that must be converted exactly.
        rules: the rules that must be reported, and no others.
        flagged: whether a reader that reports nothing is wrong even where its voxels are correct.
    """

    make: Callable[[], Series]
    volumes: tuple[int, ...] = (SLICES,)
    rules: frozenset[str] = field(default_factory=frozenset)
    flagged: bool = False


def plain(*args, **changes) -> Series:
    return ramp_series(*args, slices=SLICES, **changes)


def changed(change: Callable[[Series], Series | None], *args, **changes) -> Callable[[], Series]:
    def make() -> Series:
        series = plain(*args, **changes)
        with warnings.catch_warnings(action="ignore"):
            return change(series) or series

    return make


def numbered(numbers) -> Callable[[Series], None]:
    def change(series: Series) -> None:
        for data, number in zip(series, numbers):
            data.InstanceNumber = None if number is None else int(number)

    return change


def each(**elements) -> Callable[[Series], None]:
    def change(series: Series) -> None:
        for data in series:
            for keyword, value in elements.items():
                setattr(data, keyword, value)

    return change


def second_half(**elements) -> Callable[[Series], None]:
    def change(series: Series) -> None:
        each(**elements)(series[SLICES // 2 :])

    return change


def without(keyword: str) -> Callable[[Series], None]:
    def change(series: Series) -> None:
        for data in series:
            delattr(data, keyword)

    return change


SHUFFLED = np.random.default_rng(3).permutation(SLICES) + 1
TURN = np.deg2rad(25)
OBLIQUE = (
    (np.cos(TURN), np.sin(TURN), 0.0),
    (-np.sin(TURN) * np.cos(0.3), np.cos(TURN) * np.cos(0.3), np.sin(0.3)),
)
SAGITTAL = ((0, 1, 0), (0, 0, -1))


def missing_middle(series: Series) -> None:
    del series[5]


def duplicate_position(series: Series) -> Series:
    (twin,) = plain()[6:7]
    for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        setattr(twin, keyword, getattr(series[0], keyword))
    twin.InstanceNumber = 13
    set_values(twin, values_of(twin) + 40)
    return [*series, twin]


def two_series(series: Series) -> Series:
    other = ramp_series(slices=5)
    for data in other:
        data.StudyInstanceUID, data.FrameOfReferenceUID = series[0].StudyInstanceUID, series[0].FrameOfReferenceUID
    return [*series, *other]


def joined(series: Series, others: Series, **elements) -> Series:
    for data in others:
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
            setattr(data, keyword, getattr(series[0], keyword))
        for keyword, value in elements.items():
            setattr(data, keyword, value)
    return [*series, *others]


def scout_inside(series: Series) -> Series:
    scout = ramp_series((1, 0, 0), (0, 0, -1), slices=1, origin=(-20, 0, 0))
    return joined(series, scout, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], InstanceNumber=13)


def slope_each(series: Series) -> None:
    for k, data in enumerate(series):
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = PET
        data.Modality, data.Units = "PT", "BQML"
        slope = 0.0625 * (k + 1)
        data.RescaleSlope, data.RescaleIntercept = str(slope), "0"
        set_values(data, np.rint((values_of(data) + INTERCEPT) / slope).astype(np.int16))


def high_bit(series: Series) -> None:
    for data in series:
        stored = (values_of(data).astype(np.int32) + 2000).astype(np.uint16)
        data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 15, 0
        data.RescaleIntercept = str(INTERCEPT - 2000)
        set_values(data, stored << 4)


def two_times(series: Series) -> Series:
    later = joined(series, plain(), TemporalPositionIdentifier=2, AcquisitionTime="120010", AcquisitionNumber=2)
    for number, data in enumerate(later, start=1):
        data.InstanceNumber = number
    for data in series:
        data.TemporalPositionIdentifier, data.AcquisitionTime, data.AcquisitionNumber = 1, "120000", 1
    return later


def one_slice_with_more_rows(series: Series) -> None:
    last = series[-1]
    set_values(last, np.vstack([values_of(last), values_of(last)[:4]]))
    last.Rows += 4


def skewed_cosines(series: Series) -> None:
    each(ImageOrientationPatient=["1", "0", "0", "0.1", "0.99", "0"])(series)


def jitter_positions(series: Series) -> None:
    for data, off in zip(series, np.random.default_rng(1).uniform(-1e-3, 1e-3, (SLICES, 3))):
        data.ImagePositionPatient = [ds(float(value) + o) for value, o in zip(data.ImagePositionPatient, off)]


def jitter_cosines(series: Series) -> None:
    for data, off in zip(series, np.random.default_rng(1).uniform(-1e-5, 1e-5, (SLICES, 6))):
        data.ImageOrientationPatient = [ds(float(value) + o) for value, o in zip(data.ImageOrientationPatient, off)]


def padded(series: Series) -> None:
    for data in series:
        stored = values_of(data).copy()
        stored[:4] = -2000
        set_values(data, stored)
        data.add_new(0x00280120, "SS", -2000)


def twelve_bits(series: Series) -> None:
    for data in series:
        data.BitsStored, data.HighBit = 12, 11
        set_values(data, values_of(data).view(np.uint16) & 0x0FFF)


def mpr_inside(series: Series) -> Series:
    reformatted = ramp_series(*SAGITTAL, slices=3, origin=(-15, 10, 0))
    return joined(series, reformatted, ImageType=["DERIVED", "SECONDARY", "MPR"])


def two_kernels(series: Series) -> None:
    each(ConvolutionKernel="B30f")(series)
    second_half(ConvolutionKernel="B70f")(series)


def nan_position(series: Series) -> None:
    series[4].ImagePositionPatient = ["1", "2", "nan"]


def truncated(series: Series) -> None:
    series[4].PixelData = series[4].PixelData[:-300]


def found(*rules: str) -> frozenset[str]:
    return frozenset(rules)


UNEVEN = [k * SLICE_MM if k < 6 else (5 + 2 * (k - 5)) * SLICE_MM for k in range(SLICES)]
TILT_MM = SLICE_MM * float(np.tan(np.deg2rad(20)))

FIXTURES: dict[str, Fixture] = {
    "01 axial, clean": Fixture(plain),
    "02 InstanceNumber shuffled": Fixture(changed(numbered(SHUFFLED)), rules=found("DCM210")),
    "03 InstanceNumber descending": Fixture(changed(numbered(range(SLICES, 0, -1)))),
    "04 sagittal": Fixture(lambda: plain(*SAGITTAL)),
    "05 coronal": Fixture(lambda: plain((1, 0, 0), (0, 0, -1))),
    "06 double oblique": Fixture(lambda: plain(*OBLIQUE)),
    "07 head first, prone": Fixture(lambda: plain((-1, 0, 0), (0, -1, 0), PatientPosition="HFP")),
    "08 missing middle slice": Fixture(changed(missing_middle), (), found("DCM211")),
    "09 spacing 2.5 mm, then 5 mm": Fixture(lambda: plain(distances_mm=UNEVEN), (18,), found("DCM212")),
    "10 gantry tilt of 20 degrees": Fixture(lambda: plain(shear_mm=(0, TILT_MM, 0)), rules=found("DCM213")),
    "11 one place twice, other pixels": Fixture(changed(duplicate_position), (), found("DCM215")),
    "12 two series in the folder": Fixture(changed(two_series), (SLICES, 5)),
    "13 scout inside the series": Fixture(changed(scout_inside), (SLICES,), found("DCM203")),
    "14 PET, a slope a slice": Fixture(changed(slope_each), rules=found("DCM113")),
    "15 HighBit 15, BitsStored 12": Fixture(changed(high_bit), rules=found("DCM120")),
    "16 CT without rescale": Fixture(changed(without("RescaleIntercept")), (), found("DCM110")),
    "17 MONOCHROME1 CT": Fixture(changed(each(PhotometricInterpretation="MONOCHROME1")), rules=found("DCM101")),
    "18 two time points": Fixture(changed(two_times), (SLICES, SLICES), found("DCM202")),
    "19 one slice with other Rows": Fixture(
        changed(one_slice_with_more_rows), (SLICES - 1,), found("DCM202", "DCM218")
    ),
    "20 cosines not orthonormal": Fixture(changed(skewed_cosines), (), found("DCM214")),
    "21 positions jitter by 1e-3 mm": Fixture(changed(jitter_positions)),
    "22 no ImagePositionPatient": Fixture(changed(without("ImagePositionPatient")), (), found("DCM216")),
    "23 no ImageOrientationPatient": Fixture(changed(without("ImageOrientationPatient")), (), found("DCM216")),
    "24 thickness 5 mm, true 2.5 mm": Fixture(changed(each(SpacingBetweenSlices="5")), rules=found("DCM334")),
    "25 two FrameOfReferenceUIDs": Fixture(
        changed(second_half(FrameOfReferenceUID=generate_uid())), (6, 6), found("DCM202", "DCM219"), flagged=True
    ),
    "26 padding of -2000": Fixture(changed(padded), rules=found("DCM130")),
    "27 signed 12 bits, upper bits 0": Fixture(changed(twelve_bits)),
    "28 cosines jitter by 1e-5": Fixture(changed(jitter_cosines)),
    "29 sagittal, numbers shuffled": Fixture(changed(numbered(SHUFFLED), *SAGITTAL), rules=found("DCM210")),
    "30 enhanced CT, frames permuted": Fixture(lambda: [enhanced(plain(), order=SHUFFLED - 1)], rules=found("DCM221")),
    "31 InstanceNumber all equal": Fixture(changed(numbered([7] * SLICES)), rules=found("DCM210")),
    "32 no InstanceNumber": Fixture(changed(without("InstanceNumber"))),
    "33 derived MPR inside the series": Fixture(changed(mpr_inside), (SLICES, 3), found("DCM202", "DCM204")),
    "34 secondary capture with geometry": Fixture(
        changed(each(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", ImageType=["DERIVED", "SECONDARY"])),
        (),
        found("DCM701"),
        flagged=True,
    ),
    "35 a position of NaN": Fixture(changed(nan_position), (), found("DCM216")),
    "36 truncated pixel data": Fixture(changed(truncated), (), found("DCM002")),
    "37 PixelSpacing changes on the way": Fixture(
        changed(second_half(PixelSpacing=[ds(ROW_MM * 1.1), ds(COLUMN_MM * 1.1)])),
        (),
        found("DCM217", "DCM202"),
        flagged=True,
    ),
    "38 kernel changes on the way": Fixture(
        changed(two_kernels),
        (6, 6),
        found("DCM202", "DCM303"),
        flagged=True,
    ),
    "39 no FrameOfReferenceUID": Fixture(changed(without("FrameOfReferenceUID")), rules=found("DCM219"), flagged=True),
}
