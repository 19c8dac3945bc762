"""Kernels, phases and tracers."""

from __future__ import annotations

from tests.audit.clean import EDGE, Study, grain
from tests.audit.plants.planting import Draw, plant, put, setting, store, stored, twice

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
    twins = twice(study, draw)
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
    twins = twice(study, draw)
    for part, name in ((study, "MAGNITUDE"), (twins, "PHASE")):
        for data in part:
            data.ComplexImageComponent = name
    return [*study, *twins]
