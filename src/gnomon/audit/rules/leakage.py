"""What tells the label without the anatomy (P28), and cohorts whose parts differ (P07, P13, P16)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from gnomon.audit.association import AUC_LIMIT, cramers_v, predictive_features
from gnomon.audit.expressions import TEXTS, said, shown
from gnomon.audit.rule import Asked, Needs, Rule, Scope
from gnomon.findings import Severity

_ACQUISITION = (
    "manufacturer", "model", "software", "site", "station", "kvp", "kernel", "contrast_agent", "slice_thickness_mm",
    "row_mm",
    "rows", "columns", "series_description", "protocol_name", "patient_position", "body_part", "photometric",
    "bits_stored",
    "lossy", "transfer_syntax", "window_width", "window_center", "exposure_mas",
)  # fmt: skip
_BLOCK = 512
DERIVED_FEATURES = ("vendor", "kernel_class", "phase", "slices", "step_mm", "iterative")


def _rows(*observed: str, subject: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject": [subject] * len(observed), "observed": list(observed)},
        schema={"subject": pl.String, "observed": pl.String},
    )


def _associated(volumes: pl.DataFrame, asked: Asked, *, column: str, beside: Sequence[str]) -> pl.DataFrame:
    """Whether a column is spread differently over splits or labels (Cramer's V with bias correction)."""
    told = []
    for other in beside:
        if {column, other} <= set(volumes.columns):
            table = volumes.select(column, other).drop_nulls()
            v, p = cramers_v(table[column], table[other])
            if v > asked.tolerance and p < 0.01:
                told.append(f"{column} and {other}: Cramer's V {v:.2f}, p {p:.2g}")
    return _rows(*told, subject="cohort")


def _shortcuts(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Single header features that predict the label."""
    if "label" not in volumes.columns:
        return _rows(subject="cohort")
    names = [name for name in (*_ACQUISITION, *DERIVED_FEATURES) if name in volumes.columns]
    patients = volumes["patient"].fill_null("").to_list()
    found = predictive_features(volumes.select(names), volumes["label"], patients, limit=asked.tolerance)
    return _rows(*(f"{one.name}: AUC {one.auc:.3f}, p {one.p:.2g} after Holm" for one in found), subject="cohort")


def _on_both_sides(volumes: pl.DataFrame, asked: Asked, *, key: str, what: str) -> pl.DataFrame:
    """Values of a key that stand in more than one split."""
    if "split" not in volumes.columns or key not in volumes.columns:
        return _rows(subject="cohort")
    known = volumes.filter(pl.col(key).fill_null("") != "", pl.col("split").fill_null("") != "")
    return (
        known.with_columns(sides=pl.col("split").n_unique().over(key),
        every=pl.col("split").unique().sort().str.join(", ").over(key))
        .filter(pl.col("sides") > 1)
        .select("volume_id", observed=pl.format(f"{what} in {{}}", "every"))
    )  # fmt: skip


def _same_pictures(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Volumes of two splits whose block means have a correlation above the tolerance."""
    if not {"split", "fingerprint"} <= set(volumes.columns):
        return _rows(subject="cohort")
    known = volumes.filter(pl.col("fingerprint").list.len() > 1, pl.col("split").fill_null("") != "").sort("volume_id")
    partner: dict[str, tuple[float, str]] = {}
    for _, alike in known.group_by(pl.col("fingerprint").list.len(), maintain_order=True):
        means = np.array(alike["fingerprint"].to_list(), np.float32)
        names, splits = alike["volume_id"].to_list(), alike["split"].to_numpy()
        for start in range(0, len(names), _BLOCK):
            close = np.einsum("ik,jk->ij", means[start : start + _BLOCK], means, optimize=True)
            for i, j in np.argwhere((close > asked.tolerance) & (splits[start : start + _BLOCK, None] != splits[None])):
                partner[names[start + i]] = max(
                    partner.get(names[start + i], (0.0, "")), (round(float(close[i, j]), 4), names[j])
                )
    rows = [(name, f"correlation {value} with volume {other}") for name, (value, other) in sorted(partner.items())]
    return pl.DataFrame(rows, schema={"volume_id": pl.String, "observed": pl.String}, orient="row")


def _vocabulary(asked: Asked) -> pl.Expr:
    words = [word.lower() for word in asked.policy.vocabulary]
    return TEXTS.str.contains_any(words) if words else pl.col("volume_id").is_null()


def _cohort(id: str, title: str, pitfall: str, why: str, remedy: str, expected: str, column: str,
            beside: Sequence[str], tolerance: float = 0.1) -> Rule:  # fmt: skip
    return Rule(
        id, title, Scope.COHORT, pitfall, "Bergsma 2013 (bias-corrected Cramer's V)", why, remedy, expected,
        search=partial(_associated, column=column, beside=beside), columns=_ACQUISITION, tolerance=tolerance, unit="V",
        needs=Needs.LABELS,
    )  # fmt: skip


KERNELS_SPREAD = _cohort(
    "DCM304", "Kernels spread differently over splits or labels", "P07", "The net reads sharpness instead of disease.",
    "Balance kernels, or harmonise.", "the same spread", "kernel_class", ("split", "label"))  # fmt: skip
PHASES_SPREAD = _cohort(
    "DCM312", "Contrast phases spread differently over splits or labels", "P16",
    "The net reads contrast instead of disease.",
    "Keep one phase.", "the same spread", "phase", ("split", "label"))  # fmt: skip
THICKNESS_SPREAD = _cohort(
    "DCM332", "Thin and thick slices spread differently over splits or labels", "P13",
    "The net reads blur instead of disease.",
    "Resample to one spacing and report both.", "the same spread", "slice_thickness_mm", ("split",
    "label"))  # fmt: skip
SCANNER_SPREAD = _cohort(
    "DCM714", "Vendors or sites spread differently over labels", "P28",
    "The net reads the scanner: accuracy falls at the next hospital.",
    "Balance, or validate on a site that was left out.", "the same spread", "vendor", ("label", "split"))  # fmt: skip
SITE_SPREAD = _cohort(
    "DCM717", "Sites spread differently over labels", "P28", "The net reads the hospital.",
    "Balance, or validate on a site that was left out.", "the same spread", "site", ("label",))  # fmt: skip
VOCABULARY = Rule(
    "DCM710", "The label's words in a header", Scope.VOLUME, "P28", "-",
    "Whoever feeds text, or sorts by it, feeds the answer.", "Drop the field, and do not sort or sample by it.",
    "none of the policy's words", when=_vocabulary,
    observed=pl.lit("a word of the label's vocabulary in a description"),
)  # fmt: skip
SHORTCUT = Rule(
    "DCM711", "A header feature that predicts the label", Scope.COHORT, "P28",
    "DeLong-free: cross-validated AUC, permutation, Holm 1979",
    "What the scanner was set to tells the label: the net learns the setting.",
    "Balance by it, or report within its strata.",
    "no feature above the tolerance", search=_shortcuts, columns=_ACQUISITION, tolerance=AUC_LIMIT, unit="AUC",
    needs=Needs.LABELS,
)  # fmt: skip
PATIENT_SHARED = Rule(
    "DCM712", "A patient in two splits", Scope.COHORT, "P28", "-", "The net has seen the answer.",
    "Split by patient.", "each patient in one split",
    search=partial(_on_both_sides, key="patient", what="one patient"), needs=Needs.LABELS, severity=Severity.ERROR,
)  # fmt: skip
STUDY_SHARED = Rule(
    "DCM713", "A study or frame of reference in two splits", Scope.COHORT, "P28", "-",
    "The same body at the same minute on both sides.",
    "Split by patient.", "each study in one split", search=partial(_on_both_sides, key="frame_of_reference",
    what="one frame of reference"),
    columns=("frame_of_reference",), needs=Needs.LABELS, severity=Severity.ERROR,
)  # fmt: skip
PIXELS_SHARED = Rule(
    "DCM718", "The same picture in two splits", Scope.COHORT, "P28", "-",
    "A copy under another name: the net has seen the answer.",
    "Remove one of them.", "each picture once", search=_same_pictures, tolerance=0.9995,
    unit="correlation of 12 x 12 x 12 block means", needs=Needs.PIXELS, severity=Severity.ERROR,
)  # fmt: skip
CASES_ALONE = Rule(
    "DCM719", "Cases of the table that fit no volume", Scope.COHORT, "P28", "-",
    "What is not there cannot be compared: a leak may hide in it.", "Check the column, and that the export is whole.",
    "a volume for every row", needs=Needs.LABELS,
)  # fmt: skip
IDENTIFIERS = Rule(
    "DCM715", "Identifiers in data declared de-identified", Scope.INSTANCE, "P28", "PS3.15 E.1",
    "A patient can be found.", "De-identify again before the data leave the hospital.",
    "none of the Basic Profile's identifiers",
    when=lambda asked: (pl.col("identity_removed") == "YES") & said("identifiers"), observed=shown("identifiers",
    "elements"),
)  # fmt: skip
DATES_SHIFTED = Rule(
    "DCM716", "Times that were changed by a de-identifier", Scope.INSTANCE, "P28", "PS3.3 C.12.1.1.7",
    "Bolus timing and follow-up intervals may be wrong.", "Do not use times across series.", "UNMODIFIED",
    when=lambda asked: pl.col("longitudinal").is_in(["MODIFIED", "REMOVED"]), observed=shown("longitudinal",
    "LongitudinalTemporalInformation"),
    severity=Severity.INFO,
)  # fmt: skip
MERGED_PATIENTS = Rule(
    "DCM738", "One PatientID with two sexes or birth dates", Scope.STUDY, "1.2", "PS3.3 C.7.1.1",
    "Two people under one number: splits by patient are wrong.", "Ask the site.",
    "one sex and one birth date a patient",
    when=lambda asked: said("patient") & (
        (pl.when(said("sex") & (pl.col("sex") != "O")).then(pl.col("sex")).drop_nulls().n_unique().over("patient") > 1)
        | (pl.when(said("birth")).then(pl.col("birth")).drop_nulls().n_unique().over("patient") > 1)
    ),
    observed=pl.lit("two sexes or birth dates under one PatientID"),
)  # fmt: skip
