"""Is this data safe to train on, and if not, exactly why: rules over headers and pixels, decisions, evidence."""

from gnomon.audit.audit import Audited, AuditSettings, audit_studies
from gnomon.audit.cohort import Cohort
from gnomon.audit.policy import Policy
from gnomon.audit.rule import Decision, Needs, Rule, Scope, all_rules
from gnomon.audit.verdict import read_verdict

__all__ = [
    "AuditSettings",
    "Audited",
    "Cohort",
    "Decision",
    "Needs",
    "Policy",
    "Rule",
    "Scope",
    "all_rules",
    "audit_studies",
    "read_verdict",
]
