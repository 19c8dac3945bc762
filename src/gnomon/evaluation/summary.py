"""Summary over the cases: means with 95 % CI, medians, agreement of volumes, counts of missed structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gnomon.core.statistics import FEW_PATIENTS, Interval, agreement, mean_interval, median_interval
from gnomon.evaluation.calibration import Reliability
from gnomon.evaluation.lesions import froc
from gnomon.evaluation.measure import Measure
from gnomon.evaluation.options import options_for
from gnomon.rules.finding import Finding
from gnomon.settings import EvaluateSettings

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
    measures: Sequence[Measure],
    unscored: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Summary per structure over the cases that count, and the mean Dice over the labels.

    Args:
        rows: of cases.csv.
        labels: the structures whose mean Dice is the headline; the others are regions made of them.
        unscored: findings of predictions that could not be scored.
    """
    found = {
        name: _structure([row for row in rows if row["label"] == name], name, settings, measures) for name in structures
    }
    dices = [found[name]["dice"] for name in labels if found[name].get("dice") is not None]
    n_patients = len({row["patient"] for row in rows})
    return {
        "schema": SCHEMA,
        "n_cases": n_cases,
        "n_patients": n_patients,
        "few_patients": n_patients < FEW_PATIENTS,
        "n_unscored": len({finding.where for finding in unscored}),
        "engine": settings.engine,
        "measures": [measure.as_entry() for measure in measures],
        "mean_dice": float(np.mean(dices)) if dices else None,
        "labels": found,
    }


def rows_that_count(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows that means are taken over: all but absent structures and unreadable references."""
    return [row for row in rows if row["status"] not in _NOT_COUNTED]


def mean_of(rows: Rows, measure: Measure) -> Interval | None:
    """The mean of a measure and its 95 % CI, within the range of the measure.

    None where no row counts, or where a row that counts has no value: leaving one out could raise the mean.
    """
    counted = rows_that_count(rows)
    values = [float(row[measure.name]) for row in counted if row.get(measure.name) is not None]
    if not values or len(values) < len(counted):
        return None
    found = mean_interval(values, [row["patient"] for row in counted])
    if found.lower is None or found.upper is None:
        return found
    lowest, highest = measure.range
    return replace(found, lower=max(lowest, found.lower), upper=min(highest, found.upper))


def _structure(rows: Rows, name: str, settings: EvaluateSettings, measures: Sequence[Measure]) -> dict[str, Any]:
    counted = rows_that_count(rows)
    means = {measure.name: mean_of(rows, measure) for measure in measures}
    medians = {
        measure.name: median_interval([row[measure.name] for row in counted], [row["patient"] for row in counted])
        if means[measure.name] is not None
        else None
        for measure in measures
        if measure.applies(options_for(settings, name))
    }
    return {
        "n": len(counted),
        "n_patients": len({row["patient"] for row in counted}),
        **{status: sum(row["status"] == status for row in rows) for status in STATUSES},
        **{measure: None if one is None else one.estimate for measure, one in means.items()},
        "intervals": {measure: _bounds(one) for measure, one in means.items()},
        "medians": {
            measure: None if one is None else {"median": one.estimate, "interval": _bounds(one)}
            for measure, one in medians.items()
        },
        "volume_agreement": _volume_agreement(rows),
    }


def _bounds(found: Interval | None) -> list[float] | None:
    if found is None or found.lower is None or found.upper is None:
        return None
    return [found.lower, found.upper]


def _volume_agreement(rows: Rows) -> dict[str, Any] | None:
    """Bland and Altman's bias and 95 % limits of agreement, predicted minus reference volume in ml, where predicted."""
    predicted = [row for row in rows if row["status"] in ("found", "missed", "spurious")]
    if len(predicted) < 2:
        return None
    truth, volumes = ([row[key] / 1000 for row in predicted] for key in ("reference_mm3", "prediction_mm3"))
    found = agreement(truth, volumes, [row["patient"] for row in predicted])
    return {
        "n": len(predicted),
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
    """Counts of one structure's lesions over all scans, and the FROC curve where every confidence is known."""
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
    """Means of a challenge's own scores; None while any case is unscored: leaving one out could raise them."""
    names = list(dict.fromkeys((row["structure"], row["measure"]) for row in rows))
    scored = len({row["case"] for row in rows})
    means = []
    for structure, measure in names:
        own = [row["value"] for row in rows if (row["structure"], row["measure"]) == (structure, measure)]
        known = [value for value in own if value is not None]
        mean = float(np.mean(known)) if known and scored == n_cases else None
        means.append({"structure": structure, "measure": measure, "n": len(known), "mean": mean})
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
