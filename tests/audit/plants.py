"""For every rule a defect to plant: a clean study goes in, one that breaks the rule comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from openjpeg.utils import encode_array
from pydicom.dataset import FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000, RLELossless, generate_uid

from tests.audit.clean import EDGE, Study, grain, seg_of
from tests.dicom.ramp import ds, enhanced, item, put_frames

Draw = np.random.Generator
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Plant:
    """One defect.

    Attributes:
        base: the kind of clean study it is planted in.
        change: changes the study, or returns another list of files.
        decision: what must become of a volume of it.
    """

    base: str
    change: Callable[[Study, Draw], Study | None]
    decision: str = "accept"


PLANTS: dict[str, Plant] = {}


def plant(rule: str, base: str = "CT", decision: str = "accept") -> Callable[[Any], Any]:
    def keep(change: Any) -> Any:
        PLANTS[rule] = Plant(base, change, decision)
        return change

    return keep


def setting(rule: str, base: str = "CT", decision: str = "accept", **elements: Any) -> None:
    """A plant that sets elements in every file; None deletes one, a tuple is drawn from."""

    def change(study: Study, draw: Draw) -> None:
        chosen = {
            key: value[draw.integers(len(value))] if isinstance(value, tuple) else value
            for key, value in elements.items()
        }
        for data in study:
            put(data, **chosen)

    PLANTS[rule] = Plant(base, change, decision)


def put(data: FileDataset, **elements: Any) -> None:
    for keyword, value in elements.items():
        if value is None:
            if keyword in data:
                delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    if "SOPClassUID" in elements:
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID


def stored(data: FileDataset) -> np.ndarray:
    return (
        np.frombuffer(data.PixelData, "<i2" if data.PixelRepresentation else "<u2")
        .reshape(data.Rows, data.Columns)
        .copy()
    )


def store(data: FileDataset, values: np.ndarray) -> None:
    data.PixelData = np.rint(values).astype("<i2" if data.PixelRepresentation else "<u2").tobytes()


def each_picture(change: Callable[[np.ndarray], np.ndarray], study: Study) -> None:
    for data in study:
        store(data, change(stored(data)))


def one_of(draw: Draw, study: Study) -> FileDataset:
    """A slice that is neither the first nor the last."""
    return study[int(draw.integers(1, len(study) - 1))]


# Values
setting("DCM101", PhotometricInterpretation="MONOCHROME1")
setting("DCM102", "DX", PresentationLUTShape="INVERSE")
setting("DCM111", RescaleType=("ED", "Z_EFF", "EDW"))
setting("DCM112", MultienergyCTAcquisition="YES")
setting("DCM110", decision="reject", RescaleIntercept=None)
setting("DCM501", WindowWidth=None, WindowCenter=None)
setting("DCM502", WindowWidth=["400", "1500"], WindowCenter=["40", "-600"])
setting("DCM503", WindowWidth=("0", "-1", "0.5"))
setting("DCM504", VOILUTFunction=("SIGMOID", "LINEAR_EXACT"))
setting("DCM734", SpecificCharacterSet=("ISO_IR 999", "KLINGON"))


@plant("DCM103", decision="reject")
def _(study, draw):
    study[int(draw.integers(len(study)))].PhotometricInterpretation = "MONOCHROME1"


@plant("DCM113")
def _(study, draw):
    for k, data in enumerate(study):
        data.RescaleSlope = ds(1 + 0.01 * k)


@plant("DCM114")
def _(study, draw):
    for data in study:
        data.RescaleIntercept = str(draw.choice([0, -8192]) if data is study[0] else study[0].RescaleIntercept)


@plant("DCM115")
def _(study, draw):
    for data in study:
        values = stored(data)
        values[50:54, 40:44] = 3071 + 1024
        store(data, values)


@plant("DCM116", decision="reject")
def _(study, draw):
    for data in study:
        data.RescaleSlope = "0"


@plant("DCM117", decision="reject")
def _(study, draw):
    for data in study[:3]:
        put(data, RescaleSlope=None, RescaleIntercept=None,
            ModalityLUTSequence=item(LUTDescriptor=[2, 0, 16], ModalityLUTType="HU", LUTData=b"\0\0\1\0"))  # fmt: skip


@plant("DCM118", decision="reject")
def _(study, draw):
    mapping = {"RealWorldValueFirstValueMapped": 0, "RealWorldValueLastValueMapped": 4095,
    "RealWorldValueIntercept": 0.0,
               "MeasurementUnitsCodeSequence": item(CodeValue="1", CodeMeaning="no units")}  # fmt: skip
    for data in study:
        put(data, RescaleSlope=None, RescaleIntercept=None, RealWorldValueMappingSequence=Sequence([
            item(RealWorldValueSlope=slope, **mapping)[0] for slope in (1.0, 2.0)]))  # fmt: skip


@plant("DCM119", decision="reject")
def _(study, draw):
    return [parametric(study, np.nan)]


def parametric(study: Study, value: float) -> FileDataset:
    data = enhanced(study, "1.2.840.10008.5.1.4.1.1.30")
    pixels = np.stack([stored(one) for one in study]).astype("<f4")
    pixels[2, 3, 3] = value
    put(data, BitsAllocated=32, BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None)
    data.FloatPixelData = pixels.tobytes()
    return data


@plant("DCM120", decision="repair")
def _(study, draw):
    for data in study:
        values = np.clip(stored(data), 0, 4095).astype("<u2") << 4
        put(data, BitsStored=12, HighBit=15, PixelRepresentation=0, PixelData=values.tobytes())


@plant("DCM122")
def _(study, draw):
    data = one_of(draw, study)
    put(data, PixelRepresentation=0, PixelData=np.clip(stored(data), 0, None).astype("<u2").tobytes())


@plant("DCM123")
def _(study, draw):
    for data in study:
        put_frames(data, [encode_array(stored(data), photometric_interpretation=2)], "1.2.840.10008.1.2.4.90")
        put(data, PixelRepresentation=0)


@plant("DCM124")
def _(study, draw):
    for data in study:
        values = stored(data) - 1024
        put(data, PixelRepresentation=0, RescaleIntercept="0", PixelData=values.astype("<i2").tobytes())


def _frame(study: Study, value: int) -> None:
    j, i = np.mgrid[:EDGE, :EDGE]
    outside = (i - EDGE / 2) ** 2 + (j - EDGE / 2) ** 2 > (EDGE / 2) ** 2
    each_picture(lambda values: np.where(outside, value, values), study)


@plant("DCM130")
def _(study, draw):
    _frame(study, -2000)
    for data in study:
        data.add_new(0x00280120, "SS", -2000)


@plant("DCM131")
def _(study, draw):
    _frame(study, int(draw.choice([-2000, -3024, -2048])))


@plant("DCM132")
def _(study, draw):
    _frame(study, -2000)
    for data in study:
        data.add_new(0x00280120, "US", 63536)


@plant("DCM133")
def _(study, draw):
    _frame(study, -2000)
    for data in study:
        data.add_new(0x00280120, "SS", -2000)
        values = stored(data)
        values[44:56, 40:52] = -2000
        store(data, values)


@plant("DCM134", "DX")
def _(study, draw):
    study[0].PixelPaddingValue, study[0].PixelPaddingRangeLimit = 10, 5


@plant("DCM505")
def _(study, draw):
    for k, data in enumerate(study):
        data.WindowWidth = str(400 + k)


@plant("DCM506")
def _(study, draw):
    for data in study:
        hu = np.clip(stored(data) - 1024.0, -160, 240)
        put(data, WindowCenter="40", WindowWidth="400")
        store(data, hu + 1024)


@plant("DCM507")
def _(study, draw):
    each_picture(lambda values: np.clip(values, 1024 - 100, 1024 + 45), study)


# Series
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
        put(data, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8,
        BitsStored=8,
            HighBit=7, PixelRepresentation=0, PixelData=np.repeat(grey[..., None], 3, -1).tobytes())  # fmt: skip


@plant("DCM202")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.KVP = "80"


@plant("DCM204")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        put(data, ImageType=["DERIVED", "SECONDARY", "AXIAL"], DerivationDescription="average")


def _twice(study: Study, draw: Draw) -> Study:
    """Every slice a second time with other pixels."""
    twins = []
    for data in study:
        twin = copy.deepcopy(data)
        twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        store(twin, stored(twin) + 7)
        twins.append(twin)
    return twins


@plant("DCM205", decision="reject")
def _(study, draw):
    return [*study, *_twice(study, draw)]


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


@plant("DCM213", decision="repair")
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


# Placement
setting("DCM230", PatientPosition=("", "XYZ", None))
setting("DCM240", PatientOrientationCodeSequence=item(CodeValue="F-10440", CodeMeaning="erect"))
setting("DCM331", PixelSpacing=["0.3", "0.3"])
setting("DCM242", "DX", "reject", PatientOrientation=None)


@plant("DCM231", "CT axial")
def _(study, draw):
    other = {"HFS": "HFP", "HFP": "HFS", "FFS": "FFP", "FFP": "FFS"}[study[0].PatientPosition]
    for data in study:
        data.PatientPosition = other


@plant("DCM232", "CT axial")
def _(study, draw):
    """Turned about the long axis in the header alone: the spine comes to lie in front."""
    for data in study:
        turn = np.array([-1, -1, 1])
        data.ImagePositionPatient = [ds(v) for v in np.array(data.ImagePositionPatient, float) * turn]
        cosines = np.array(data.ImageOrientationPatient, float).reshape(2, 3) * turn
        data.ImageOrientationPatient = [ds(v) for v in cosines.ravel()]


@plant("DCM241")
def _(study, draw):
    angle = np.deg2rad(draw.uniform(9, 30))
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    if abs(np.cross(*np.array(study[0].ImageOrientationPatient, float).reshape(2, 3))[0]) > 0.9:
        turn = turn[[1, 2, 0]][:, [1, 2, 0]]
    for data in study:
        cosines = np.array(data.ImageOrientationPatient, float).reshape(2, 3) @ turn.T
        data.ImageOrientationPatient = [ds(v) for v in cosines.ravel()]
        data.ImagePositionPatient = [ds(v) for v in turn @ np.array(data.ImagePositionPatient, float)]


@plant("DCM243")
def _(study, draw):
    cosines = np.array(study[0].ImageOrientationPatient, float).reshape(2, 3)
    names = ["LPH"[np.abs(v).argmax()] if v[np.abs(v).argmax()] > 0 else "RAF"[np.abs(v).argmax()] for v in cosines]
    opposite = dict(zip("LPHRAF", "RAFLPH"))
    for data in study:
        data.PatientOrientation = [opposite[names[0]], names[1]]


@plant("DCM330")
def _(study, draw):
    for data in study:
        data.SliceThickness = ds(
            float(data.SliceThickness) * draw.choice([0.5, 2.0]) if data is study[0] else float(study[0].SliceThickness)
        )


@plant("DCM333", decision="reject")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        data.SliceThickness = ds(1.05 * float(data.SliceThickness))


# Acquisition
setting("DCM301", ConvolutionKernel=None)
setting("DCM302", ConvolutionKernel=("11H", "KX7", "SECRET SAUCE", "B3x"))
setting("DCM305", Manufacturer="SIEMENS", ConvolutionKernel=(["I30f", "3"], ["Br40d", "2"]))
setting("DCM310", SeriesDescription="CT", ProtocolName="CT")
setting("DCM311", SeriesDescription="portal venous", ContrastBolusAgent="IODINE", ContrastBolusStartTime="120035")
setting("DCM320", BodyPartExamined="HEART", SeriesDescription="HEART ARTERIAL")
setting(
    "DCM323", BodyPartExamined="HEART", NominalPercentageOfCardiacPhase=75.0, TriggerTime="300", NominalInterval="1000"
)
setting("DCM324", BodyPartExamined="HEART", NominalPercentageOfCardiacPhase=75.0, HeartRate="112")
setting("DCM325", RespiratoryMotionCompensationTechnique=("GATING", "BREATH_HOLD"))
setting("DCM737", ContrastBolusStartTime=("010000", "130000"), ContrastBolusAgent="IODINE")
setting("DCM730", "MR", Manufacturer="Philips")
setting("DCM731", "PT", Units=("CNTS", "PROPCPS"))


@plant("DCM306")
def _(study, draw):
    for data in study:
        put(data, Manufacturer="SIEMENS", ConvolutionKernel="B70f", PixelSpacing=["0.8", "0.8"])
        store(data, stored(data))
    _coarse(study, draw)


def _coarse(study: Study, draw: Draw) -> None:
    """Noise of a very coarse grain, as no sharp kernel leaves it, in a body that fills the picture."""
    for data in study:
        values = 1024 + 45 + grain(draw, (EDGE, EDGE), 2.6, 12)
        values[:3] = 24
        store(data, values)


def _cardiac_twice(study: Study, draw: Draw) -> Study:
    twins = _twice(study, draw)
    for data in twins:
        data.AcquisitionNumber = 2
    for data in study:
        data.AcquisitionNumber = 1
    return twins


@plant("DCM321")
def _(study, draw):
    twins = _cardiac_twice(study, draw)
    for phase, part in ((35.0, study), (75.0, twins)):
        for data in part:
            put(data, NominalPercentageOfCardiacPhase=phase, BodyPartExamined="HEART")
    return [*study, *twins]


@plant("DCM322")
def _(study, draw):
    twins = _cardiac_twice(study, draw)
    for data in (*study, *twins):
        put(data, BodyPartExamined="HEART", SeriesDescription="CORONARY ARTERIAL")
    return [*study, *twins]


@plant("DCM735", "MR")
def _(study, draw):
    twins = _twice(study, draw)
    for part, name in ((study, "MAGNITUDE"), (twins, "PHASE")):
        for data in part:
            data.ComplexImageComponent = name
    return [*study, *twins]


# Projection
setting("DCM401", "DX", PixelSpacing=None, PixelSpacingCalibrationType=None)
setting("DCM402", "DX", "reject", PixelSpacing=None, ImagerPixelSpacing=None)
setting("DCM403", "DX", PixelSpacingCalibrationType=None)
setting("DCM404", "MG", EstimatedRadiographicMagnificationFactor=None)
setting("DCM406", "DX", PixelSpacing=["0.18", "0.21"])
setting("DCM407", "DX", "reject", PixelSpacing=(["18", "18"], ["0.0018", "0.0018"]))
setting("DCM410", "MG", "reject", ImageLaterality=None)
setting("DCM411", "MG", ViewCodeSequence=None, ViewPosition=None, SeriesDescription="MG")


@plant("DCM412", "MG")
def _(study, draw):
    data = study[int(draw.integers(4))]
    data.Laterality = "R" if data.ImageLaterality == "L" else "L"


@plant("DCM413", "MG")
def _(study, draw):
    del study[int(draw.integers(4))]


@plant("DCM414", "MG")
def _(study, draw):
    data = study[int(draw.integers(4))]
    store(data, stored(data)[:, ::-1])


# Origin
setting("DCM603", LossyImageCompression="01", LossyImageCompressionRatio=("12", "30"))
setting("DCM606", LossyImageCompressionRatio="0.08")
setting(
    "DCM702",
    decision="reject",
    ImageType=(["DERIVED", "SECONDARY", "SCREEN SAVE"], ["DERIVED", "SECONDARY", "DOSE_INFO"]),
)
setting("DCM703", BurnedInAnnotation="YES")
setting("DCM705", ImageType=["DERIVED", "PRIMARY", "AXIAL"])
setting("DCM340", decision="reject", Modality=("MR", "OT"))
setting("DCM341", ConvolutionKernel=("T20f", "Tr20f"), Manufacturer="SIEMENS")
setting("DCM343", SeriesDescription=("CTAC", "AC_CT WB ARTERIAL"))


@plant("DCM601")
def _(study, draw):
    for data in study:
        put_frames(data, [encode_array(stored(data), photometric_interpretation=2, compression_ratios=[20])], JPEG2000)
        put(data, LossyImageCompression="01", LossyImageCompressionRatio="20")


@plant("DCM602")
def _(study, draw):
    for data in study:
        put_frames(data, [encode_array(stored(data), photometric_interpretation=2, compression_ratios=[20])], JPEG2000)


@plant("DCM604", decision="reject")
def _(study, draw):
    for data in study:
        put_frames(data, [b"\0" * 64], str(draw.choice(["1.2.840.10008.1.2.4.102",
        "1.2.840.10008.1.2.4.107"]) if data is study[0]
                                           else study[0].file_meta.TransferSyntaxUID))  # fmt: skip


@plant("DCM605")
def _(study, draw):
    one_of(draw, study).compress(RLELossless, generate_instance_uid=False)


@plant("DCM704")
def _(study, draw):
    for data in study:
        values = stored(data)
        for left in (4, 10, 16, 22):
            values[4:12, left : left + 3] = 4000
        store(data, values)


@plant("DCM342")
def _(study, draw):
    for data in study:
        put(data, RescaleIntercept="0")
        store(data, np.clip(stored(data), 0, None) * 0 + 300 + draw.normal(0, 60, (EDGE, EDGE)).clip(-200, 200))


@plant("DCM720")
def _(study, draw):
    for data in study:
        data.private_block(0x0077, "ACME WIDGETS", create=True).add_new(1, "LO", "x")


@plant("DCM721")
def _(study, draw):
    for data in study:
        data.add_new(0x00771001, "LO", "x")


setting("DCM722", "MR", Manufacturer="Philips")


# Annotation
@plant("DCM732")
def _(study, draw):
    return [*study, seg_of(study, series=generate_uid())]


@plant("DCM733", decision="reject")
def _(study, draw):
    return [*study, seg_of(study, frame=generate_uid())]


# Leakage
setting("DCM715", PatientIdentityRemoved="YES", ReferringPhysicianName="Moe^Max")
setting("DCM716", LongitudinalTemporalInformationModified="MODIFIED")


@plant("DCM738")
def _(study, draw):
    for data in study[len(study) // 2 :]:
        put(
            data,
            PatientSex="M" if study[0].PatientSex == "F" else "F",
            SeriesInstanceUID=f"{study[0].SeriesInstanceUID[:-1]}.7",
        )
