"""What kind of image an object holds."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import (
    CAPTURES,
    CT,
    ORIGINAL,
    SECTIONAL,
    TEXTS,
    describe,
    fill_template,
    has_image_type,
    has_text,
    maximum,
)
from gnomon.rules.catalogue.image import (
    ATTENUATION_CT,
    GRAPHICS,
    MODALITY_CONFLICT,
    MODALITY_NOT_ACCEPTED,
    SCREEN_SAVE,
    UNDECLARED_LOCALIZER,
    UNKNOWN_DERIVATION,
)

_LOCALIZER_WORDS = r"\bscout|topogram|surview|scanogram|3-?plane loc|localizer"
_MODALITIES = {"CT": ["CT"], "MR": ["MR"], "PT": ["PT", "NM"]}

CHECKS = (
    Check(
        rule=SCREEN_SAVE,
        when=lambda limits: (
            ~pl.col("sop_class").str.starts_with(CAPTURES)
            & (
                has_image_type(
                    "SCREEN SAVE",
                    "SCREENSAVE",
                    "DOSE INFO",
                    "DOSE_INFO",
                    "VOLREN",
                    "POSDISP",
                    "VXTL STATE",
                    "CSAPARALLEL",
                    "RENDERED",
                )
                | (SECTIONAL & TEXTS.str.contains(r"dose (?:report|info)|patient protocol|screen ?save"))
            )
        ),
        observed=fill_template("ImageType {}, {}", "image_type", pl.col("series_description").fill_null("")),
    ),
    Check(
        rule=GRAPHICS,
        when=lambda limits: (
            maximum("overlays").fill_null(False)
            | (pl.col("stamped_parts") >= limits.tolerance).fill_null(False)
            | (pl.col("text_letters") >= limits.tolerance).fill_null(False)
        ),
        observed=pl.when(maximum("overlays").fill_null(False))
        .then(pl.lit("an overlay (60xx,3000)"))
        .when(pl.col("text_letters") > 0)
        .then(fill_template("{} letters in lines of text", "text_letters"))
        .otherwise(fill_template("{} separate bright marks that are identical in every slice", "stamped_parts")),
    ),
    Check(
        rule=UNKNOWN_DERIVATION,
        when=lambda limits: SECTIONAL & ~ORIGINAL & ~pl.col("has_source"),
        observed=describe("image_type", "ImageType"),
    ),
    Check(
        rule=MODALITY_CONFLICT,
        when=lambda limits: pl.any_horizontal(
            [(pl.col("kind") == kind) & ~pl.col("modality").is_in(names) for kind, names in _MODALITIES.items()]
        ),
        observed=fill_template("Modality {} in an object of class {}", "modality", "kind"),
    ),
    Check(
        rule=UNDECLARED_LOCALIZER,
        when=lambda limits: (
            SECTIONAL
            & ~has_image_type("LOCALIZER")
            & ((pl.col("kernel_class") == "scout") | TEXTS.str.contains(_LOCALIZER_WORDS))
        ),
        observed=pl.when(pl.col("kernel_class") == "scout")
        .then(describe("kernel", "ConvolutionKernel"))
        .when(pl.col("series_description").fill_null("").str.to_lowercase().str.contains(_LOCALIZER_WORDS))
        .then(describe("series_description", "SeriesDescription"))
        .otherwise(pl.lit("a description that names a localizer")),
    ),
    Check(
        rule=ATTENUATION_CT,
        when=lambda limits: (
            CT & TEXTS.str.contains(r"\bctac\b|\bac[ _-]ct|ct[ _-]ac\b|attenuation|\bct wb (?:low|ac)|low ?dose.*pet")
        ),
        observed=describe("series_description", "SeriesDescription"),
    ),
    Check(
        rule=MODALITY_NOT_ACCEPTED,
        when=lambda limits: (
            pl.lit(bool(limits.policy.modalities))
            & has_text("modality")
            & ~pl.col("modality").is_in(list(limits.policy.modalities))
        ),
        observed=describe("modality", "Modality"),
    ),
)
