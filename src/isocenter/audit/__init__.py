"""Is this data safe to train on, and if not, exactly why: rules over headers and pixels, decisions, evidence."""

from isocenter.audit.audit import Audited, AuditSettings, audit_studies
from isocenter.audit.cohort import Cohort
from isocenter.audit.policy import Policy
from isocenter.audit.rule import Decision, Needs, Rule, Scope, all_rules
from isocenter.audit.verdict import read_verdict

__all__ = [
    "AuditSettings", "Audited", "Cohort", "Decision", "Needs", "Policy", "Rule", "Scope", "all_rules",
    "audit_studies", "read_verdict",
]  # fmt: skip
