"""Pixels from elsewhere: compressed, captured, derived."""

from __future__ import annotations

import numpy as np
from openjpeg.utils import encode_array
from pydicom.uid import JPEG2000, RLELossless

from tests.audit.clean import EDGE
from tests.audit.plants.planting import one_of, plant, put, setting, store, stored
from tests.dicom.ramp import put_frames

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
        put_frames(
            data,
            [b"\0" * 64],
            str(
                draw.choice(["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107"])
                if data is study[0]
                else study[0].file_meta.TransferSyntaxUID
            ),
        )


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
