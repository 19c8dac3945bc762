"""Values of the configuration as the stages take them: label schemes and paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gnomon.core.labels import LabelScheme
from gnomon.core.settings import missing_value
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES, UNKNOWN_SETTING


def scheme_from(names: Mapping[str, int] | None) -> LabelScheme | None:
    """A label scheme from `{name: value}`; None where there is none.

    Raises:
        Refusal: USE107, names or values that contradict each other.
    """
    if not names:
        return None
    try:
        return LabelScheme.from_names(names)
    except ValueError as error:
        raise INVALID_LABEL_NAMES.refusal("label_names", found=str(error)) from None


def structures_from(structures: Mapping[str, int] | None, labels: str | None) -> LabelScheme | None:
    """The structures in the label maps of an audit; None where the user does not name them.

    Raises:
        Refusal: USE107, contradicting names or values; USE108, structures without label maps.
    """
    if structures is not None and labels is None:
        raise UNKNOWN_SETTING.refusal(
            "structures",
            found="no label maps to apply it to",
            expected="labels=FOLDER beside it",
            remedy="Set labels=FOLDER, or remove structures=.",
        )
    return scheme_from(structures)


def folder_from(value: str | None) -> Path | None:
    """A path, or None."""
    return None if value is None else Path(value).expanduser()


def required_path(kind: type, key: str, value: str | None) -> Path:
    """A path that a verb of a command needs. Raises Refusal (USE109) where it is missing."""
    if value is None:
        raise missing_value(kind, key)
    return Path(value).expanduser()
