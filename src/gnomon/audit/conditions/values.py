"""What pixel values mean: units, plausibility, clipping."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CT, describe, fill_template, has_image_type, maximum
from gnomon.rules.catalogue.values import (
    CLIPPED_VALUES,
    IMPLAUSIBLE_HOUNSFIELD,
    MULTI_ENERGY,
    NO_UPTAKE_VALUE,
    SATURATED,
    VALUES_OF_OTHER_MODALITY,
    WINDOWED_VALUES,
)

_WINDOW_LOW = pl.col("window_center") - pl.col("window_width") / 2
_WINDOW_HIGH = pl.col("window_center") + pl.col("window_width") / 2

CHECKS = (
    Check(
        rule=MULTI_ENERGY,
        when=lambda limits: (
            CT
            & (
                (pl.col("multienergy") == "YES")
                | has_image_type(
                    "VMI", "VNC", "MONO_ENERGETIC", "MAT_SPECIFIC", "MAT_REMOVED", "EFF_ATOMIC_NUM", "ELECTRON_DENSITY"
                )
            )
        ),
        observed=describe("image_type", "ImageType"),
    ),
    Check(
        rule=IMPLAUSIBLE_HOUNSFIELD,
        when=lambda limits: (
            CT
            & ~has_image_type("LOCALIZER")
            & (
                # Within the chest the lowest peak is lung.
                ~pl.col("air_peak_hu").is_between(-1000 - limits.tolerance, -650)
                | ~pl.col("tissue_peak_hu").is_between(-150, 120)
            )
        ),
        observed=fill_template(
            "lowest peak at {} HU, largest other peak at {} HU",
            pl.col("air_peak_hu").round(0),
            pl.col("tissue_peak_hu").round(0),
        ),
    ),
    Check(
        rule=SATURATED,
        when=lambda limits: (
            CT & pl.col("ceiling").is_in([3071.0, 4095.0, 32767.0]) & (pl.col("ceiling_share") > limits.tolerance)
        ),
        observed=fill_template("{} of the voxels at {}", pl.col("ceiling_share").round(6), "ceiling"),
    ),
    Check(
        rule=WINDOWED_VALUES,
        when=lambda limits: (
            CT
            & (
                (maximum("bits_stored") <= 8)
                | (
                    (pl.col("lowest") - _WINDOW_LOW).abs() + (pl.col("highest") - _WINDOW_HIGH).abs()
                    <= limits.tolerance
                )
            )
        ),
        observed=fill_template("{} bits, values {} to {}", "bits_stored_max", "lowest", "highest"),
    ),
    Check(
        rule=CLIPPED_VALUES,
        when=lambda limits: (
            CT & (pl.col("floor_share") > limits.tolerance) & (pl.col("ceiling_share") > limits.tolerance)
        ),
        observed=fill_template(
            "{} of the voxels at {}, {} at {}",
            pl.col("floor_share").round(4),
            "lowest",
            pl.col("ceiling_share").round(4),
            "highest",
        ),
    ),
    Check(
        rule=VALUES_OF_OTHER_MODALITY,
        when=lambda limits: (
            (CT & (pl.col("lowest") >= 0) & (pl.col("air_peak_hu").is_null() | (pl.col("air_peak_hu") > -200)))
            | (
                (pl.col("kind") == "MR")
                & ~has_image_type("P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "VELOCITY")
                & (pl.col("lowest") <= -900)
                & (pl.col("negative_share") > 0.1)
            )
        ),
        observed=fill_template("{} with values {} to {}", "kind", "lowest", "highest"),
    ),
    Check(
        rule=NO_UPTAKE_VALUE,
        when=lambda limits: (
            (pl.col("kind") == "PT")
            & (
                ~pl.col("units").is_in(["BQML", "GML"])
                | ~pl.col("decay_correction").is_in(["START", "ADMIN"])
                | ~pl.col("has_dose")
                | ~pl.col("has_weight")
                | ~pl.col("has_injection_time")
            )
        ),
        observed=fill_template(
            "Units {}, DecayCorrection {}, dose {}, injection time {}, weight {}",
            pl.col("units").fill_null(""),
            pl.col("decay_correction").fill_null(""),
            "has_dose",
            "has_injection_time",
            "has_weight",
        ),
    ),
)
