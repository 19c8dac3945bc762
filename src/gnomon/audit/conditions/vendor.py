"""Private elements and vendors' own conventions."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import TEXTS, describe, fill_template, has_text, is_blank
from gnomon.rules.catalogue.vendor import (
    DISPLAY_VALUES,
    MISSING_PRIVATE_VALUE,
    PRIVATE_WITHOUT_CREATOR,
    UNKNOWN_PRIVATE_CREATOR,
)

_KNOWN_CREATORS = (
    r"gems|gehc|ge |siemens|philips|sectra|agfa|elscint|toshiba|canon|uih|image private header|spi|mayo|"
    r"ctp|dcm4che|acuson|hologic|lorad|fuji|hitachi|medcom|syngo|adac|picker|dicom|isg|kodak|camtronics|"
    r"emageon|merge|viewforum|mitra|idexx|marconi|varian|brainlab|visus|osirix|horos|papyrus|astraia|"
    r"mevis|terarecon|vital|amicas|vepro|carestream|shs|silhouette|mmcprivate|pmi|pmod|pmtf|applicare|"
    r"archive|duke|facts|cardio-d|akg|dlx|hipaa|integris|kretz|mds|mrsc|samsung|neusoft|qca|qva|quasar|"
    r"rtp|stentor|swissvision|thinkpath|tmdtk|v1|viewpoint|visage|voxel|2\.16\."
)
"""Beginnings of the private creators that vendors document, as alternatives of a pattern."""

CHECKS = (
    Check(
        rule=UNKNOWN_PRIVATE_CREATOR,
        when=lambda limits: (
            has_text("creators") & ~pl.col("creators").str.contains(rf"(?i)^(?:(?:{_KNOWN_CREATORS}).*(?:\\|$))+$")
        ),
        observed=describe("creators", "creators"),
    ),
    Check(
        rule=PRIVATE_WITHOUT_CREATOR,
        when=lambda limits: pl.col("private_orphans") > 0,
        observed=fill_template("{} private elements", pl.col("private_orphans").cast(pl.Int64)),
    ),
    Check(
        rule=MISSING_PRIVATE_VALUE,
        when=lambda limits: (
            (pl.col("kind") == "MR")
            & (
                ((pl.col("vendor") == "Philips") & is_blank("creators"))
                | (
                    is_blank("b_value")
                    & TEXTS.str.contains(r"\bdwi\b|diffusion|\bdti\b|\badc\b")
                    & is_blank("creators")
                )
            )
        ),
        observed=fill_template("{} MR without private elements", "vendor"),
    ),
    Check(
        rule=DISPLAY_VALUES,
        when=lambda limits: (
            (pl.col("kind") == "MR")
            & (pl.col("vendor") == "Philips")
            & ~pl.col("private_names").fill_null("").str.contains("scale_slope")
        ),
        observed=pl.lit("no private scale slope (2005,xx0E)"),
    ),
)
