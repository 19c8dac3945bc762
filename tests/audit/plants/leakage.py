"""Annotations, identities, mixed patients."""

from __future__ import annotations

from pydicom.uid import generate_uid

from tests.audit.clean import seg_of
from tests.audit.plants.planting import plant, put, setting


@plant("DCM732")
def _(study, draw):
    return [*study, seg_of(study, series=generate_uid())]


@plant("DCM733", decision="reject")
def _(study, draw):
    return [*study, seg_of(study, frame=generate_uid())]


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
