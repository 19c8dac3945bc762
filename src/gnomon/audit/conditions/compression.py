"""Transfer syntaxes and lossy compression."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import describe, fill_template
from gnomon.rules.catalogue.compression import (
    INVALID_COMPRESSION_RATIO,
    LOSSY_COMPRESSION,
    LOSSY_HISTORY,
    UNDECLARED_LOSSY_COMPRESSION,
)

_UID = "1.2.840.10008.1.2."
# Syntaxes that cannot be lossless (PS3.5 10): JPEG baseline and extended, retired DCT processes, MPEG, H.26x, JPEG XL.
ALWAYS_LOSSY = [
    *(f"{_UID}4.{n}" for n in (50, 51, 52, 53, 54, 55, 56, 59, 60, 61, 62, 63, 64, 112)),
    *(f"{_UID}4.{n}" for n in range(100, 109)),
    *(f"{_UID}4.{n}.1" for n in range(100, 107)),
]
NATIVE = ["1.2.840.10008.1.2", *(f"{_UID}{n}" for n in ("1", "1.99", "2", "8.1"))]
_DECLARED = (pl.col("lossy") == "01").fill_null(False) | (pl.col("lossy_ratio") > 1).fill_null(False)
_CODING = pl.col("coding").fill_null("")
_IS_LOSSY = pl.col("transfer_syntax").is_in(ALWAYS_LOSSY) | _CODING.str.contains("^(?:wavelet 9-7|DCT|NEAR [1-9])")
_NATIVE = pl.col("transfer_syntax").is_in(NATIVE) | (_CODING == "RLE")
_HISTORY = _DECLARED & ~_IS_LOSSY & (_NATIVE | _CODING.str.contains("^(?:prediction|NEAR 0)"))
_EVIDENCE = fill_template(
    "LossyImageCompression {}, ratio {}, coding {}",
    "lossy",
    "lossy_ratio",
    pl.when(_CODING == "").then("transfer_syntax").otherwise(_CODING),
)

CHECKS = (
    Check(
        rule=LOSSY_COMPRESSION,
        when=lambda limits: _IS_LOSSY | (_DECLARED & ~_HISTORY),
        observed=_EVIDENCE,
    ),
    Check(
        rule=UNDECLARED_LOSSY_COMPRESSION,
        when=lambda limits: _IS_LOSSY & (pl.col("lossy") != "01").fill_null(True),
        observed=_EVIDENCE,
    ),
    Check(
        rule=LOSSY_HISTORY,
        when=lambda limits: _HISTORY,
        observed=_EVIDENCE,
    ),
    Check(
        rule=INVALID_COMPRESSION_RATIO,
        when=lambda limits: pl.col("lossy_ratio") <= 1,
        observed=describe("lossy_ratio", "LossyImageCompressionRatio"),
    ),
)
