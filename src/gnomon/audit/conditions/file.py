"""Files, archives and headers."""

from __future__ import annotations

import polars as pl

from gnomon.audit.check import Check
from gnomon.audit.expressions import describe, has_text
from gnomon.rules.catalogue.file import UNKNOWN_CHARSET

_SETS = "6|13|100|101|109|110|126|127|138|144|148|166|203"
_KNOWN_SETS = rf"^\\?(?:ISO_IR (?:{_SETS}|192)|ISO 2022 IR (?:{_SETS}|58|87|149|159)|GB18030|GBK|\\)+$"

CHECKS = (
    Check(
        rule=UNKNOWN_CHARSET,
        when=lambda limits: has_text("charset") & ~pl.col("charset").str.contains(_KNOWN_SETS),
        observed=describe("charset", "SpecificCharacterSet"),
    ),
)
