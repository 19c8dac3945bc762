"""Audits DICOM data before training: rules over headers and pixels, decisions, and the evidence for them."""

import importlib
import sys
from types import ModuleType
from typing import Any

from gnomon.audit.audit import AuditResult, audit_studies
from gnomon.audit.check import Check
from gnomon.audit.cohort import Cohort
from gnomon.audit.conditions import AuditRules, audit_rules
from gnomon.audit.verdict import read_verdict

__all__ = [
    "AuditResult",
    "AuditRules",
    "Check",
    "Cohort",
    "audit_rules",
    "audit_studies",
    "read_verdict",
]


class _CallableRoom(ModuleType):
    """`gnomon.audit(...)` is `gnomon.api.audit(...)`; docs/decisions/0008 says why this room alone can be called."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return importlib.import_module("gnomon.api").audit(*arguments, **options)


sys.modules[__name__].__class__ = _CallableRoom
