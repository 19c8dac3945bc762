"""More than five hundred series whose every voxel is a known function of its position."""

from __future__ import annotations

import json
from collections import Counter

import nibabel as nib
import numpy as np
import pytest

from gnomon.dicom import convert_studies
from gnomon.settings import ConvertSettings
from tests.dicom.ramp import (
    CT,
    MR,
    PET,
    SYNTAXES,
    concatenation,
    corner_error_mm,
    encoded,
    enhanced,
    mosaic,
    ramp_error,
    ramp_series,
    save,
)


def oblique(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return tuple(matrix[:, 0]), tuple(matrix[:, 1])


ORIENTATIONS = {
    "axial HFS": ((1, 0, 0), (0, 1, 0)),
    "axial FFS": ((-1, 0, 0), (0, 1, 0)),
    "axial HFP": ((-1, 0, 0), (0, -1, 0)),
    "axial FFP": ((1, 0, 0), (0, -1, 0)),
    "axial HFDL": ((0, 1, 0), (-1, 0, 0)),
    "axial FFDR": ((0, -1, 0), (-1, 0, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "sagittal from the left": ((0, -1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique 1": oblique(1),
    "oblique 2": oblique(2),
    "oblique 3": oblique(3),
}
VENDORS = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "TOSHIBA")
ORIGINS = ((-20.0, 10.0, -30.0), (0.0, 0.0, 0.0), (-412.5, 633.25, -1504.125))
NUMBERINGS = ("rising", "falling", "shuffled", "equal", "even then odd", "none")


def single(series, sop_class, modality):
    for data in series:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = sop_class
        data.Modality = modality
    return series


FORMS = {
    "CT": lambda series: single(series, CT, "CT"),
    "MR": lambda series: single(series, MR, "MR"),
    "PET": lambda series: single(series, PET, "PT"),
    "enhanced CT": lambda series: [enhanced(series, order=np.random.default_rng(0).permutation(len(series)))],
    "legacy enhanced MR": lambda series: [enhanced(series, MR + ".4")],
    "concatenation": concatenation,
    "mosaic": lambda series: [mosaic(series)],
}


def numbered(series, how):
    n = len(series)
    orders = {
        "rising": range(1, n + 1),
        "falling": range(n, 0, -1),
        "equal": [7] * n,
        "none": [None] * n,
        "shuffled": np.random.default_rng(5).permutation(n) + 1,
        "even then odd": [k // 2 + 1 if k % 2 == 0 else n + k // 2 for k in range(n)],
    }
    for data, number in zip(series, orders[how]):
        data.InstanceNumber = None if number is None else int(number)
    return series


def world(row, column):
    """Every form in every encoding, cycling through vendors, origins and numberings."""
    count = 0
    for form, make in FORMS.items():
        for syntax in SYNTAXES:
            origin = ORIGINS[count % len(ORIGINS)]
            series = ramp_series(row, column, origin=origin, Manufacturer=VENDORS[count % 4])
            files = make(numbered(series, NUMBERINGS[count % len(NUMBERINGS)]))
            yield f"{form}, {syntax}", origin, [encoded(data, syntax) for data in files]
            count += 1


COMBINATIONS = len(ORIENTATIONS) * len(FORMS) * len(SYNTAXES)


def test_there_are_at_least_five_hundred_combinations():
    assert COMBINATIONS >= 500


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_voxels_and_affine_match_the_ramp_in_every_form(tmp_path, orientation):
    row, column = ORIENTATIONS[orientation]
    expected = {}
    for number, (name, origin, files) in enumerate(world(row, column)):
        expected[str(files[0].SeriesInstanceUID)] = (name, origin)
        for k, data in enumerate(files):
            save(data, tmp_path / "studies" / f"{number}-{(7 * k + 3) % 11}-{k}")
    done = convert_studies(tmp_path / "studies", tmp_path / "volumes", ConvertSettings(workers=1, pseudonym_key="k"))
    assert Counter(row["decision"] for row in done.rows) == {"accept": len(expected)}
    for volume in done.rows:
        name, origin = expected[volume["series_uid"]]
        image = nib.load(tmp_path / "volumes" / f"{volume['volume_id']}.nii.gz")
        voxels = np.asarray(image.dataobj)
        assert corner_error_mm(image.affine, row, column, origin) <= 1e-4, name
        assert ramp_error(voxels, image.affine) <= 1.0, name
        sidecar = json.loads((tmp_path / "volumes" / f"{volume['volume_id']}.json").read_text())
        assert len(set(sidecar["slices"])) == voxels.shape[2], name
