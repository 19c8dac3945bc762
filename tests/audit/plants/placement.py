"""Patients and slices that lie elsewhere than they say."""

from __future__ import annotations

import numpy as np

from tests.audit.plants.planting import plant, setting
from tests.dicom.ramp import ds, item

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
