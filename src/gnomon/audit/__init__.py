"""Audits DICOM data before training: rules over headers and pixels, decisions, and the evidence for them."""

from gnomon.audit.audit import AuditResult, audit_studies
from gnomon.audit.check import Check
from gnomon.audit.cohort import Cohort
from gnomon.audit.conditions import RuleSet, audit_rules
from gnomon.audit.verdict import read_verdict

__all__ = [
    "AuditResult",
    "Check",
    "Cohort",
    "RuleSet",
    "audit_rules",
    "audit_studies",
    "read_verdict",
]
