"""What tells the label without the anatomy (P28), and cohorts whose parts differ (P07, P13, P16)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from gnomon.audit.association import AUC_LIMIT, cramers_v, predictive_features
from gnomon.audit.expressions import TEXTS, said, shown
from gnomon.audit.rule import Asked, Needs, Rule, Scope
from gnomon.rules.finding import Severity

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
        known.with_columns(
            sides=pl.col("split").n_unique().over(key), every=pl.col("split").unique().sort().str.join(", ").over(key)
        )
        .filter(pl.col("sides") > 1)
        .select("volume_id", observed=pl.format(f"{what} in {{}}", "every"))
    )


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


def _cohort(
    id: str,
    title: str,
    pitfall: str,
    why: str,
    remedy: str,
    expected: str,
    column: str,
    beside: Sequence[str],
    tolerance: float = 0.1,
) -> Rule:
    return Rule(
        id=id,
        title=title,
        scope=Scope.COHORT,
        pitfall=pitfall,
        standard="Bergsma 2013 (bias-corrected Cramer's V)",
        why=why,
        remedy=remedy,
        expected=expected,
        search=partial(_associated, column=column, beside=beside),
        columns=_ACQUISITION,
        tolerance=tolerance,
        unit="V",
        needs=Needs.LABELS,
    )


KERNELS_SPREAD = _cohort(
    "DCM304",
    "Kernels spread differently over splits or labels",
    "P07",
    "The net reads sharpness instead of disease.",
    "Balance kernels, or harmonise.",
    "the same spread",
    "kernel_class",
    ("split", "label"),
)
PHASES_SPREAD = _cohort(
    "DCM312",
    "Contrast phases spread differently over splits or labels",
    "P16",
    "The net reads contrast instead of disease.",
    "Keep one phase.",
    "the same spread",
    "phase",
    ("split", "label"),
)
THICKNESS_SPREAD = _cohort(
    "DCM332",
    "Thin and thick slices spread differently over splits or labels",
    "P13",
    "The net reads blur instead of disease.",
    "Resample to one spacing and report both.",
    "the same spread",
    "slice_thickness_mm",
    ("split", "label"),
)
SCANNER_SPREAD = _cohort(
    "DCM714",
    "Vendors or sites spread differently over labels",
    "P28",
    "The net reads the scanner: accuracy falls at the next hospital.",
    "Balance, or validate on a site that was left out.",
    "the same spread",
    "vendor",
    ("label", "split"),
)
SITE_SPREAD = _cohort(
    "DCM717",
    "Sites spread differently over labels",
    "P28",
    "The net reads the hospital.",
    "Balance, or validate on a site that was left out.",
    "the same spread",
    "site",
    ("label",),
)
VOCABULARY = Rule(
    id="DCM710",
    title="The label's words in a header",
    scope=Scope.VOLUME,
    pitfall="P28",
    standard="-",
    why="Whoever feeds text, or sorts by it, feeds the answer.",
    remedy="Drop the field, and do not sort or sample by it.",
    expected="none of the policy's words",
    when=_vocabulary,
    observed=pl.lit("a word of the label's vocabulary in a description"),
)
SHORTCUT = Rule(
    id="DCM711",
    title="A header feature that predicts the label",
    scope=Scope.COHORT,
    pitfall="P28",
    standard="DeLong-free: cross-validated AUC, permutation, Holm 1979",
    why="What the scanner was set to tells the label: the net learns the setting.",
    remedy="Balance by it, or report within its strata.",
    expected="no feature above the tolerance",
    search=_shortcuts,
    columns=_ACQUISITION,
    tolerance=AUC_LIMIT,
    unit="AUC",
    needs=Needs.LABELS,
)
PATIENT_SHARED = Rule(
    id="DCM712",
    title="A patient in two splits",
    scope=Scope.COHORT,
    pitfall="P28",
    standard="-",
    why="The net has seen the answer.",
    remedy="Split by patient.",
    expected="each patient in one split",
    search=partial(_on_both_sides, key="patient", what="one patient"),
    needs=Needs.LABELS,
    severity=Severity.ERROR,
)
STUDY_SHARED = Rule(
    id="DCM713",
    title="A study or frame of reference in two splits",
    scope=Scope.COHORT,
    pitfall="P28",
    standard="-",
    why="The same body at the same minute on both sides.",
    remedy="Split by patient.",
    expected="each study in one split",
    search=partial(_on_both_sides, key="frame_of_reference", what="one frame of reference"),
    columns=("frame_of_reference",),
    needs=Needs.LABELS,
    severity=Severity.ERROR,
)
PIXELS_SHARED = Rule(
    id="DCM718",
    title="The same picture in two splits",
    scope=Scope.COHORT,
    pitfall="P28",
    standard="-",
    why="A copy under another name: the net has seen the answer.",
    remedy="Remove one of them.",
    expected="each picture once",
    search=_same_pictures,
    tolerance=0.9995,
    unit="correlation of 12 x 12 x 12 block means",
    needs=Needs.PIXELS,
    severity=Severity.ERROR,
)
CASES_ALONE = Rule(
    id="DCM719",
    title="Cases of the table that fit no volume",
    scope=Scope.COHORT,
    pitfall="P28",
    standard="-",
    why="What is not there cannot be compared: a leak may hide in it.",
    remedy="Check the column, and that the export is whole.",
    expected="a volume for every row",
    needs=Needs.LABELS,
)
IDENTIFIERS = Rule(
    id="DCM715",
    title="Identifiers in data declared de-identified",
    scope=Scope.INSTANCE,
    pitfall="P28",
    standard="PS3.15 E.1",
    why="A patient can be found.",
    remedy="De-identify again before the data leave the hospital.",
    expected="none of the Basic Profile's identifiers",
    when=lambda asked: (pl.col("identity_removed") == "YES") & said("identifiers"),
    observed=shown("identifiers", "elements"),
)
DATES_SHIFTED = Rule(
    id="DCM716",
    title="Times that were changed by a de-identifier",
    scope=Scope.INSTANCE,
    pitfall="P28",
    standard="PS3.3 C.12.1.1.7",
    why="Bolus timing and follow-up intervals may be wrong.",
    remedy="Do not use times across series.",
    expected="UNMODIFIED",
    when=lambda asked: pl.col("longitudinal").is_in(["MODIFIED", "REMOVED"]),
    observed=shown("longitudinal", "LongitudinalTemporalInformation"),
    severity=Severity.INFO,
)
MERGED_PATIENTS = Rule(
    id="DCM738",
    title="One PatientID with two sexes or birth dates",
    scope=Scope.STUDY,
    pitfall="1.2",
    standard="PS3.3 C.7.1.1",
    why="Two people under one number: splits by patient are wrong.",
    remedy="Ask the site.",
    expected="one sex and one birth date a patient",
    when=lambda asked: (
        said("patient")
        & (
            (
                pl.when(said("sex") & (pl.col("sex") != "O"))
                .then(pl.col("sex"))
                .drop_nulls()
                .n_unique()
                .over("patient")
                > 1
            )
            | (pl.when(said("birth")).then(pl.col("birth")).drop_nulls().n_unique().over("patient") > 1)
        )
    ),
    observed=pl.lit("two sexes or birth dates under one PatientID"),
)
