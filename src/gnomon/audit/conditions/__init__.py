"""Conditions that break the rules, by family; every `Check` in a module's `CHECKS` is part of the audit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from gnomon.audit.check import Check
from gnomon.rules.catalogue import all_rules
from gnomon.rules.rule import Rule


@dataclass(frozen=True)
class RuleSet:
    """Rules of an audit and the checks that find them.

    Attributes:
        rules: every rule by id, in order of ids.
        checks: checks in order of their rules' ids; a rule without a check is found while the files are read.
    """

    rules: dict[str, Rule]
    checks: tuple[Check, ...]

    @property
    def found_by_reading(self) -> frozenset[str]:
        """Ids of the rules that reading the files finds."""
        return frozenset(self.rules) - {check.rule.id for check in self.checks}


def audit_rules(additional: Iterable[Check] = ()) -> RuleSet:
    """All rules and checks of the audit.

    Args:
        additional: checks of other packages; each brings its own rule.

    Raises:
        ValueError: two rules share an id or a slug, or a rule has two checks.
    """
    rules = {key: rule for key, rule in all_rules().items() if key.startswith("DCM")}
    checks = list(_own_checks())
    slugs = {rule.slug for rule in all_rules().values()}
    for check in additional:
        rule = check.rule
        if rule.id in all_rules() or rule.id in rules or rule.slug in slugs:
            raise ValueError(f"{rule.id} ({rule.slug}) is the name of another rule")
        rules[rule.id] = rule
        slugs.add(rule.slug)
        checks.append(check)
    return RuleSet(dict(sorted(rules.items())), tuple(sorted(checks, key=lambda check: check.rule.id)))


@cache
def _own_checks() -> tuple[Check, ...]:
    checks: dict[str, Check] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for check in importlib.import_module(module.name).CHECKS:
            if checks.setdefault(check.rule.id, check) is not check:
                raise ValueError(f"{check.rule.id} has two checks; the second is in {module.name}")
    return tuple(checks.values())
