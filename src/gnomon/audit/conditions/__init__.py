"""Conditions that break the rules, by family; every `Check` in a module's `CHECKS` is part of the audit."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

from gnomon.audit.check import Check
from gnomon.core.extensions import load_group, taken_name
from gnomon.rules.catalogue import all_rules
from gnomon.rules.finding import Finding
from gnomon.rules.rule import Rule


@dataclass(frozen=True)
class AuditRules:
    """Rules of an audit and the checks that find them.

    Attributes:
        rules: every rule by id, in order of ids.
        checks: checks in order of their rules' ids; a rule without a check is found while the files are read.
        problems: a warning for each check of an installed package that cannot be used; their rules are in `rules`.
    """

    rules: dict[str, Rule]
    checks: tuple[Check, ...]
    problems: tuple[Finding, ...] = ()

    @property
    def found_by_reading(self) -> frozenset[str]:
        """Ids of the rules that reading the files finds."""
        return frozenset(self.rules) - {check.rule.id for check in self.checks}


def audit_rules() -> AuditRules:
    """All rules and checks of the audit: built in, then those of installed packages (`gnomon.rules`)."""
    rules = {key: rule for key, rule in all_rules().items() if key.startswith("DCM")}
    checks = list(_own_checks())
    taken = {name for rule in all_rules().values() for name in (rule.id, rule.slug)}
    installed, problems = load_group("rules", lambda value: isinstance(value, Check), "a gnomon.audit.Check")
    for name, check in installed.items():
        rule = check.rule
        if taken & {rule.id, rule.slug}:
            problems.append(taken_name("rules", name, f"a rule {rule.id} ({rule.slug}), which there is already"))
            continue
        taken |= {rule.id, rule.slug}
        rules[rule.id] = rule
        checks.append(check)
    rules |= {problem.rule: all_rules()[problem.rule] for problem in problems}
    ordered = tuple(sorted(checks, key=lambda check: check.rule.id))
    return AuditRules(dict(sorted(rules.items())), ordered, tuple(problems))


@cache
def _own_checks() -> tuple[Check, ...]:
    checks: dict[str, Check] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for check in importlib.import_module(module.name).CHECKS:
            if checks.setdefault(check.rule.id, check) is not check:
                raise ValueError(f"{check.rule.id} has two checks; the second is in {module.name}")
    return tuple(checks.values())
