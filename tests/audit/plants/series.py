"""Files that make no volume, or another one."""

from __future__ import annotations

import copy

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from tests.audit.clean import Study
from tests.audit.plants.planting import CAPTURE, one_of, plant, put, setting, store, stored, twice
from tests.dicom.ramp import ds, enhanced, item


@plant("DCM010", decision="repair")
def _(study, draw):
    twin = copy.deepcopy(one_of(draw, study))
    twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return [*study, twin]


@plant("DCM011", decision="reject")
def _(study, draw):
    twin = copy.deepcopy(one_of(draw, study))
    store(twin, stored(twin) + 5)
    return [*study, twin]


@plant("DCM012", decision="reject")
def _(study, draw):
    for data in study:
        put(data, BitsStored=20, HighBit=19)


@plant("DCM002", decision="reject")
def _(study, draw):
    data = one_of(draw, study)
    data.PixelData = data.PixelData[: -int(draw.integers(2, 999)) * 2]


setting("DCM007", "CT", "accept", SOPClassUID=("1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.20"))
setting("DCM009", SeriesInstanceUID=None)
setting("DCM203", decision="reject", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
setting("DCM219", FrameOfReferenceUID=None)
setting("DCM334", SpacingBetweenSlices=("5", "7.5"))
setting("DCM405", decision="reject", PixelSpacing=(["0", "0"], ["-1", "1"]))
setting("DCM701", decision="reject", SOPClassUID=(CAPTURE, *(f"{CAPTURE}.{n}" for n in range(1, 5))))
setting(
    "DCM706",
    decision="reject",
    PixelData=None,
    SOPClassUID=("1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.66"),
)


@plant("DCM008", decision="reject")
def _(study, draw):
    for data in study:
        grey = np.clip(stored(data) / 16, 0, 255).astype(np.uint8)
        put(
            data,
            SamplesPerPixel=3,
            PhotometricInterpretation="RGB",
            PlanarConfiguration=0,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
            PixelData=np.repeat(grey[..., None], 3, -1).tobytes(),
        )


@plant("DCM202")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.KVP = "80"


@plant("DCM204")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        put(data, ImageType=["DERIVED", "SECONDARY", "AXIAL"], DerivationDescription="average")


@plant("DCM205", decision="reject")
def _(study, draw):
    return [*study, *twice(study, draw)]


@plant("DCM206", decision="reject")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.StudyInstanceUID = f"{study[0].StudyInstanceUID[:-1]}0.1"
    return study


@plant("DCM210")
def _(study, draw):
    numbers = [2, 1, *range(3, len(study) - 1), len(study), len(study) - 1]
    for data, number in zip(study, numbers):
        data.InstanceNumber = number


@plant("DCM211", decision="reject")
def _(study, draw):
    del study[int(draw.integers(2, len(study) - 2))]


def _moved(study: Study, steps: list[float]) -> None:
    positions = [np.array(data.ImagePositionPatient, float) for data in study]
    step = positions[1] - positions[0]
    for k, data in enumerate(study):
        data.ImagePositionPatient = [ds(value) for value in positions[0] + steps[k] * step]


@plant("DCM212", decision="repair")
def _(study, draw):
    _moved(study, [0, 1, 2, 3, 4.3, 5.6, 6.9, 8.2])


@plant("DCM213")
def _(study, draw):
    column = np.array(study[0].ImageOrientationPatient[3:], float)
    lean = np.tan(np.deg2rad(draw.uniform(5, 25))) * float(study[0].SliceThickness)
    for k, data in enumerate(study):
        data.ImagePositionPatient = [ds(v) for v in np.array(data.ImagePositionPatient, float) + k * lean * column]


@plant("DCM214", decision="reject")
def _(study, draw):
    for data in study:
        cosines = [float(value) for value in data.ImageOrientationPatient]
        data.ImageOrientationPatient = [ds(value) for value in (*cosines[:3], *(1.2 * value for value in cosines[3:]))]


@plant("DCM215", decision="reject")
def _(study, draw):
    twin = copy.deepcopy(one_of(draw, study))
    twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    store(twin, stored(twin) + 5)
    return [*study, twin]


@plant("DCM216", decision="reject")
def _(study, draw):
    data = one_of(draw, study)
    put(data, **{str(draw.choice(["ImagePositionPatient", "ImageOrientationPatient"])): None})


@plant("DCM217", decision="reject")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.PixelSpacing = [ds(1.1 * float(value)) for value in data.PixelSpacing]


@plant("DCM218", decision="reject")
def _(study, draw):
    return study[:1]


@plant("DCM220")
def _(study, draw):
    data = one_of(draw, study)
    data.PixelData = data.PixelData + b"\0" * 64


@plant("DCM221")
def _(study, draw):
    return [with_kernel(enhanced(study, order=[1, 0, *range(2, len(study))]), study)]


def with_kernel(data: FileDataset, study: Study) -> FileDataset:
    """An enhanced CT with the elements that a clean one has."""
    data.BurnedInAnnotation, data.AcquisitionTime = "NO", "120100"
    shared = data.SharedFunctionalGroupsSequence[0]
    shared.CTReconstructionSequence = item(
        ConvolutionKernel=study[0].ConvolutionKernel, ConvolutionKernelGroup="SOFT_TISSUE"
    )
    shared.PixelMeasuresSequence[0].SliceThickness = study[0].SliceThickness
    return data


@plant("DCM224", decision="reject")
def _(study, draw):
    data = with_kernel(enhanced([*study, *twice(study, draw)]), study)
    for group in data.PerFrameFunctionalGroupsSequence:
        group.FrameContentSequence[0].TemporalPositionIndex = 1
    return [data]


@plant("DCM222", decision="reject")
def _(study, draw):
    data = enhanced(study)
    put(data, SharedFunctionalGroupsSequence=None, PerFrameFunctionalGroupsSequence=None)
    return [data]


setting("DCM223", "MR", "reject", ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])


@plant("DCM225", decision="reject")
def _(study, draw):
    data = with_kernel(enhanced(study), study)
    data.ConcatenationUID, data.InConcatenationNumber, data.InConcatenationTotalNumber = generate_uid(), 1, 2
    data.ConcatenationFrameOffsetNumber = 0
    return [data]


@plant("DCM303")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.ConvolutionKernel = (
            "B70f" if data.Manufacturer == "SIEMENS" else "BONE" if data.Manufacturer[:2] == "GE" else "L"
        )
