"""What is known of the cases: labels, splits, label maps, and what of an acquisition gives them away."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnomon.audit import Cohort
from gnomon.core.geometry import Grid
from gnomon.dicom import convert_studies
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import read_grid, write_image
from gnomon.rules.finding import Refusal
from gnomon.settings import ConvertSettings
from gnomon.settings.policy import Policy
from tests.audit.clean import ct, mr
from tests.audit.exports import one_study, run_audit, write
from tests.audit.plants import put, store, stored


def cohort(tmp_path, rows, cases=24):
    """Small CTs, alternately ill and well; `rows` gives (elements, split) for a number and a label."""
    lines = ["patient,label,split"]
    for n in range(cases):
        label = "ill" if n % 2 else "well"
        elements, split = rows(n, label)
        study = ct(np.random.default_rng(n), SeriesDescription="NATIVE")[:3]
        for data in study:
            put(data, **{"Manufacturer": "SIEMENS", "ConvolutionKernel": "B30f", **elements})
        write(study, tmp_path / "studies" / str(n))
        lines.append(f"{study[0].PatientID},{label},{split}")
    table = tmp_path / "cases.csv"
    table.write_text("\n".join(dict.fromkeys(lines)) + "\n")
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy(pixels=False), Cohort(table))
    return {
        rule: " | ".join(done.findings.filter(pl.col("rule") == rule)["observed"])
        for rule in done.findings["rule"].unique()
    }


def test_a_shortcut_from_the_kernel_to_the_label_is_found(tmp_path):
    found = cohort(
        tmp_path, lambda n, label: ({"ConvolutionKernel": "B70f" if label == "ill" else "B30f"}, "train"), 40
    )
    assert "kernel" in found["DCM711"]
    assert "kernel_class and label" in found["DCM304"]


def test_vendors_phases_and_thickness_that_differ_by_label_are_found(tmp_path):
    def rows(n, label):
        ill = label == "ill"
        elements = {
            "SeriesDescription": "arterial" if ill else "portal venous",
            "SliceThickness": "3" if ill else "1.5",
            "Manufacturer": "SIEMENS" if ill else "Philips",
            "InstitutionName": "A" if ill else "B",
        }
        return elements, "train"

    found = cohort(tmp_path, rows, 40)
    assert {"DCM312", "DCM332", "DCM714", "DCM717", "DCM711"} <= set(found)


def test_an_even_cohort_has_no_finding_about_its_parts(tmp_path):
    found = cohort(tmp_path, lambda n, label: ({}, "train" if n % 3 else "test"))
    assert not {
        rule
        for rule in found
        if rule in ("DCM304", "DCM312", "DCM332", "DCM711", "DCM712", "DCM713", "DCM714", "DCM717")
    }


def test_a_patient_or_a_frame_of_reference_on_both_sides_is_found(tmp_path):
    one = ct(np.random.default_rng(0))
    other = ct(np.random.default_rng(1))
    for data in other:
        data.PatientID = one[0].PatientID
    twin = ct(np.random.default_rng(2))
    for data in twin:
        data.FrameOfReferenceUID = one[0].FrameOfReferenceUID
    for name, study in (("one", one), ("other", other), ("twin", twin)):
        write(study, tmp_path / "studies" / name)
    table = tmp_path / "cases.csv"
    rows = [(one, "train"), (other, "test"), (twin, "test")]
    table.write_text("series,split\n" + "".join(f"{s[0].SeriesInstanceUID},{split}\n" for s, split in rows))
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy(), Cohort(table))
    rules = set(done.findings["rule"])
    assert {"DCM712", "DCM713"} <= rules
    assert "DCM718" not in rules


def test_the_same_picture_under_another_name_on_the_other_side_is_found(tmp_path):
    one = mr(np.random.default_rng(0))
    write(one, tmp_path / "studies" / "one")
    draw = np.random.default_rng(5)
    for data in one:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(data, keyword, f"{data[keyword].value[:-1]}.5")
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{data.SOPInstanceUID[:-1]}.5"
        data.PatientID = "SOMEBODY-ELSE"
        store(data, np.clip(0.9 * stored(data) + draw.normal(0, 3, (96, 96)), 0, None))
    write(one, tmp_path / "studies" / "two")
    write(mr(np.random.default_rng(1)), tmp_path / "studies" / "three")
    table = tmp_path / "cases.csv"
    table.write_text("series,split\n")
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy())
    series = done.volumes.select("series_uid", "volume_id").rows()
    table.write_text(
        "series,split\n" + "".join(f"{uid},{'train' if uid.endswith('.5') else 'test'}\n" for uid, _ in series)
    )
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy(), Cohort(table))
    about = set(done.findings.filter(pl.col("rule") == "DCM718")["volume_id"])
    twins = {volume for uid, volume in series if uid.endswith(".5")}
    assert len(about) == 2
    assert twins <= about


def test_a_label_on_another_grid_is_found(tmp_path):
    studies = one_study(tmp_path, {"SeriesDescription": "NATIVE"})
    made = convert_studies(studies, tmp_path / "v", ConvertSettings(workers=1))
    (row,) = made.rows
    grid = read_grid(VolumesFolder(tmp_path / "v").image(row["volume_id"]))
    labels = tmp_path / "labels"
    write_image(labels / f"{row['series_uid']}.nii.gz", np.zeros(grid.shape, np.uint8), grid)
    assert "DCM233" not in set(run_audit(studies, tmp_path / "a", Policy(), Cohort(labels=labels)).findings["rule"])
    moved = Grid(grid.shape, grid.affine + np.array([[0, 0, 0, 2.0], *np.zeros((3, 4))]))
    write_image(labels / f"{row['series_uid']}.nii.gz", np.zeros(grid.shape, np.uint8), moved)
    done = run_audit(studies, tmp_path / "a", Policy(), Cohort(labels=labels))
    assert done.findings.filter(pl.col("rule") == "DCM233")["observed"].to_list() == ["corners up to 2 mm apart"]
    assert done.volumes["decision"].to_list() == ["reject"]


@pytest.mark.parametrize("text", ["name,label\n1,2\n", "series\n1\n", ""])
def test_a_table_of_cases_that_names_none_is_refused(studies, tmp_path, text):
    table = tmp_path / "cases.csv"
    table.write_text(text)
    with pytest.raises(Refusal, match="USE129"):
        run_audit(studies, tmp_path / "a", Policy(pixels=False), Cohort(table))


def test_an_unreadable_label_map_and_an_unmatched_one_are_reported(studies, tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    series = run_audit(studies, tmp_path / "a", Policy(pixels=False)).volumes["series_uid"][0]
    (labels / f"{series}.nii.gz").write_bytes(b"no image")
    (labels / "stranger.nii.gz").write_bytes(b"no image")
    done = run_audit(studies, tmp_path / "a", Policy(pixels=False), Cohort(labels=labels))
    found = dict(done.findings.select("rule", "observed").rows())
    assert "DCM233" in found
    assert found["DCM234"] == "1 of 2 label maps without a series"


def test_cases_without_a_volume_are_reported(studies, tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("patient,label\nNOBODY,ill\n")
    done = run_audit(studies, tmp_path / "a", Policy(pixels=False), Cohort(table))
    (found,) = done.findings.filter(pl.col("rule") == "DCM719")["observed"]
    assert found == "1 of 1 cases without a volume"
