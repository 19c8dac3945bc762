"""Decides on rules: a limit is chosen on some patients, evaluated on others, and adopted only where it is safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gnomon.core.statistics import Interval, mean_interval
from gnomon.postprocess.guards import SafeLimit, safe_limit, upper_bound
from gnomon.postprocess.limits import SCORES, LimitSweep, lesion_scores, sweep_limits
from gnomon.postprocess.parts import CaseParts, Numbers
from gnomon.postprocess.rule_set import PostprocessRule
from gnomon.settings import SearchSettings

_ERROR_RATE = 0.05  # probability of adopting a useless rule, over all kinds together


@dataclass(frozen=True)
class RuleDecision:
    """The decision on one kind of rule for one structure.

    Attributes:
        limit: the chosen limit; None where there is none.
        reason: why it was adopted or rejected.
        gain: held-out gain in mean Dice, with its CI; None where nothing was tried.
        counts: over all cases at the limit: cases, patients, lesions, found before and after, parts, false parts,
            removed, false ones removed; mean Dice before and after.
    """

    structure: str
    kind: str
    adopted: bool
    reason: str
    limit: float | None = None
    gain: Interval | None = None
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> PostprocessRule:
        """The rule that was adopted."""
        limit = float(self.limit or 0.0)
        rule = PostprocessRule(self.structure, self.reason, keep_k=1)
        if self.kind == "keep_k":
            return replace(rule, keep_k=None, keep_largest=True) if limit == 0 else replace(rule, keep_k=1 - int(limit))
        return PostprocessRule(**{**rule.as_dict(), "keep_k": None, self.kind: limit})

    @property
    def setting(self) -> str:
        """The rule as it is written in a file."""
        return setting_of(self.kind, self.limit)


def setting_of(kind: str, limit: float | None) -> str:
    """A kind of rule with its limit, as it is written in a file."""
    if limit is None:
        return kind
    if kind == "keep_k":
        return "keep_largest" if limit == 0 else f"keep_k: {1 - int(limit)}"
    return f"{kind}: {limit:g}"


def decide_rules(structure: str, cases: Sequence[CaseParts], settings: SearchSettings) -> list[RuleDecision]:
    """Try every kind of rule on a structure; at most one is adopted, that with the largest lower bound of its gain."""
    if (reason := _no_evidence(cases)) is not None:
        return [RuleDecision(structure, kind, False, reason) for kind in settings.kinds]
    decisions = [_try_kind(structure, kind, cases, settings) for kind in settings.kinds]
    good = [one for one in decisions if one.adopted]
    if not good:
        return decisions
    organ = structure in settings.organs  # of two equivalent rules, anatomy suggests keeping the largest
    best = max(good, key=lambda one: (_lower(one), organ and one.kind == "keep_k"))
    other = f"{best.setting} gains more"
    return [one if one is best or not one.adopted else replace(one, adopted=False, reason=other) for one in decisions]


def _no_evidence(cases: Sequence[CaseParts]) -> str | None:
    """Why no rule is tried on a structure; None where one can be."""
    if not any(len(case.lesions) for case in cases):
        return "no reference contains it, so there is no evidence"
    if not any(len(case.hits) for case in cases):
        return "never found in held-out cases (Dice 0), so the size of its true parts is unknown"
    if not any(len(case.voxels) > len(np.unique(case.hits[:, 0])) for case in cases):
        return "no false part to remove"
    return None


def _try_kind(structure: str, kind: str, cases: Sequence[CaseParts], settings: SearchSettings) -> RuleDecision:
    def reject(reason: str, **more: Any) -> RuleDecision:
        return RuleDecision(structure, kind, False, reason, **more)

    if any(np.isnan(SCORES[kind](case)).any() for case in cases):
        return reject("the predictions are without probabilities")
    organ = structure in settings.organs
    limit, why = _choose_limit(kind, cases, settings, organ)
    if limit is None:
        return reject(why)
    gains, lost = _held_out_gains(kind, cases, settings, organ)
    level = 1 - 2 * _ERROR_RATE / len(settings.kinds)
    gain = mean_interval(gains.tolist(), [case.patient for case in cases], level=level)
    counts = _counts(kind, cases, limit)
    known: dict[str, Any] = {"limit": limit, "gain": gain, "counts": counts}
    if gain.lower is None or gain.lower <= 0:
        lower = "unknown" if gain.lower is None else f"{gain.lower:+.4f}"
        return reject(f"held-out gain in mean Dice {gain.estimate:+.4f}, lower bound {lower}: not above 0", **known)
    n = counts["lesions_found"]
    if lost and not organ and upper_bound(lost, n) > settings.recall_margin:
        return reject(f"lost {lost} of {n} lesions of held-out patients", **known)
    if organ and gains.min() < -settings.recall_margin:
        return reject(f"a held-out case loses {-gains.min():.4f} of its Dice", **known)
    reason = (
        f"removes {counts['removed']} of {counts['parts']} parts ({counts['false_removed']} of {counts['false']} false "
        f"ones) and loses {n - counts['lesions_left']} of {n} lesions found; held-out gain in mean Dice "
        f"{gain.estimate:+.4f}, lower bound {gain.lower:+.4f}"
    )
    return RuleDecision(structure, kind, True, reason, limit, gain, counts)


def _choose_limit(
    kind: str, cases: Sequence[CaseParts], settings: SearchSettings, organ: bool
) -> tuple[float | None, str]:
    """The lowest safe limit within one standard error of the best; or None and the reason."""
    scores = np.unique(np.concatenate([SCORES[kind](case) for case in cases]))
    limits = _candidates(kind, scores)
    floor = 0.0
    if kind == "min_volume_mm3":
        floor = max(case.voxel_mm3 for case in cases)
        limits = np.unique(np.maximum(limits, floor))
    safe = SafeLimit(np.inf, "") if organ else safe_limit(cases, kind, settings.recall_margin, settings.fewest_lesions)
    allowed = limits[limits <= safe.limit]
    if not allowed.size:
        least = setting_of(kind, float(limits[0]) if limits.size else None)
        coarse = f" (the coarsest scanner's voxels have {floor:.4g} mm3)" if floor else ""
        return None, f"the lowest limit that removes anything, {least}{coarse}, is not safe: {safe.why}"
    swept = sweep_limits(cases, SCORES[kind], np.concatenate([[-np.inf], allowed]))
    gains = swept.dice[:, 1:] - swept.dice[:, :1]
    means = gains.mean(0)
    best = int(means.argmax())
    if means[best] <= 0:
        return None, "no safe limit raises the mean Dice"
    error = float(gains[:, best].std(ddof=1) / np.sqrt(len(cases))) if len(cases) > 1 else 0.0
    good = np.flatnonzero((means >= means[best] - error) & (means > 0))
    return float(allowed[good[0]]), ""


def _candidates(kind: str, scores: Numbers) -> Numbers:
    """Limits between neighbouring scores: just above the lower one, rounded to three digits where possible."""
    if kind == "keep_k" or len(scores) < 2:
        return scores[1:]
    lower, upper = scores[:-1], scores[1:]
    with np.errstate(divide="ignore"):
        digit = 10.0 ** (np.floor(np.log10(np.maximum(lower, 1e-12))) - 2)
    rounded = (np.floor(lower / digit + 1e-9) + 1) * digit
    return np.asarray(np.where(rounded <= upper, np.round(rounded, 12), upper), np.float64)


def _held_out_gains(
    kind: str, cases: Sequence[CaseParts], settings: SearchSettings, organ: bool
) -> tuple[Numbers, int]:
    """Gain in Dice of every case at the limit chosen without its fold, and the number of lesions lost."""
    gains, lost = np.zeros(len(cases)), 0
    folds = np.array([case.fold for case in cases])
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold).tolist()
        others = [case for case in cases if case.fold != fold]
        limit = _choose_limit(kind, others, settings, organ)[0] if others else None
        if limit is None:
            continue
        swept = sweep_limits([cases[row] for row in rows], SCORES[kind], np.array([-np.inf, limit]))
        gains[rows] = swept.dice[:, 1] - swept.dice[:, 0]
        lost += int((swept.found[:, 0] - swept.found[:, 1]).sum())
    return gains, lost


def _counts(kind: str, cases: Sequence[CaseParts], limit: float) -> dict[str, Any]:
    swept: LimitSweep = sweep_limits(cases, SCORES[kind], np.array([-np.inf, limit, np.inf]))
    before, after = swept.dice[:, 0].mean(), swept.dice[:, 1].mean()
    return {
        "cases": len(cases),
        "patients": len({case.patient for case in cases}),
        "lesions": int(sum(len(case.lesions) for case in cases)),
        "lesions_found": int(sum(len(lesion_scores(case, SCORES[kind](case))) for case in cases)),
        "lesions_left": int(swept.found[:, 1].sum()),
        "parts": int(sum(len(case.voxels) for case in cases)),
        "false": int(swept.false[:, 2].sum()),
        "removed": int(swept.removed[:, 1].sum()),
        "false_removed": int(swept.false[:, 1].sum()),
        "dice_before": float(before),
        "dice_after": float(after),
    }


def _lower(decision: RuleDecision) -> float:
    lower = decision.gain.lower if decision.gain else None
    return -np.inf if lower is None else lower
