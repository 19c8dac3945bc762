"""Reconstruction kernels of CT."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import CT, ORIGINAL, fill_template, has_text, is_blank
from gnomon.rules.catalogue.kernel import ITERATIVE, KERNEL_NOT_ACCEPTED, KERNEL_SHARPNESS, NO_KERNEL, UNKNOWN_KERNEL

CHECKS = (
    Check(
        rule=NO_KERNEL,
        when=lambda limits: CT & ORIGINAL & is_blank("kernel") & is_blank("kernel_group"),
        observed=pl.lit("no ConvolutionKernel"),
    ),
    Check(
        rule=UNKNOWN_KERNEL,
        when=lambda limits: CT & has_text("kernel") & (pl.col("kernel_class") == "unknown"),
        observed=fill_template("{} ({})", "kernel", "vendor"),
    ),
    Check(
        rule=ITERATIVE,
        when=lambda limits: CT & (pl.col("iterative") != "none"),
        observed=fill_template("{} {}", "iterative", "kernel"),
    ),
    Check(
        rule=KERNEL_SHARPNESS,
        when=lambda limits: (
            CT
            & pl.col("kernel_sure")
            & (
                (
                    pl.col("kernel_class").is_in(["very_soft", "soft"])
                    & (pl.col("noise_frequency_per_mm") > limits.tolerance)
                )
                | (
                    pl.col("kernel_class").is_in(["sharp", "very_sharp"])
                    & (pl.col("noise_frequency_per_mm") < limits.tolerance / 2)
                )
            )
        ),
        observed=fill_template(
            "{} ({}), noise of {} per mm", "kernel", "kernel_class", pl.col("noise_frequency_per_mm").round(3)
        ),
    ),
    Check(
        rule=KERNEL_NOT_ACCEPTED,
        when=lambda limits: (
            CT
            & pl.col("kernel_sure")
            & pl.lit(bool(limits.policy.kernels))
            & ~pl.col("kernel_class").is_in(list(limits.policy.kernels))
        ),
        observed=fill_template("{} ({})", "kernel", "kernel_class"),
    ),
)
