"""Contrast phase of a CT from all available sources, or unknown: never a guess, never written into the data.

Times after injection are those of TotalSegmentator's phase model (native below 10 s, arterial 10 to 60, portal
venous from 60); late phases overlap, so times between 120 and 180 s are not classified.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DAY_MS = 86_400_000.0
_LONGEST_MS = 30 * 60e3
_STANDARD = {
    "PRE_CONTRAST": "non_contrast",
    "ARTERIAL": "arterial",
    "CAPILLARY": "arterial",
    "VENOUS": "portal_venous",
    "PORTAL_VENOUS": "portal_venous",
    "DELAYED": "delayed",
    "STEADY_STATE": "delayed",
}
_AFTER_S = ((10, "non_contrast"), (60, "arterial"), (120, "portal_venous"), (180, ""), (1800, "delayed"))
_WORDS = (
    (
        "non_contrast",
        r"non[ -_]?con|without[ -_]?c|w/?o[ -_]?c|\bw/?o\b|unenh|plain|nativ|\bnc\b|\bncct\b|ohne[ "
        r"-_]?km|sans[ -_]?(iv|inj|pdc)|sin[ -_]?contr|senza[ -_]?(mdc|contr)|pre[ -_]?contr",
    ),
    ("arterial", r"arter|\bart\b|\bcta\b|angio|bolus[ -_]?chase|arteri[ae]l"),
    ("portal_venous", r"portal|venous|ven[öo]s|veineu|venos|\bpv\b|\bpvp\b|veineux|portove"),
    ("delayed", r"delay|late[ -_]?phase|sp[äa]t|tardi|excret|nephrogr|equilib|urogr|\bldv\b"),
)


@dataclass(frozen=True)
class ContrastPhase:
    """A phase and its sources: `sources` maps standard, timing, text and enhancement to the phase that each gives."""

    phase: str
    confidence: str
    sources: Mapping[str, str]

    @property
    def disagree(self) -> bool:
        """Whether two sources name different phases."""
        return len(set(self.sources.values())) > 1


def contrast_phase(
    *,
    standard: str = "",
    started_ms: float | None = None,
    acquired_ms: float | None = None,
    text: str = "",
    enhancement: str = "",
) -> ContrastPhase:
    """Combine all sources of the contrast phase.

    Args:
        standard: ContrastBolusAgentPhase (0018,9344) of an enhanced CT.
        started_ms, acquired_ms: ContrastBolusStartTime and the time of acquisition, ms of the day.
        text: descriptions and protocol, in English, German, French, Spanish or Italian.
        enhancement: the phase derived from segmented organs (`enhancement_phase`).
    """
    given = {
        "standard": _STANDARD.get(standard, ""),
        "timing": _phase_from_time(started_ms, acquired_ms),
        "text": _phase_from_words(text),
        "enhancement": enhancement,
    }
    sources = {name: phase for name, phase in given.items() if phase}
    phases = set(sources.values())
    if len(phases) != 1:
        return ContrastPhase("unknown", "low", sources)
    certain = "standard" in sources or len(sources) > 1
    return ContrastPhase(phases.pop(), "high" if certain else "medium", sources)


def _phase_from_time(started_ms: float | None, acquired_ms: float | None) -> str:
    if started_ms is None or acquired_ms is None:
        return ""
    after_ms = (acquired_ms - started_ms) % _DAY_MS  # across midnight
    if after_ms > _LONGEST_MS:  # an unsynchronised clock or shifted dates: no bolus lasts that long
        return ""
    return next((phase for last, phase in _AFTER_S if after_ms < last * 1e3), "")


def _phase_from_words(text: str) -> str:
    """The phase that a text names; empty where it names none or several."""
    lower = text.lower().replace("_", " ")
    named = {phase for phase, pattern in _WORDS if re.search(pattern, lower)}
    if "non_contrast" in named and re.search(r"\bwith(?!out)|w[/ ]?wo|and post|mit km", lower):
        return ""  # a protocol with both, such as 'without and with'
    return named.pop() if len(named) == 1 else ""
