"""Conversion and findings of the thirty-nine fixture series, for four vendors."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from gnomon.dicom import convert_studies
from gnomon.settings import ConvertSettings
from tests.dicom.fixtures import FIXTURES
from tests.dicom.ramp import ramp_error, write

VENDORS = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "TOSHIBA")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", FIXTURES)
def test_each_series_is_converted_exactly_or_refused_under_its_rule(tmp_path, name, vendor):
    fixture = FIXTURES[name]
    series = fixture.make()
    for data in series:
        data.Manufacturer = vendor
    write(series, tmp_path / "studies")
    done = convert_studies(tmp_path / "studies", tmp_path / "volumes", ConvertSettings(workers=1))
    accepted = [row for row in done.rows if row["decision"] != "reject"]
    assert sorted(row["shape"][2] for row in accepted) == sorted(fixture.volumes)
    assert {finding.rule for finding in done.findings} - {"DCM202"} == fixture.rules - {"DCM202"}
    for row in accepted:
        image = nib.load(tmp_path / "volumes" / f"{row['volume_id']}.nii.gz")
        voxels = np.asarray(image.dataobj).astype(float)
        if row["padding"]:
            mask = np.asarray(nib.load(tmp_path / "volumes" / f"{row['volume_id']}.padding.nii.gz").dataobj)
            assert np.array_equal(
                mask == 1, np.broadcast_to(np.arange(voxels.shape[1])[None, :, None] < 4, voxels.shape)
            )
            indices = np.argwhere(mask == 0)
            points = indices @ image.affine[:3, :3].T + image.affine[:3, 3]
            expected = (points * [-1, -1, 1]) @ [3.0, -5.0, 7.0]
            assert np.abs(expected - voxels[mask == 0]).max() <= 1.0
        else:
            # The jitter of the headers displaces the true positions by the same amount.
            assert ramp_error(voxels, image.affine) <= (1.02 if "jitter" in name else 1.0)


def test_a_finding_states_rule_value_tolerance_and_remedy(tmp_path):
    for number, fixture in enumerate(FIXTURES.values()):
        write(fixture.make(), tmp_path / "studies" / f"{number:02d}")
    done = convert_studies(tmp_path / "studies", tmp_path / "volumes", ConvertSettings(workers=2))
    assert {row["decision"] for row in done.rows} == {"accept", "repair", "reject"}
    for finding in done.findings:
        assert finding.rule in str(finding)
        assert all((finding.where, finding.found, finding.expected, finding.remedy)), finding
        assert finding.remedy.endswith(".")
