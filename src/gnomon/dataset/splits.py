"""Training, validation and test cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Splits:
    """Names of cases: folds of (train, val), and a test set that is in no fold."""

    folds: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    test: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "grouped_by": "patient",
            "folds": [{"train": list(train), "val": list(val)} for train, val in self.folds],
            "test": list(self.test),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Splits:
        """The splits that `as_dict` wrote."""
        return cls(tuple((tuple(fold["train"]), tuple(fold["val"])) for fold in values["folds"]), tuple(values["test"]))

    def held_out(self, fold: int) -> tuple[str, ...]:
        """The cases on which a run is evaluated: the test set, or the validation cases of its fold without one."""
        return self.test or self.folds[fold][1]
