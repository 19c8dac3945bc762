"""Measures under label maps: exchanged sides, and the contrast phase from the enhancement of organs."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.audit import Cohort
from gnomon.audit.phases import contrast_phase
from gnomon.commands.launch import launch
from gnomon.core.geometry import ORIENTATIONS, Grid, flip_axes
from gnomon.core.labels import LabelScheme
from gnomon.core.mirroring import left_right_pairs
from gnomon.dicom import LabelMap, convert_studies
from gnomon.dicom.measures.enhancement import enhancement_phase
from gnomon.dicom.measures.structures import structure_measures
from gnomon.io.folders import VolumesFolder
from gnomon.io.images import image_stem, read_image, read_label, write_image
from gnomon.settings import ConvertSettings
from gnomon.settings.policy import Policy
from tests.audit.clean import ct
from tests.audit.exports import run_audit

SCHEME = LabelScheme(("liver", "spleen", "kidney_left", "kidney_right"), (1, 2, 3, 4))
GRID = Grid((40, 40, 12), np.diag([2.0, 2.0, 3.0, 1.0]))


def body():
    """Labels in RAS+: the patient's right is at the high end of the first axis."""
    label = np.zeros(GRID.shape, np.uint16)
    label[24:34, 15:25, 2:10] = 1
    label[6:12, 12:20, 2:10] = 2
    label[10:14, 5:9, 2:6] = 3
    label[26:30, 5:9, 2:6] = 4
    return label


def measure(tmp_path, label, grid=GRID, scheme=SCHEME, image=None):
    write_image(tmp_path / "label.nii.gz", label.astype(np.uint8), grid)
    ras = np.zeros(GRID.shape, np.float32) if image is None else image
    return structure_measures(ras, GRID, read_label(tmp_path / "label.nii.gz"), scheme, hounsfield=True)


@pytest.mark.parametrize("code", sorted(ORIENTATIONS))
def test_in_none_of_the_48_orientations_of_the_file_do_sides_seem_exchanged(tmp_path, code):
    change = GRID.reorientation_to(code)
    found = measure(tmp_path, change.apply(body()), GRID.reorient(change))
    assert found["sides_exchanged"] == ""


def test_a_mirror_image_exchanges_the_sides_of_every_pair(tmp_path):
    found = measure(tmp_path, flip_axes(body(), (0,)))["sides_exchanged"]
    assert found == ("kidney_left lies 32 mm to the right of kidney_right; spleen lies 40 mm to the right of liver")


@pytest.mark.parametrize("axis", [1, 2])
def test_a_mirror_image_across_another_axis_exchanges_no_side(tmp_path, axis):
    assert measure(tmp_path, flip_axes(body(), (axis,)))["sides_exchanged"] == ""


def test_a_label_map_that_does_not_lie_on_the_image_tells_nothing(tmp_path):
    moved = Grid(
        GRID.shape, GRID.affine + np.array([[9.0 if (r, c) == (0, 3) else 0 for c in range(4)] for r in range(4)])
    )
    assert measure(tmp_path, body(), moved) == {}
    (tmp_path / "label.nii.gz").write_bytes(b"no image")
    assert LabelMap(tmp_path / "label.nii.gz", SCHEME).read() is None


def test_partners_are_found_by_name_or_declared_and_chambers_of_the_heart_are_not():
    scheme = LabelScheme(
        ("lung_L", "lung_R", "left ventricle", "right ventricle", "gland", "dnalg", "liver"),
        tuple(range(1, 8)),
        pairs=(("gland", "dnalg"),),
    )
    assert left_right_pairs(scheme) == (("lung_L", "lung_R"),)


@pytest.mark.parametrize(
    ("medians", "phase"),
    [
        ({"aorta": 42, "portal_vein": 45}, "non_contrast"),
        ({"aorta": 310, "portal_vein": 90}, "arterial"),
        ({"aorta": 310}, "arterial"),
        ({"aorta": 155, "portal_vein_and_splenic_vein": 170}, "portal_venous"),
        ({"aorta": 110, "portal_vein": 105, "renal_pelvis": 700}, "delayed"),
        ({"aorta": 155}, ""),
        ({"aorta": 90, "portal_vein": 95}, ""),
        ({"aorta": 45, "portal_vein": 160}, ""),
        ({"liver": 110}, ""),
        ({}, ""),
        ({"aorta": 230, "portal_vein": 200}, ""),
    ],
)
def test_medians_of_vessels_tell_the_phase_or_nothing(medians, phase):
    assert enhancement_phase(medians) == phase


@given(st.dictionaries(st.sampled_from(["aorta", "portal_vein", "pelvis", "liver"]), st.floats(-100, 900)))
def test_no_medians_break_the_judgement(medians):
    assert enhancement_phase(medians) in ("", "non_contrast", "arterial", "portal_venous", "delayed")


def test_organs_that_agree_with_the_text_make_it_sure_and_those_that_do_not_make_it_unknown():
    assert contrast_phase(text="portal venous", enhancement="portal_venous").confidence == "high"
    torn = contrast_phase(text="arterial", enhancement="non_contrast")
    assert (torn.phase, torn.disagree) == ("unknown", True)


def test_the_audit_rejects_a_study_whose_label_shows_exchanged_sides_and_reads_the_phase_from_organs(tmp_path):
    for number in range(2):
        study = ct(np.random.default_rng(number), axial=True)
        (tmp_path / "studies" / str(number)).mkdir(parents=True)
        for k, data in enumerate(study):
            data.SeriesDescription, data.ProtocolName = "Leber", "P"
            data.save_as(tmp_path / "studies" / str(number) / f"{k}.dcm", enforce_file_format=True)
    made = convert_studies(tmp_path / "studies", tmp_path / "v", ConvertSettings(workers=1))
    scheme = LabelScheme(("aorta", "liver", "spleen"), (1, 2, 3))
    for number, row in enumerate(made.rows):
        image = read_image(VolumesFolder(tmp_path / "v").image(row["volume_id"]))
        change = image.grid.reorientation_to("RAS")
        grid, hu = image.grid.reorient(change), change.apply(image.voxels)
        x = np.arange(grid.shape[0])[:, None, None] + np.zeros(grid.shape)
        tissue = (hu > 0) & (hu < 90)
        label = np.where(tissue, np.where((x > grid.shape[0] / 2) == (number == 0), 2, 3), 0)
        label[38:42, 60:64] = 1
        write_image(tmp_path / "labels" / f"{row['volume_id']}.nii.gz", label.astype(np.uint8), grid)
    cohort = Cohort(labels=tmp_path / "labels", structures=scheme)
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy(), cohort)
    wrong = done.findings.filter(pl.col("rule") == "DCM235")
    assert wrong["volume_id"].to_list() == [made.rows[1]["volume_id"]] and wrong["severity"].to_list() == ["error"]
    by_id = {row["volume_id"]: row for row in done.volumes.to_dicts()}
    good, bad = (by_id[row["volume_id"]] for row in made.rows)
    assert (good["decision"], bad["decision"]) == ("accept", "reject")
    assert (good["phase"], good["phase_sources"]) == ("non_contrast", "enhancement non_contrast")
    assert "aorta" in good["enhancement_hu"]


def test_in_a_real_ct_every_pair_is_right_its_mirror_image_wrong_and_the_phase_as_another_model_tells_it(
    shared_data, tmp_path
):
    root = shared_data("totalsegmentator")
    image = read_image(root / "example_ct_sm.nii.gz")
    change = image.grid.reorientation_to("RAS")
    label, names = np.zeros(image.grid.shape, np.uint16), []
    for path in sorted((root / "example_seg_fast").glob("*.nii.gz")):
        if (voxels := read_label(path).voxels).any():
            names.append(image_stem(path))
            label[voxels > 0] = len(names)
    scheme = LabelScheme(tuple(names), tuple(range(1, len(names) + 1)))
    ras, grid = change.apply(image.voxels), image.grid.reorient(change)
    write_image(tmp_path / "label.nii.gz", label, image.grid)
    found = structure_measures(ras, grid, read_label(tmp_path / "label.nii.gz"), scheme, hounsfield=True)
    assert (found["sides_exchanged"], found["enhancement"]) == ("", "non_contrast")
    assert json.loads((root / "phase_prediction.json").read_text())["phase"] == "native"
    write_image(tmp_path / "label.nii.gz", flip_axes(change.apply(label), (0,)), grid)
    found = structure_measures(ras, grid, read_label(tmp_path / "label.nii.gz"), scheme, hounsfield=True)
    assert found["sides_exchanged"].count("lies") == len(left_right_pairs(scheme)) + 3 == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["structures={liver: 1}"], "no label maps"),
        (["labels=.", "structures={liver: 1}"], "no NIfTI file"),
        (["labels=/nowhere"], "no such folder"),
        (["labels=.", "structures=abc"], "'abc'"),
        (["labels=.", "structures={liver: one}"], "'one'"),
        (["labels=.", "structures={liver: 1, spleen: 1}"], "repeat"),
        (["labels=.", "structures={liver: 70000}"], "1..65535"),
    ],
)
def test_structures_that_make_no_sense_are_refused_before_anything_is_read(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").mkdir()
    assert launch("audit", [f"input={tmp_path / 's'}", f"output={tmp_path / 'a'}", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
