"""Rules of other packages are evaluated like the built-in ones; a broken one is reported in the audit."""

from __future__ import annotations

import json

import polars as pl

from gnomon.audit import Cohort, audit_rules, audit_studies
from gnomon.reports import write_audit_report
from gnomon.settings import AuditSettings, ConvertSettings
from gnomon.settings.policy import Policy
from tests.core.test_extensions import install

RULES = """
import polars as pl
from gnomon.audit import Check
from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope


def check(id, slug):
    return Check(
        rule=Rule(
            id=id,
            slug=slug,
            title="Any stack",
            severity=Severity.WARNING,
            scope=Scope.VOLUME,
            expected="none",
            remedy="Nothing to do.",
            unit="slices",
        ),
        when=lambda limits: pl.col("slices") > limits.tolerance,
        observed=pl.format("{} slices", pl.col("slices")),
    )


FINE = check("OWN001", "own.any-stack")
TAKEN = check("DCM203", "own.taken")
"""


def test_a_rule_of_another_package_is_evaluated_and_a_broken_one_is_reported(studies, tmp_path, monkeypatch):
    site, output = tmp_path / "site", tmp_path / "audit"
    monkeypatch.syspath_prepend(str(site))
    entries = {"fine": "brings_rules:FINE", "taken": "brings_rules:TAKEN", "gone": "brings_rules:GONE"}
    install(site, "brings_rules", {"rules": entries}, RULES)
    settings = AuditSettings(workers=1, pseudonym_key="k", thumbnails=False)
    done = audit_studies(studies, output, settings, Policy(pixels=False), ConvertSettings(workers=1), Cohort())
    own = done.findings.filter(pl.col("rule") == "OWN001")
    assert len(own) == len(done.volumes) > 0
    assert own["observed"][0].endswith(" slices")
    reported = done.findings.filter(pl.col("rule").is_in(["EXT101", "EXT102"]))
    assert sorted(zip(reported["rule"], reported["severity"])) == [("EXT101", "warning"), ("EXT102", "warning")]
    assert all("brings_rules" in subject for subject in reported["subject"])
    index = json.loads((output / "audit.json").read_text())
    assert index["rules"]["OWN001"] == 1
    assert [row["distribution"] for row in index["extensions"] if "rules:fine" in row["provides"]] == ["brings_rules"]
    write_audit_report(output)
    assert "own.any-stack" in (output / "report.html").read_text()


def test_a_report_of_a_rule_that_is_no_longer_installed_can_be_made(studies, tmp_path, monkeypatch):
    site, output = tmp_path / "site", tmp_path / "audit"
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(site))
        install(site, "leaves_later", {"rules": {"fine": "leaves_later:FINE"}}, RULES)
        settings = AuditSettings(workers=1, pseudonym_key="k", thumbnails=False)
        audit_studies(studies, output, settings, Policy(pixels=False), ConvertSettings(workers=1), Cohort())
    assert "OWN001" not in audit_rules().rules
    write_audit_report(output)
    assert "a package that is not installed here" in (output / "report.html").read_text()
