"""What a task asks of its data: which rules weigh how much, and what is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from gnomon.audit.kernels import CLASSES
from gnomon.audit.phases import PHASES
from gnomon.audit.rule import Decision, Rule
from gnomon.rules.finding import Severity

_OFF = "ignore"


@dataclass(frozen=True)
class Policy:
    """A task's demands.

    Attributes:
        modalities: accepted Modality codes; empty: any.
        kernels: accepted kernel classes; empty: any. A class that is not sure is never refused.
        phases: accepted contrast phases; empty: any. An unknown phase is never refused.
        contrast: `any`, `none` (a task on images without contrast medium) or `required`.
        vocabulary: words of the label, which no text of a header may hold.
        severity: rule -> error, warning, info or ignore, in place of the rule's own.
        decision: rule -> accept, repair or reject, in place of what the severity says.
        tolerance: rule -> tolerance, in the rule's own unit.
        pixels: whether pixels are looked at, or headers only.
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
        known = {"kernels": CLASSES, "phases": PHASES}
        for name, values in known.items():
            if odd := sorted(set(getattr(self, name)) - set(values)):
                raise ValueError(f"{name}: {', '.join(odd)} not among {', '.join(values)}")
        if self.contrast not in ("any", "none", "required"):
            raise ValueError(f"contrast: {self.contrast!r}, not any, none or required")
        for name, allowed in (("severity", [*Severity, _OFF]), ("decision", list(Decision))):
            for rule, value in (getattr(self, name) or {}).items():
                if value not in allowed:
                    raise ValueError(f"{name}.{rule}: {value!r}, not {', '.join(map(str, allowed))}")

    def severity_of(self, rule: Rule) -> Severity | None:
        """How much a rule weighs; None where it is off."""
        asked = (self.severity or {}).get(rule.id)
        return None if asked == _OFF else Severity(asked) if asked else rule.severity

    def decision_of(self, rule: Rule, severity: Severity) -> Decision:
        """What becomes of a volume that breaks a rule."""
        asked = (self.decision or {}).get(rule.id)
        return Decision(asked) if asked else rule.decides(severity)

    def tolerance_of(self, rule: Rule) -> float:
        """The tolerance of a rule."""
        return float((self.tolerance or {}).get(rule.id, rule.tolerance))
