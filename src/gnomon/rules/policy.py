"""What a task requires of its data: how severe each rule is, and what is accepted."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Rule

KERNEL_CLASSES = ("very_soft", "soft", "medium", "sharp", "very_sharp", "special", "scout", "unknown")
CONTRAST_PHASES = ("non_contrast", "arterial", "portal_venous", "delayed", "unknown")
_OFF = "ignore"
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Policy:
    """Requirements of a task. Rules are named by id (`DCM331`) or slug (`geometry.anisotropic-voxels`).

    Attributes:
        modalities: accepted Modality codes; empty: any.
        kernels: accepted kernel classes; empty: any. A class of low confidence is never refused.
        phases: accepted contrast phases; empty: any. An unknown phase is never refused.
        contrast: `any`, `none` (a task on images without contrast medium) or `required`.
        vocabulary: words of the label, which no text of a header may contain.
        severity: rule -> error, warning, info or ignore, in place of the rule's own.
        decision: rule -> accept, repair or reject, in place of what follows from the severity.
        tolerance: rule -> tolerance, in the rule's own unit.
        pixels: whether pixels are checked, or headers only.
    """

    modalities: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    contrast: str = "any"
    vocabulary: tuple[str, ...] = ()
    severity: dict[str, str] | None = None
    decision: dict[str, str] | None = None
    tolerance: dict[str, float] | None = None
    pixels: bool = True

    def __post_init__(self) -> None:
        for name, allowed in {"kernels": KERNEL_CLASSES, "phases": CONTRAST_PHASES}.items():
            if unknown := sorted(set(getattr(self, name)) - set(allowed)):
                raise ValueError(f"{name}: {', '.join(unknown)} not among {', '.join(allowed)}")
        if self.contrast not in ("any", "none", "required"):
            raise ValueError(f"contrast: {self.contrast!r}, not any, none or required")
        for name, values in (("severity", [*Severity, _OFF]), ("decision", list(Decision))):
            for rule, value in (getattr(self, name) or {}).items():
                if value not in values:
                    raise ValueError(f"{name}.{rule}: {value!r}, not {', '.join(map(str, values))}")

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
