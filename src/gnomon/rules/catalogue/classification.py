"""CLS: images with classes."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

INVALID_CLASS_TABLE = Rule(
    id="CLS101",
    slug="classes.invalid-table",
    title="Table of classes that cannot be read or names a case twice",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a CSV with the columns case (or volume_id) and class, one row per image",
    remedy="Correct the file that data.classes names.",
)
TOO_FEW_CLASSES = Rule(
    id="CLS102",
    slug="classes.too-few",
    title="Fewer than two classes",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="images of at least two classes",
    remedy="Check that the table names the cases as the image files are named.",
)
IMAGE_WITHOUT_CLASS = Rule(
    id="CLS103",
    slug="classes.image-without-class",
    title="Image without a class",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a row for the image in the table of classes",
    remedy="Add the row, or set data.known_findings=[CLS103] to leave such images out.",
)
CLASS_WITHOUT_IMAGE = Rule(
    id="CLS104",
    slug="classes.class-without-image",
    title="Row of the table of classes without an image",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="an image of that name",
    remedy="Add the image, or remove the row.",
)
