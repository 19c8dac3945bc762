"""What predicts the label without the anatomy, and differences between splits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from gnomon.audit.association import cramers_v, predictive_features
from gnomon.audit.check import Check, Limits
from gnomon.audit.expressions import TEXTS
from gnomon.rules.catalogue.leakage import (
    CONTRAST_PHASE_IMBALANCE,
    IMAGE_IN_SEVERAL_SPLITS,
    KERNEL_IMBALANCE,
    LABEL_WORDS,
    PATIENT_IN_SEVERAL_SPLITS,
    PREDICTIVE_FEATURE,
    SITE_IMBALANCE,
    STUDY_IN_SEVERAL_SPLITS,
    THICKNESS_IMBALANCE,
    VENDOR_IMBALANCE,
)
from gnomon.rules.rule import Rule

_ACQUISITION = (
    "manufacturer",
    "model",
    "software",
    "site",
    "station",
    "kvp",
    "kernel",
    "contrast_agent",
    "slice_thickness_mm",
    "row_mm",
    "rows",
    "columns",
    "series_description",
    "protocol_name",
    "patient_position",
    "body_part",
    "photometric",
    "bits_stored",
    "lossy",
    "transfer_syntax",
    "window_width",
    "window_center",
    "exposure_mas",
)
_BLOCK = 512
DERIVED_FEATURES = ("vendor", "kernel_class", "phase", "slices", "step_mm", "iterative")


def _findings_frame(*observed: str, subject: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject": [subject] * len(observed), "observed": list(observed)},
        schema={"subject": pl.String, "observed": pl.String},
    )


def _find_association(volumes: pl.DataFrame, limits: Limits, *, column: str, others: Sequence[str]) -> pl.DataFrame:
    """Associations of a column with split or label (Cramer's V with bias correction)."""
    found = []
    for other in others:
        if {column, other} <= set(volumes.columns):
            table = volumes.select(column, other).drop_nulls()
            v, p = cramers_v(table[column], table[other])
            if v > limits.tolerance and p < 0.01:
                found.append(f"{column} and {other}: Cramer's V {v:.2f}, p {p:.2g}")
    return _findings_frame(*found, subject="cohort")


def _find_shortcuts(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Single header features that predict the label."""
    if "label" not in volumes.columns:
        return _findings_frame(subject="cohort")
    names = [name for name in (*_ACQUISITION, *DERIVED_FEATURES) if name in volumes.columns]
    patients = volumes["patient"].fill_null("").to_list()
    found = predictive_features(volumes.select(names), volumes["label"], patients, limit=limits.tolerance)
    return _findings_frame(
        *(f"{one.name}: AUC {one.auc:.3f}, p {one.p:.2g} after Holm" for one in found), subject="cohort"
    )


def _find_in_several_splits(volumes: pl.DataFrame, limits: Limits, *, key: str, noun: str) -> pl.DataFrame:
    """Volumes whose value of a key occurs in more than one split."""
    if "split" not in volumes.columns or key not in volumes.columns:
        return _findings_frame(subject="cohort")
    known = volumes.filter(pl.col(key).fill_null("") != "", pl.col("split").fill_null("") != "")
    return (
        known.with_columns(
            splits=pl.col("split").n_unique().over(key), names=pl.col("split").unique().sort().str.join(", ").over(key)
        )
        .filter(pl.col("splits") > 1)
        .select("volume_id", observed=pl.format(f"{noun} in {{}}", "names"))
    )


def _find_same_images(volumes: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Volumes of two splits whose block means have a correlation above the tolerance."""
    if not {"split", "fingerprint"} <= set(volumes.columns):
        return _findings_frame(subject="cohort")
    known = volumes.filter(pl.col("fingerprint").list.len() > 1, pl.col("split").fill_null("") != "").sort("volume_id")
    partner: dict[str, tuple[float, str]] = {}
    for _, group in known.group_by(pl.col("fingerprint").list.len(), maintain_order=True):
        means = np.array(group["fingerprint"].to_list(), np.float32)
        names, splits = group["volume_id"].to_list(), group["split"].to_numpy()
        for start in range(0, len(names), _BLOCK):
            similarity = np.einsum("ik,jk->ij", means[start : start + _BLOCK], means, optimize=True)
            for i, j in np.argwhere(
                (similarity > limits.tolerance) & (splits[start : start + _BLOCK, None] != splits[None])
            ):
                partner[names[start + i]] = max(
                    partner.get(names[start + i], (0.0, "")), (round(float(similarity[i, j]), 4), names[j])
                )
    rows = [(name, f"correlation {value} with volume {other}") for name, (value, other) in sorted(partner.items())]
    return pl.DataFrame(rows, schema={"volume_id": pl.String, "observed": pl.String}, orient="row")


def _contains_label_words(limits: Limits) -> pl.Expr:
    """Whether a text of the header contains a word of the policy's vocabulary."""
    words = [word.lower() for word in limits.policy.vocabulary]
    return TEXTS.str.contains_any(words) if words else pl.col("volume_id").is_null()


def _imbalance(rule: Rule, column: str, others: Sequence[str]) -> Check:
    search = partial(_find_association, column=column, others=others)
    return Check(rule=rule, search=search, columns=_ACQUISITION)


CHECKS = (
    _imbalance(KERNEL_IMBALANCE, "kernel_class", ("split", "label")),
    _imbalance(CONTRAST_PHASE_IMBALANCE, "phase", ("split", "label")),
    _imbalance(THICKNESS_IMBALANCE, "slice_thickness_mm", ("split", "label")),
    _imbalance(VENDOR_IMBALANCE, "vendor", ("label", "split")),
    _imbalance(SITE_IMBALANCE, "site", ("label",)),
    Check(
        rule=LABEL_WORDS,
        when=_contains_label_words,
        observed=pl.lit("a word of the label's vocabulary in a description"),
    ),
    Check(rule=PREDICTIVE_FEATURE, search=_find_shortcuts, columns=_ACQUISITION),
    Check(
        rule=PATIENT_IN_SEVERAL_SPLITS,
        search=partial(_find_in_several_splits, key="patient", noun="one patient"),
    ),
    Check(
        rule=STUDY_IN_SEVERAL_SPLITS,
        search=partial(_find_in_several_splits, key="frame_of_reference", noun="one frame of reference"),
        columns=("frame_of_reference",),
    ),
    Check(rule=IMAGE_IN_SEVERAL_SPLITS, search=_find_same_images),
)
