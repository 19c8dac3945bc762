"""Real scanner files: every finding was looked at and stands, with its reason, in `real_findings.csv`."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gnomon.commands.launch import launch
from gnomon.dataset.dataset import read_dataset
from gnomon.settings.policy import Policy
from tests.audit.exports import run_audit

EXPECTED = list(csv.DictReader(Path(__file__).with_name("real_findings.csv").open()))


@pytest.mark.parametrize("name", sorted({row["set"] for row in EXPECTED}))
def test_every_finding_in_a_real_set_was_reviewed(shared_data, tmp_path, name):
    done = run_audit(shared_data("dicom") / name, tmp_path / "audit", Policy())
    found = {
        (rule, severity): count for rule, severity, count in done.findings.group_by("rule", "severity").len().rows()
    }
    reviewed = {(row["rule"], row["severity"]): int(row["count"]) for row in EXPECTED if row["set"] == name}
    assert found == reviewed
    assert all(row["reason"] for row in EXPECTED)
    assert len(done.volumes) == done.volumes["volume_id"].n_unique()


def prepared(root, output):
    launch("prepare", [f"input={root}", f"output={output}", "preparation.workers=2"])
    return read_dataset(output)


@pytest.mark.slow
def test_real_nifti_cases_give_no_false_alarm(shared_data, tmp_path):
    assert prepared(shared_data("hippocampus"), tmp_path / "data").findings == ()


def test_outliers_are_all_caught(shared_data, tmp_path, capfd):
    root = shared_data("hippocampus_outliers")
    launch("prepare", [f"input={root}", f"output={tmp_path / 'data'}", "preparation.workers=1"])
    said = "".join(capfd.readouterr())
    assert "PRP101" in said
    assert "PRP102" in said
