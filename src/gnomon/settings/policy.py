"""What a task requires of its data: how severe each rule is, and what is accepted."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from gnomon.core.settings import section, setting
from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Rule

KERNEL_CLASSES = ("very_soft", "soft", "medium", "sharp", "very_sharp", "special", "scout", "unknown")
CONTRAST_PHASES = ("non_contrast", "arterial", "portal_venous", "delayed", "unknown")
_OFF = "ignore"
_Value = TypeVar("_Value")


@section
class Policy:
    """Requirements of a task. Rules are named by id (`DCM331`) or slug (`geometry.anisotropic-voxels`)."""

    modalities: tuple[str, ...] = setting((), "Accepted Modality codes; []: any.")
    kernels: tuple[str, ...] = setting(
        (), "Accepted kernel classes; []: any. A class of low confidence is never refused.", choices=KERNEL_CLASSES
    )
    phases: tuple[str, ...] = setting(
        (), "Accepted contrast phases; []: any. An unknown phase is never refused.", choices=CONTRAST_PHASES
    )
    contrast: str = setting("any", "Contrast medium.", choices=("any", "none", "required"))
    vocabulary: tuple[str, ...] = setting((), "Words of the label, which no header may contain.")
    severity: dict[str, str] | None = setting(
        None,
        "Severity by rule, in place of its own, as {kernel.missing: ignore}; slugs or ids.",
        choices=(*map(str, Severity), _OFF),
    )
    decision: dict[str, str] | None = setting(
        None,
        "Decision by rule, in place of what follows from the severity, as {identity.burned-in-annotation: reject}.",
        choices=tuple(map(str, Decision)),
    )
    tolerance: dict[str, float] | None = setting(
        None, "Tolerance by rule, in the unit of the rule, as {geometry.anisotropic-voxels: 5}."
    )
    pixels: bool = setting(True, "Check pixels too, not headers alone.")

    def severity_of(self, rule: Rule, found: Severity | None = None) -> Severity | None:
        """Severity of a finding of a rule; None where the rule is off.

        Args:
            rule: the rule.
            found: severity that the evidence gives the finding; None: the rule's own.
        """
        required = _look_up(self.severity, rule)
        if required == _OFF:
            return None
        return Severity(required) if required else found or rule.severity

    def decision_of(self, rule: Rule, severity: Severity) -> Decision:
        """What happens to a volume that breaks a rule."""
        required = _look_up(self.decision, rule)
        return Decision(required) if required else rule.decide(severity)

    def tolerance_of(self, rule: Rule) -> float:
        """Tolerance of a rule, in its unit."""
        required = _look_up(self.tolerance, rule)
        return float(rule.tolerance if required is None else required)

    def ignoring(self, rules: Iterable[Rule]) -> Policy:
        """This policy with some rules off, except those whose severity it sets."""
        off = {rule.id: _OFF for rule in rules if _look_up(self.severity, rule) is None}
        return replace(self, severity={**off, **(self.severity or {})})

    def unknown_rules(self, rules: Collection[Rule]) -> dict[str, list[str]]:
        """Names that are no rule's id or slug, as `severity.NAME`, each with the most similar names."""
        names = [name for rule in rules for name in (rule.slug, rule.id)]
        return {
            f"{section}.{name}": difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            for section in ("severity", "decision", "tolerance")
            for name in getattr(self, section) or {}
            if name not in names
        }


def _look_up(values: Mapping[str, _Value] | None, rule: Rule) -> _Value | None:
    """The value for a rule, which may be named by id or by slug; the last one, as overrides come after defaults."""
    named = [value for name, value in (values or {}).items() if name in (rule.id, rule.slug)]
    return named[-1] if named else None
