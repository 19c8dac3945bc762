"""What the cases say together: means with intervals, medians, agreement of volumes, counts of what was missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gnomon.core.statistics import FEW_PATIENTS, Interval, agreement, mean_interval, median_interval
from gnomon.evaluation.calibration import Reliability
from gnomon.evaluation.lesions import froc
from gnomon.evaluation.metrics import BEST, MEASURES
from gnomon.evaluation.settings import EvaluateSettings
from gnomon.rules.finding import Finding

SCHEMA = "gnomon/evaluation/3"
STATUSES = ("found", "missed", "spurious", "missing", "refused", "absent", "unreadable")
_NOT_COUNTED = ("absent", "unreadable")
Rows = Sequence[Mapping[str, Any]]


def summarise(
    rows: Rows,
    structures: Sequence[str],
    labels: Sequence[str],
    n_cases: int,
    settings: EvaluateSettings,
    unscored: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Means per structure over the cases that count, with intervals and how many count, and the mean Dice over labels.

    Args:
        labels: those of the structures whose mean is the headline; the others are regions made of them.
    """
    found = {name: _structure([row for row in rows if row["label"] == name], name, settings) for name in structures}
    dices = [found[name]["dice"] for name in labels if found[name]["dice"] is not None]
    n_patients = len({row["patient"] for row in rows})
    return {
        "schema": SCHEMA,
        "n_cases": n_cases,
        "n_patients": n_patients,
        "few_patients": n_patients < FEW_PATIENTS,
        "n_unscored": len({finding.where for finding in unscored}),
        "engine": settings.engine,
        "mean_dice": float(np.mean(dices)) if dices else None,
        "labels": found,
    }


def counted(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows that means are taken over: all but those of structures that are on neither side, or cannot be judged."""
    return [row for row in rows if row["status"] not in _NOT_COUNTED]


def mean_of(rows: Rows, measure: str) -> Interval | None:
    """The mean of a measure and its interval within what the measure can be; None where no row counts."""
    there = [row for row in counted(rows) if row[measure] is not None]
    if not there:
        return None
    found = mean_interval([row[measure] for row in there], [row["patient"] for row in there])
    if found.lower is None or found.upper is None:
        return found
    highest = 1.0 if BEST[measure] else float("inf")
    return replace(found, lower=max(0.0, found.lower), upper=min(highest, found.upper))


def _structure(rows: Rows, name: str, settings: EvaluateSettings) -> dict[str, Any]:
    there = counted(rows)
    means = {measure: mean_of(rows, measure) for measure in MEASURES}
    medians = {
        measure: median_interval([row[measure] for row in there], [row["patient"] for row in there])
        if there and means[measure] is not None
        else None
        for measure in settings.how(name).measures
    }
    return {
        "n": len(there),
        "n_patients": len({row["patient"] for row in there}),
        **{status: sum(row["status"] == status for row in rows) for status in STATUSES},
        **{measure: None if one is None else one.estimate for measure, one in means.items()},
        "intervals": {measure: _bounds(one) for measure, one in means.items()},
        "medians": {
            measure: None if one is None else {"median": one.estimate, "interval": _bounds(one)}
            for measure, one in medians.items()
        },
        "volume_agreement": _volumes(rows),
    }


def _bounds(found: Interval | None) -> list[float] | None:
    if found is None or found.lower is None or found.upper is None:
        return None
    return [found.lower, found.upper]


def _volumes(rows: Rows) -> dict[str, Any] | None:
    """Bland and Altman's bias and limits of predicted against true volumes, in ml, over the predictions there are."""
    there = [row for row in rows if row["status"] in ("found", "missed", "spurious")]
    if len(there) < 2:
        return None
    truth, mine = ([row[key] / 1000 for row in there] for key in ("reference_mm3", "prediction_mm3"))
    found = agreement(truth, mine, [row["patient"] for row in there])
    return {
        "n": len(there),
        "bias_ml": found.bias.estimate,
        "bias_interval_ml": _bounds(found.bias),
        "lower_limit_ml": found.lower_limit.estimate,
        "lower_limit_interval_ml": _bounds(found.lower_limit),
        "upper_limit_ml": found.upper_limit.estimate,
        "upper_limit_interval_ml": _bounds(found.upper_limit),
        "slope": found.slope,
        "p_slope": found.p_slope,
        "concordance": found.concordance,
    }


def lesion_summary(rows: Rows, n_scans: int) -> dict[str, Any]:
    """Counts over all scans of one structure's lesions, and the free-response curve where confidences are known."""
    reference = [row for row in rows if row["side"] == "reference"]
    predicted = [row for row in rows if row["side"] == "prediction"]
    known = [row for row in predicted if row["confidence"] is not None]
    hits = [(float(row["confidence"]), frozenset((row["case"], i) for i in row["hits"])) for row in known]
    curve = froc(hits, len(reference), n_scans) if known and len(known) == len(predicted) and reference else []
    return {
        "n_scans": n_scans,
        "lesions": len(reference),
        "lesions_found": sum(row["matched"] for row in reference),
        "lesions_predicted": len(predicted),
        "lesions_false": sum(not row["matched"] for row in predicted),
        "froc": [
            {"confidence": confidence, "false_a_scan": false, "sensitivity": sensitivity}
            for confidence, false, sensitivity in curve
        ],
    }


def challenge_summary(settings: EvaluateSettings, rows: Rows, n_cases: int) -> dict[str, Any]:
    """Means of a challenge's own scores; none while a case is not scored, as leaving one out could raise them."""
    names = list(dict.fromkeys((row["structure"], row["measure"]) for row in rows))
    scored = len({row["case"] for row in rows})
    means = []
    for structure, measure in names:
        own = [row["value"] for row in rows if (row["structure"], row["measure"]) == (structure, measure)]
        there = [value for value in own if value is not None]
        mean = float(np.mean(there)) if there and scored == n_cases else None
        means.append({"structure": structure, "measure": measure, "n": len(there), "mean": mean})
    return {
        "name": settings.challenge,
        "fixed": settings.challenge_fixed,
        "n_cases": n_cases,
        "n_scored": scored,
        "means": means,
    }


def calibration_summary(found: Reliability, band_mm: float) -> dict[str, Any]:
    """Brier score and expected calibration error near the surface, over the voxels of all cases."""
    return {
        "band_mm": band_mm,
        "voxels": int(found.count.sum()),
        "brier": found.brier,
        "expected_calibration_error": found.expected_error,
        "bins": found.rows(),
    }
