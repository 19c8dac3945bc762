"""The audit as its users run it: the command, its artifacts, its policies, what follows it."""

from __future__ import annotations

import errno
import json
import os
import shutil

import numpy as np
import polars as pl
import pytest
from markupsafe import escape

from gnomon.audit import audit_rules, read_verdict
from gnomon.commands.launch import launch
from gnomon.dicom import convert_studies
from gnomon.io.folders import AuditFolder, VolumesFolder
from gnomon.io.images import read_grid, write_image
from gnomon.rules.catalogue.encoding import NO_RESCALE
from gnomon.rules.catalogue.geometry import ANISOTROPIC_VOXELS
from gnomon.rules.catalogue.identity import BURNED_IN_ANNOTATION
from gnomon.rules.finding import Refusal, Severity
from gnomon.settings import ConvertSettings
from gnomon.settings.policy import Policy
from tests.audit.clean import ct
from tests.audit.exports import one_study, run_audit, write

FILES = (
    "audit.json",
    "findings.jsonl",
    "findings.parquet",
    "volumes.csv",
    "volumes.parquet",
    "findings.sarif",
    "report.html",
)


def audit(studies, output, *more):
    return launch(
        "audit", [f"input={studies}", f"output={output}", "reading.workers=1", "reading.pseudonym_key=k", *more]
    )


def found(output):
    return pl.read_parquet(AuditFolder(output).findings)


def test_the_command_leaves_every_artifact_and_tells_errors_by_its_exit_code(studies, tmp_path, capsys):
    assert audit(studies, tmp_path / "a") == 1
    said = capsys.readouterr().out
    assert "4 volume(s): 3 accepted, 0 to repair, 1 rejected" in said
    assert "DCM110" in said
    for name in FILES:
        assert (tmp_path / "a" / name).is_file()
    assert audit(studies, tmp_path / "a", "fail_on=never") == 0
    assert audit(studies, tmp_path / "a", "fail_on=nonsense") == 2
    assert audit(tmp_path / "nowhere", tmp_path / "b") == 2
    assert audit(studies, tmp_path / "a", "audit.kernels=[shiny]") == 2


def test_the_report_says_the_verdict_and_what_each_rule_means_and_shows_the_volumes(studies, tmp_path):
    audit(studies, tmp_path / "a")
    page = (tmp_path / "a" / "report.html").read_text()
    assert "Not safe to train on as it is: 1 of 4 volume(s) rejected, 1 error(s)." in page
    for rule in (NO_RESCALE, BURNED_IN_ANNOTATION):
        assert escape(rule.harm) in page and rule.slug in page
    assert page.count('<img loading="lazy"') >= 3
    assert "http" not in page.replace("http://www.w3.org", "")


def test_findings_are_the_same_bytes_for_any_order_of_files_and_any_workers(studies, tmp_path):
    shuffled = tmp_path / "studies"
    for n, path in enumerate(sorted((p for p in studies.rglob("I*")), reverse=True)):
        (shuffled / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, shuffled / path.parent.name / f"{n:05d}")
    audit(studies, tmp_path / "a")
    launch("audit", [f"input={shuffled}", f"output={tmp_path / 'b'}", "reading.workers=2", "reading.pseudonym_key=k"])
    for name in ("findings.jsonl", "audit.json", "findings.sarif", "volumes.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_second_run_reads_nothing_again_and_says_the_same(studies, tmp_path, capsys):
    audit(studies, tmp_path / "a")
    first = (tmp_path / "a" / "findings.jsonl").read_bytes()
    capsys.readouterr()
    audit(studies, tmp_path / "a")
    said = capsys.readouterr().out
    assert "reading headers" not in said
    assert "measuring volumes" not in said
    assert (tmp_path / "a" / "findings.jsonl").read_bytes() == first


def test_no_artifact_but_the_map_names_a_patient(studies, tmp_path):
    audit(studies, tmp_path / "a")
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file() and path.name != "pseudonyms.json":
            content = path.read_bytes()
            assert b"Zyxwvut" not in content.replace(b"\0", b"")
            assert b"ID-" not in content or path.suffix == ".png"
    assert oct((tmp_path / "a" / "pseudonyms.json").stat().st_mode)[-3:] == "600"


def test_sarif_names_every_rule_that_fired(studies, tmp_path):
    audit(studies, tmp_path / "a")
    (run,) = json.loads((tmp_path / "a" / "findings.sarif").read_text())["runs"]
    fired = {result["ruleId"] for result in run["results"]}
    assert fired == {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {"DCM110", "DCM703"} <= fired
    assert {result["level"] for result in run["results"]} <= {"error", "warning", "note"}


@pytest.mark.parametrize(
    ("policy", "elements", "rule", "decision"),
    [
        (Policy(kernels=("soft",)), {"Manufacturer": "SIEMENS", "ConvolutionKernel": "B70f"}, "DCM307", "reject"),
        (Policy(kernels=("soft",)), {"Manufacturer": "SIEMENS", "ConvolutionKernel": "11H"}, None, "accept"),
        (Policy(phases=("arterial",)), {"SeriesDescription": "portal venous"}, "DCM316", "reject"),
        (Policy(phases=("arterial",)), {"SeriesDescription": "CT"}, None, "accept"),
        (Policy(contrast="none"), {"SeriesDescription": "CTA"}, "DCM344", "accept"),
        (Policy(contrast="none", decision={"DCM344": "reject"}), {"SeriesDescription": "CTA"}, "DCM344", "reject"),
        (Policy(contrast="none"), {"SeriesDescription": "NATIVE"}, None, "accept"),
        (Policy(contrast="required"), {"SeriesDescription": "NATIVE"}, "DCM344", "accept"),
        (Policy(modalities=("MR",)), {}, "DCM345", "reject"),
        (Policy(vocabulary=("tumour",)), {"StudyDescription": "known Tumour"}, "DCM710", "accept"),
        (Policy(vocabulary=("tumour",)), {"StudyDescription": "trauma"}, None, "accept"),
        (Policy(severity={"DCM703": "error"}), {"BurnedInAnnotation": "YES"}, "DCM703", "reject"),
        (Policy(severity={"DCM703": "ignore"}), {"BurnedInAnnotation": "YES"}, None, "accept"),
        (
            Policy(severity={"identity.burned-in-annotation": "error"}),
            {"BurnedInAnnotation": "YES"},
            "DCM703",
            "reject",
        ),
        (Policy(tolerance={"DCM331": 9}), {"PixelSpacing": ["0.3", "0.3"]}, None, "accept"),
        (Policy(tolerance={"geometry.anisotropic-voxels": 9}), {"PixelSpacing": ["0.3", "0.3"]}, None, "accept"),
        (Policy(pixels=False), {"BurnedInAnnotation": "YES"}, "DCM703", "accept"),
    ],
)
def test_a_policy_decides_what_is_accepted(tmp_path, policy, elements, rule, decision):
    done = run_audit(one_study(tmp_path, elements), tmp_path / "a", policy)
    weighed = set(done.findings.filter(pl.col("severity") != "info")["rule"])
    assert weighed == ({rule} if rule else set())
    assert done.volumes["decision"].to_list() == [decision]


@pytest.mark.parametrize(
    "bad",
    [
        {"kernels": ("shiny",)},
        {"phases": ("late",)},
        {"contrast": "maybe"},
        {"severity": {"DCM1": "fatal"}},
        {"decision": {"DCM1": "burn"}},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError):
        Policy(**bad)


@pytest.mark.parametrize(
    "name",
    [
        "ct_segmentation",
        "ct_angiography",
        "head_ct_non_contrast",
        "mr_segmentation",
        "pet_ct",
        "mammography",
        "chest_radiography",
    ],
)
def test_every_ready_policy_runs(studies, tmp_path, name):
    assert audit(studies, tmp_path / "a", f"audit={name}", "audit.pixels=false") in (0, 1)
    known = {rule.slug for rule in audit_rules().rules.values()}
    policy = json.loads((tmp_path / "a" / "audit.json").read_text())["policy"]
    for changed in ("severity", "decision", "tolerance"):
        assert set(policy[changed] or {}) <= known


def test_conversion_leaves_out_what_the_audit_rejected_and_refuses_what_it_did_not_see(studies, tmp_path):
    copy = tmp_path / "studies"
    shutil.copytree(studies, copy)
    audit(copy, tmp_path / "a", "audit.severity={DCM703: error}")
    convert = [
        "convert",
        [f"input={copy}", f"output={tmp_path / 'v'}", f"audited_by={tmp_path / 'a'}", "conversion.workers=1"],
    ]
    assert launch(*convert) == 3
    index = json.loads((tmp_path / "v" / "volumes.json").read_text())
    assert index["decisions"] == {"accept": 2, "reject": 2}
    assert index["audit_sha256"] == json.loads((tmp_path / "a" / "audit.json").read_text())["content_sha256"]
    assert sum("AUD101" in row["reasons"] for row in index["volumes"]) == 2
    path = next((copy / "study0").iterdir())
    content = bytearray(path.read_bytes())
    content[-500] ^= 1
    path.write_bytes(bytes(content))
    launch(*convert)
    index = json.loads((tmp_path / "v" / "volumes.json").read_text())
    assert sum("AUD102" in row["reasons"] for row in index["volumes"]) == 1


def test_a_waived_rule_rejects_nothing(studies, tmp_path):
    audit(studies, tmp_path / "a")
    assert len(read_verdict(tmp_path / "a").rejected) == 1
    assert read_verdict(tmp_path / "a", ("DCM110",)).rejected == {}
    lines = tmp_path / "a" / "findings.jsonl"
    lines.write_text(lines.read_text()[1:])
    with pytest.raises(Refusal, match="USE130"):
        read_verdict(tmp_path / "a")


def test_preparation_refuses_volumes_without_audit_unless_the_audit_is_off(studies, tmp_path):
    convert_studies(studies, tmp_path / "v", ConvertSettings(workers=1))
    labels = tmp_path / "labels"
    for row in json.loads((tmp_path / "v" / "volumes.json").read_text())["volumes"]:
        if row["decision"] != "reject":
            grid = read_grid(VolumesFolder(tmp_path / "v").image(row["volume_id"]))
            label = np.zeros(grid.shape, np.uint8)
            label[30:40, 30:40, 2:5] = 1
            write_image(labels / f"{row['series_uid']}.nii.gz", label, grid)
    prepare = [
        f"input={tmp_path / 'v'}",
        f"output={tmp_path / 'd'}",
        f"labels={labels}",
        "label_names={body: 1}",
        "preparation.workers=1",
        "preparation.splits.folds=2",
        "known_findings=[DCM110]",
    ]
    assert launch("prepare", prepare) == 2
    assert launch("prepare", [*prepare, "preparation.audit=off"]) == 0
    assert json.loads((tmp_path / "d" / "dataset.json").read_text())["audit"] == "off"
    audit(studies, tmp_path / "a")
    launch(
        "convert",
        [f"input={studies}", f"output={tmp_path / 'v'}", f"audited_by={tmp_path / 'a'}", "conversion.workers=1"],
    )
    assert launch("prepare", [*prepare, "known_findings=[DCM110,AUD101]"]) == 0
    assert len(json.loads((tmp_path / "d" / "dataset.json").read_text())["audit"]) == 64


def test_a_study_of_several_series_is_reported_once(tmp_path):
    one, other = ct(np.random.default_rng(0)), ct(np.random.default_rng(1))
    for data in other:
        data.StudyInstanceUID, data.PatientID = one[0].StudyInstanceUID, one[0].PatientID
        data.PatientSex = one[0].PatientSex
    write(one, tmp_path / "studies" / "a")
    write(other, tmp_path / "studies" / "b")
    done = run_audit(tmp_path / "studies", tmp_path / "a", Policy())
    assert done.findings.filter(pl.col("rule") == "DCM201")["observed"].to_list() == ["2 series"]
    assert set(done.volumes["decision"]) == {"accept"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DCM999", "DCM"), ("geometry.anisotropic", "geometry.anisotropic-voxels"), ("DCM7O3", "DCM7")],
)
def test_a_policy_that_names_an_unknown_rule_is_refused_with_similar_names(studies, tmp_path, name, meant):
    with pytest.raises(Refusal, match=f"USE108.*{name}.*{meant}"):
        run_audit(studies, tmp_path / "a", Policy(severity={name: "error"}))


@pytest.mark.parametrize("slug_first", [True, False])
def test_of_two_names_of_one_rule_the_later_one_decides(slug_first):
    default, override = sorted((ANISOTROPIC_VOXELS.slug, ANISOTROPIC_VOXELS.id), reverse=slug_first)
    policy = Policy(severity={default: "info", override: "error"})
    assert policy.severity_of(ANISOTROPIC_VOXELS) is Severity.ERROR


def test_an_expectation_states_the_tolerance_of_the_policy(tmp_path):
    policy = Policy(tolerance={"geometry.anisotropic-voxels": 4})
    done = run_audit(one_study(tmp_path, {"PixelSpacing": ["0.3", "0.3"]}), tmp_path / "a", policy)
    expected = done.findings.filter(pl.col("rule") == "DCM331")["expected"].to_list()
    assert expected == ["a slice distance of at most 4 times the pixel spacing"]


def test_nothing_to_audit_leaves_nothing_behind(tmp_path):
    (tmp_path / "empty").mkdir()
    assert audit(tmp_path / "empty", tmp_path / "a") == 2
    assert not (tmp_path / "a").exists()


def test_files_without_meta_group_are_audited_and_reported(tmp_path):
    folder = one_study(tmp_path, {"SeriesDescription": "NATIVE"})
    for path in folder.iterdir():
        content = path.read_bytes()
        length = int.from_bytes(content[140:144], "little")  # of the meta group, after its own first element
        path.write_bytes(content[144 + length :])
    done = run_audit(folder, tmp_path / "a", Policy())
    assert set(done.findings.filter(pl.col("severity") == "info")["rule"]) == {"DCM004"}
    assert done.volumes["decision"].to_list() == ["accept"]


def test_conversion_begins_from_the_audits_index_and_keeps_its_pseudonyms(studies, tmp_path, capsys):
    assert launch("audit", [f"input={studies}", f"output={tmp_path / 'a'}", "reading.workers=1", "fail_on=never"]) == 0
    capsys.readouterr()
    launch(
        "convert",
        [f"input={studies}", f"output={tmp_path / 'v'}", f"audited_by={tmp_path / 'a'}", "conversion.workers=1"],
    )
    assert "reading headers" not in capsys.readouterr().out
    known = set(pl.read_parquet(tmp_path / "a" / "volumes.parquet")["patient"])
    index = json.loads((tmp_path / "v" / "volumes.json").read_text())
    assert {row["patient"] for row in index["volumes"]} == known
    assert oct((tmp_path / "v" / "pseudonyms.json").stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("moment", ["reading", "measuring", "writing"])
def test_an_audit_that_was_killed_ends_like_one_that_was_not(studies, tmp_path, monkeypatch, moment):
    audit(studies, tmp_path / "whole")
    place = {"reading": "group_volumes", "measuring": "read_volumes", "writing": "to_sarif"}[moment]

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(f"gnomon.audit.audit.{place}", killed)
        run_audit(studies, tmp_path / "killed", Policy())
    audit(studies, tmp_path / "killed")
    for name in ("findings.jsonl", "audit.json", "volumes.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_full_disk_is_reported_and_leaves_no_half_table(studies, tmp_path, monkeypatch, capsys):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert launch("audit", [f"input={studies}", f"output={tmp_path / 'a'}", "reading.workers=1"]) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not list((tmp_path / "a").glob("*.parquet"))
