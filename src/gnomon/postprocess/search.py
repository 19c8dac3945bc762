"""Which limit, if any: chosen on some patients, judged on others, adopted only where nothing is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gnomon.core.statistics import Interval, mean_interval
from gnomon.postprocess.guards import SafeLimit, safe_limit, upper_bound
from gnomon.postprocess.parts import CaseParts, Numbers
from gnomon.postprocess.spec import Rule
from gnomon.postprocess.sweep import SCORES, Swept, lesion_scores, sweep
from gnomon.settings import SearchSettings

_ERROR = 0.05  # chance of adopting a rule that gains nothing, over all kinds together


@dataclass(frozen=True)
class Verdict:
    """What became of one kind of rule for one structure.

    Attributes:
        limit: the one that was chosen; None where there is none to choose.
        reason: why it was adopted or refused, in words.
        gain: held-out gain in mean Dice, with its interval; None where nothing was tried.
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
    def rule(self) -> Rule:
        """The rule that an adopted verdict stands for."""
        limit = float(self.limit or 0.0)
        rule = Rule(self.structure, self.reason, keep_k=1)
        if self.kind == "keep_k":
            return replace(rule, keep_k=None, keep_largest=True) if limit == 0 else replace(rule, keep_k=1 - int(limit))
        return Rule(**{**rule.as_dict(), "keep_k": None, self.kind: limit})

    @property
    def setting(self) -> str:
        """The rule as it would stand in a file."""
        return setting_of(self.kind, self.limit)


def setting_of(kind: str, limit: float | None) -> str:
    """A kind of rule with its limit, as it would stand in a file."""
    if limit is None:
        return kind
    if kind == "keep_k":
        return "keep_largest" if limit == 0 else f"keep_k: {1 - int(limit)}"
    return f"{kind}: {limit:g}"


def search(structure: str, cases: Sequence[CaseParts], settings: SearchSettings) -> list[Verdict]:
    """Try every kind of rule on a structure; at most one is adopted, the one that surely gains most."""
    if (nothing := _no_evidence(cases)) is not None:
        return [Verdict(structure, kind, False, nothing) for kind in settings.kinds]
    tried = [_tried(structure, kind, cases, settings) for kind in settings.kinds]
    good = [one for one in tried if one.adopted]
    if not good:
        return tried
    organ = structure in settings.organs  # of two rules that do the same there, the one that anatomy gives
    best = max(good, key=lambda one: (_lower(one), organ and one.kind == "keep_k"))
    other = f"{best.setting} gains more"
    return [one if one is best or not one.adopted else replace(one, adopted=False, reason=other) for one in tried]


def _no_evidence(cases: Sequence[CaseParts]) -> str | None:
    """Why a structure is left alone, whatever the rule."""
    if not any(len(case.lesions) for case in cases):
        return "no reference holds it: there is no evidence"
    if not any(len(case.hits) for case in cases):
        return "never found while held out (Dice 0): nothing shows what its true parts look like"
    if not any(len(case.voxels) > len(np.unique(case.hits[:, 0])) for case in cases):
        return "no false part to remove"
    return None


def _tried(structure: str, kind: str, cases: Sequence[CaseParts], settings: SearchSettings) -> Verdict:
    def refused(reason: str, **more: Any) -> Verdict:
        return Verdict(structure, kind, False, reason, **more)

    if any(np.isnan(SCORES[kind](case)).any() for case in cases):
        return refused("the predictions came without probabilities")
    organ = structure in settings.organs
    limit, why = _chosen(kind, cases, settings, organ)
    if limit is None:
        return refused(why)
    gains, lost = _held_out(kind, cases, settings, organ)
    level = 1 - 2 * _ERROR / len(settings.kinds)
    gain = mean_interval(gains.tolist(), [case.patient for case in cases], level=level)
    counts = _counts(kind, cases, limit)
    known: dict[str, Any] = {"limit": limit, "gain": gain, "counts": counts}
    if gain.lower is None or gain.lower <= 0:
        lower = "unknown" if gain.lower is None else f"{gain.lower:+.4f}"
        return refused(f"held-out gain in mean Dice {gain.estimate:+.4f}, lower bound {lower}: not above 0", **known)
    n = counts["lesions_found"]
    if lost and not organ and upper_bound(lost, n) > settings.recall_margin:
        return refused(f"lost {lost} of {n} lesions of held-out patients", **known)
    if organ and gains.min() < -settings.recall_margin:
        return refused(f"a held-out case loses {-gains.min():.4f} of its Dice", **known)
    reason = (
        f"removes {counts['removed']} of {counts['parts']} parts ({counts['false_removed']} of {counts['false']} false "
        f"ones) and loses {n - counts['lesions_left']} of {n} lesions found; held-out gain in mean Dice "
        f"{gain.estimate:+.4f}, lower bound {gain.lower:+.4f}"
    )
    return Verdict(structure, kind, True, reason, limit, gain, counts)


def _chosen(kind: str, cases: Sequence[CaseParts], settings: SearchSettings, organ: bool) -> tuple[float | None, str]:
    """The least limit within a standard error of the best, among those that are safe; or why there is none."""
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
        return None, f"the least that removes anything, {least}{coarse}, is not safe: {safe.why}"
    swept = sweep(cases, SCORES[kind], np.concatenate([[-np.inf], allowed]))
    gains = swept.dice[:, 1:] - swept.dice[:, :1]
    means = gains.mean(0)
    best = int(means.argmax())
    if means[best] <= 0:
        return None, "no safe limit raises the mean Dice"
    error = float(gains[:, best].std(ddof=1) / np.sqrt(len(cases))) if len(cases) > 1 else 0.0
    good = np.flatnonzero((means >= means[best] - error) & (means > 0))
    return float(allowed[good[0]]), ""


def _candidates(kind: str, scores: Numbers) -> Numbers:
    """Limits between neighbouring scores: just above the lower one, in three digits where there is room."""
    if kind == "keep_k" or len(scores) < 2:
        return scores[1:]
    lower, upper = scores[:-1], scores[1:]
    with np.errstate(divide="ignore"):
        digit = 10.0 ** (np.floor(np.log10(np.maximum(lower, 1e-12))) - 2)
    rounded = (np.floor(lower / digit + 1e-9) + 1) * digit
    return np.asarray(np.where(rounded <= upper, np.round(rounded, 12), upper), np.float64)


def _held_out(kind: str, cases: Sequence[CaseParts], settings: SearchSettings, organ: bool) -> tuple[Numbers, int]:
    """Gain in Dice of every case at a limit chosen without its fold, and how many lesions were lost."""
    gains, lost = np.zeros(len(cases)), 0
    folds = np.array([case.fold for case in cases])
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold).tolist()
        others = [case for case in cases if case.fold != fold]
        limit = _chosen(kind, others, settings, organ)[0] if others else None
        if limit is None:
            continue
        swept = sweep([cases[row] for row in rows], SCORES[kind], np.array([-np.inf, limit]))
        gains[rows] = swept.dice[:, 1] - swept.dice[:, 0]
        lost += int((swept.found[:, 0] - swept.found[:, 1]).sum())
    return gains, lost


def _counts(kind: str, cases: Sequence[CaseParts], limit: float) -> dict[str, Any]:
    swept: Swept = sweep(cases, SCORES[kind], np.array([-np.inf, limit, np.inf]))
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


def _lower(verdict: Verdict) -> float:
    lower = verdict.gain.lower if verdict.gain else None
    return -np.inf if lower is None else lower
