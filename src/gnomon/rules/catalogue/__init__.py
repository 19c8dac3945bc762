"""Every rule, by family. A rule's words stand here and nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from gnomon.rules.rule import Rule


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule of the catalogue, by id, in order of ids.

    Raises:
        ValueError: two rules share an id or a slug.
    """
    found: dict[str, Rule] = {}
    slugs: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if not isinstance(value, Rule):
                continue
            if found.setdefault(value.id, value) is not value or slugs.setdefault(value.slug, value.id) != value.id:
                raise ValueError(f"{value.id} ({value.slug}) stands for two rules")
    return dict(sorted(found.items()))


def find_rule(name: str) -> Rule | None:
    """The rule with this id or slug; None where there is none."""
    rules = all_rules()
    return rules.get(name) or next((rule for rule in rules.values() if rule.slug == name), None)
