"""Plant and find: every rule finds its own defect each time, and reports nothing on clean series."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import polars as pl
import pytest

from gnomon.audit import audit_rules
from gnomon.audit.check import Limits
from gnomon.audit.engine import columns_of
from gnomon.audit.tables import DERIVED, slice_table
from gnomon.dicom import MEASURES
from gnomon.dicom.index.elements import quiet_pydicom
from gnomon.rules.rule import Scope
from tests.audit.clean import BASES, CLEAN
from tests.audit.exports import PICTURES, run_audit, write
from tests.audit.plants import PLANTS

# Rules about files, archives or whole cohorts, or that need a policy: each has a test of its own.
ELSEWHERE = {
    "DCM001",
    "DCM003",
    "DCM004",
    "DCM005",
    "DCM006",
    "DCM007",
    "DCM201",
    "DCM233",
    "DCM234",
    "DCM235",
    "DCM304",
    "DCM307",
    "DCM312",
    "DCM316",
    "DCM332",
    "DCM344",
    "DCM345",
    "DCM710",
    "DCM711",
    "DCM712",
    "DCM713",
    "DCM714",
    "DCM717",
    "DCM718",
    "DCM719",
}
COMPANIONS = ["DCM606", "DCM703", "DCM715", "DCM716", "DCM721"]  # can be combined with any other defect


def plant_studies(root, times, clean):
    """Studies in `root`: each rule's defect `times` over, and clean ones; patient's study -> what was planted."""
    where: dict[str, tuple[str, str]] = {}
    for rule, plant in PLANTS.items():
        for n in range(times):
            draw = np.random.default_rng([n, int(rule[3:])])
            study = BASES[plant.base](draw)
            with quiet_pydicom():
                study = plant.change(study, draw) or study
                if n % 2 and (other := str(draw.choice(COMPANIONS))) != rule:
                    study = PLANTS[other].change(study, draw) or study
            write(study, root / f"{rule}-{n}")
            where.update({data.StudyInstanceUID: (rule, plant.decision) for data in study})
    for n in range(clean):
        kind = list(CLEAN)[n % len(CLEAN)]
        study = CLEAN[kind](np.random.default_rng([n, 99]))
        write(study, root / f"clean-{n}")
        where[study[0].StudyInstanceUID] = ("", "accept")
    return where


def matrix(done, where):
    """(rule planted -> studies, rule planted -> rule found -> studies, decisions that are wrong)."""
    volumes = done.volumes.select("volume_id", "study_uid", "decision")
    found = done.findings.join(volumes, on="volume_id", how="inner", suffix="_volume")
    by_study = defaultdict(set)
    weighed = defaultdict(set)
    for study, rule, severity in found.select("study_uid", "rule", "severity").rows():
        by_study[study].add(rule)
        if severity != "info":
            weighed[study].add(rule)
    decisions = defaultdict(set)
    for study, decision in volumes.select("study_uid", "decision").rows():
        decisions[study].add(decision)
    return by_study, weighed, decisions


def check(root, output, times, clean, workers=1):
    where = plant_studies(root, times, clean)
    done = run_audit(root, output, workers=workers)
    by_study, weighed, decisions = matrix(done, where)
    from_reader = pl.col("rule").is_in(sorted(audit_rules().found_by_reading))
    missed = sorted({rule for study, (rule, _) in where.items() if rule and rule not in by_study[study]})
    undecided = sorted(
        {
            (rule, decision, tuple(sorted(decisions[study])))
            for study, (rule, decision) in where.items()
            if rule and decision not in decisions[study]
        }
    )
    unproved = done.findings.filter(
        (pl.col("observed") == "")
        | (
            (pl.col("scope") == "instance")
            & (pl.col("volume_id") != "")
            & ~from_reader
            & (pl.col("names").list.len() == 0)
        )
    )
    alarms = {study: weighed[study] for study, (rule, _) in where.items() if not rule and weighed[study]}
    assert not missed
    assert not len(unproved), unproved.select("rule", "observed")
    assert not undecided
    assert not alarms


def test_every_rule_has_a_defect_to_plant_or_a_test_of_its_own():
    rules = audit_rules().rules
    assert set(rules) - set(PLANTS) <= ELSEWHERE
    assert set(PLANTS) <= set(rules)
    assert not {rule.id for rule in rules.values() if rule.scope is Scope.COHORT} - ELSEWHERE


def test_each_defect_is_found_and_clean_series_pass(tmp_path):
    check(tmp_path / "studies", tmp_path / "audit", times=1, clean=15)


@pytest.mark.slow
def test_each_defect_is_found_twenty_times_and_two_hundred_clean_series_pass(tmp_path):
    check(tmp_path / "studies", tmp_path / "audit", times=20, clean=200, workers=2)


def test_a_check_looks_at_existing_columns_only():
    known = {
        *slice_table([]).columns,
        *MEASURES,
        *DERIVED,
        "slices",
        "step_mm",
        "stacked",
        "label_offset_mm",
        "label_shape_differs",
        "label_problem",
    }
    known |= {f"{name}_max" for name in known}
    for check in audit_rules().checks:
        assert columns_of(check, Limits(PICTURES, check.rule.tolerance)) <= known, check.rule.id
