"""Building blocks of conditions: expressions on columns that many checks share."""

from __future__ import annotations

import polars as pl

from gnomon.audit.tables import MAXIMUM

_IMAGES = "1.2.840.10008.5.1.4.1.1."
RADIOGRAPHS = [_IMAGES + suffix for suffix in ("1", "1.1", "1.1.1", "1.3", "1.3.1")]
MAMMOGRAMS = [_IMAGES + suffix for suffix in ("1.2", "1.2.1")]
FLUOROSCOPY = [_IMAGES + suffix for suffix in ("12.1", "12.2")]
ULTRASOUND = [_IMAGES + suffix for suffix in ("6.1", "3.1")]
CAPTURES = _IMAGES + "7"
SEGMENTATION, STRUCTURE_SET = _IMAGES + "66.4", _IMAGES + "481.3"

CT = pl.col("kind") == "CT"
SECTIONAL = pl.col("kind").is_in(["CT", "MR", "PT"])
PROJECTION = pl.col("sop_class").is_in([*RADIOGRAPHS, *MAMMOGRAMS, *FLUOROSCOPY])
MAMMOGRAM = pl.col("sop_class").is_in(MAMMOGRAMS)
ORIGINAL = ~pl.col("image_type").fill_null("").str.starts_with("DERIVED")
TEXTS = pl.concat_str(
    [pl.col(name).fill_null("") for name in ("series_description", "protocol_name", "texts")], separator=" \\ "
).str.to_lowercase()
"""All free text of a header, in lower case."""


def has_text(name: str) -> pl.Expr:
    """Whether a text is present and not empty."""
    return pl.col(name).fill_null("") != ""


def is_blank(name: str) -> pl.Expr:
    """Whether a text is absent or empty."""
    return pl.col(name).fill_null("") == ""


def maximum(name: str) -> pl.Expr:
    """Maximum of a column within a volume."""
    return pl.col(f"{name}{MAXIMUM}")


def varies(name: str) -> pl.Expr:
    """Whether a column has more than one value in a volume."""
    return pl.col(name) != maximum(name)


def has_image_type(*values: str) -> pl.Expr:
    """Whether ImageType contains one of these values."""
    whole = "|".join(value.replace(" ", r"\s") for value in values)
    return pl.col("image_type").fill_null("").str.contains(rf"(?:^|\\)(?:{whole})(?:\\|$)")


def describe(name: str, label: str, unit: str = "") -> pl.Expr:
    """`label value unit`, for `observed`; numbers in their shortest form."""
    value = _as_text(pl.col(name))
    return pl.concat_str([pl.lit(f"{label} "), value, pl.lit(f" {unit}" if unit else "")])


def fill_template(template: str, *parts: str | pl.Expr) -> pl.Expr:
    """`template` with its `{}` filled in, for `observed`: 'absent' where a value is missing, 2 rather than 2.0."""
    words, pieces = template.split("{}"), []
    for word, part in zip(words, [*parts, None]):
        pieces.append(pl.lit(word))
        if part is not None:
            pieces.append(_as_text(pl.col(part) if isinstance(part, str) else part))
    return pl.concat_str(pieces)


def _as_text(value: pl.Expr) -> pl.Expr:
    text = value.cast(pl.String).fill_null("").str.replace(r"\.0$", "")
    return pl.when(text == "").then(pl.lit("absent")).otherwise(text)
