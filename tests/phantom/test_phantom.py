from __future__ import annotations

import numpy as np
import pydicom
import pytest

from gnomon.dicom import convert_studies
from gnomon.io.images import read_image, read_label
from gnomon.phantom import write_phantom
from gnomon.phantom.anatomy import draw_anatomy
from gnomon.settings import ConvertSettings, PhantomSettings

SETTINGS = PhantomSettings(studies=8, seed=3)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    root = tmp_path_factory.mktemp("phantom")
    return root, write_phantom(root, SETTINGS)


def test_every_planted_defect_is_found_and_nothing_else_is_rejected(cohort, tmp_path):
    root, facts = cohort
    done = convert_studies(root / "studies", tmp_path / "volumes", ConvertSettings(1, "x"))
    refused = {row["series_uid"]: row["reasons"] for row in done.rows if row["decision"] == "reject"}
    planted = {one["series_uid"]: [one["rule"]] for one in facts["planted"] if one["rule"].startswith("DCM")}
    assert refused == planted
    assert sum(row["decision"] == "accept" for row in done.rows) == SETTINGS.studies + 1


def test_a_converted_phantom_agrees_with_the_analytical_model(cohort, tmp_path):
    root, _ = cohort
    done = convert_studies(root / "studies", tmp_path / "volumes", ConvertSettings(1, "x"))
    orientations = set()
    for row in done.rows:
        label_path = root / "labels" / f"{row['series_uid']}.nii.gz"
        if row["decision"] != "accept" or not label_path.is_file():
            continue
        image = read_image(tmp_path / "volumes" / f"{row['volume_id']}.nii.gz")
        label = read_label(label_path)
        if image.grid.corner_displacement_mm(label.grid) > 1:
            continue  # the planted defect
        orientations.add(image.grid.orientation)
        liver = image.grid.points_mm(np.argwhere(label.voxels == 1)).mean(0)
        spleen = image.grid.points_mm(np.argwhere(label.voxels == 2)).mean(0)
        assert liver[0] > 5 > -5 > spleen[0], "liver on the right, spleen on the left, RAS+"
        assert 85 < np.median(image.voxels[label.voxels == 1]) < 135
    assert len(orientations) >= 4


def test_the_volume_of_an_organ_equals_that_of_its_ellipsoid(cohort):
    root, _ = cohort
    anatomy = draw_anatomy(SETTINGS.seed, 1)
    assert anatomy.lesion is None
    uid = next(
        pydicom.dcmread(p).SeriesInstanceUID
        for p in (root / "studies" / "0001").iterdir()
        if pydicom.dcmread(p).SOPClassUID.endswith(".1.2")
    )
    label = read_label(root / "labels" / f"{uid}.nii.gz")
    found = (label.voxels == 1).sum() * label.grid.voxel_volume_mm3
    assert found == pytest.approx(anatomy.liver.volume_mm3, rel=0.02)


def test_the_same_settings_give_the_same_bytes(cohort, tmp_path):
    root, _ = cohort
    write_phantom(tmp_path, SETTINGS)
    files = [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]
    assert len(files) > 200
    assert all((root / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)
