"""Exports on disk, and the audit of one."""

from __future__ import annotations

import numpy as np

from gnomon.audit import Cohort, audit_studies
from gnomon.dicom.index.elements import quiet_pydicom
from gnomon.settings import AuditSettings, ConvertSettings
from gnomon.settings.policy import Policy
from tests.audit.clean import ct
from tests.audit.plants import put
from tests.dicom.ramp import save

PICTURES = Policy(severity={"DCM007": "info"})  # mammograms and radiographs are single images, and accepted here


def write(study, folder):
    for number, data in enumerate(study):
        with quiet_pydicom():
            save(data, folder / f"I{number}")


def one_study(tmp_path, *changes, seed=0, make=ct):
    study = make(np.random.default_rng(seed))
    for data in study:
        for change in changes:
            put(data, **change)
    write(study, tmp_path / "studies")
    return tmp_path / "studies"


def run_audit(root, output, policy=PICTURES, cohort=None, workers=1):
    settings = AuditSettings(workers=workers, pseudonym_key="k", thumbnails=False)
    return audit_studies(root, output, settings, policy, ConvertSettings(workers=workers), cohort or Cohort())
