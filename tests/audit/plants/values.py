"""Values that mean something else than they seem."""

from __future__ import annotations

import numpy as np
from openjpeg.utils import encode_array
from pydicom.dataset import FileDataset
from pydicom.sequence import Sequence

from tests.audit.clean import EDGE, Study
from tests.audit.plants.planting import each_picture, one_of, plant, put, setting, store, stored
from tests.dicom.ramp import ds, enhanced, item, put_frames

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
    shift = int(draw.choice([-400, 300, 650]))
    each_picture(lambda values: values + shift, study)


@plant("DCM125", decision="repair")
def _(study, draw):
    lost = str(draw.choice([0, -8192]))
    for data in study:
        data.RescaleIntercept = lost


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
        put(
            data,
            RescaleSlope=None,
            RescaleIntercept=None,
            ModalityLUTSequence=item(LUTDescriptor=[2, 0, 16], ModalityLUTType="HU", LUTData=b"\0\0\1\0"),
        )


@plant("DCM118", decision="reject")
def _(study, draw):
    mapping = {
        "RealWorldValueFirstValueMapped": 0,
        "RealWorldValueLastValueMapped": 4095,
        "RealWorldValueIntercept": 0.0,
        "MeasurementUnitsCodeSequence": item(CodeValue="1", CodeMeaning="no units"),
    }
    for data in study:
        put(
            data,
            RescaleSlope=None,
            RescaleIntercept=None,
            RealWorldValueMappingSequence=Sequence(
                [item(RealWorldValueSlope=slope, **mapping)[0] for slope in (1.0, 2.0)]
            ),
        )


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


@plant("DCM121")
def _(study, draw):
    for data in study:
        values = np.clip(stored(data), 0, 4095).astype("<u2") | np.uint16(draw.integers(1, 16) << 12)
        put(data, BitsStored=12, HighBit=11, PixelRepresentation=0, PixelData=values.tobytes())


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


@plant("DCM131", decision="repair")
def _(study, draw):
    _frame(study, int(draw.choice([-2000, -3024, -2048])))


@plant("DCM135")
def _(study, draw):
    _frame(study, int(draw.choice([370, 400])))


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
