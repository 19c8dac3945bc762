"""What the numbers in a label image mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelScheme:
    """Names and values of the structures, what mirrors into what, and what is ignored.

    Attributes:
        names: structure names in the order of the network's output channels, the background not named.
        values: the voxel value of each name, the same order; never 0, which is the background.
        pairs: left/right partners by name; a mirror image swaps them.
        regions: named unions of structures, for reporting.
        ignore: voxel value that carries no judgement, or None.

    Raises:
        ValueError: values repeat, are not positive whole numbers, or a pair or region names no structure.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    regions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ignore: int | None = None

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.values):
            raise ValueError(f"{len(self.names)} label names for {len(self.values)} values")
        taken = [*self.values, *([] if self.ignore is None else [self.ignore])]
        if len(set(taken)) != len(taken) or len(set(self.names)) != len(self.names):
            raise ValueError(f"label names or values repeat: {dict(zip(self.names, self.values))}")
        if min(taken) < 1 or max(taken) > 65535:
            raise ValueError(f"label values must lie in 1..65535, not {sorted(taken)}")
        members = [name for pair in self.pairs for name in pair]
        members += [name for _, region in self.regions for name in region]
        if unknown := sorted(set(members) - set(self.names)):
            raise ValueError(f"pairs or regions name {unknown}, which are not labels")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelScheme:
        """The scheme that `as_dict` wrote."""
        labels = values["labels"]
        return cls(
            names=tuple(labels),
            values=tuple(int(value) for value in labels.values()),
            pairs=tuple((left, right) for left, right in values.get("pairs", [])),
            regions=tuple((name, tuple(parts)) for name, parts in values.get("regions", {}).items()),
            ignore=values.get("ignore"),
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "labels": dict(zip(self.names, self.values)),
            "pairs": [list(pair) for pair in self.pairs],
            "regions": {name: list(parts) for name, parts in self.regions},
            "ignore": self.ignore,
        }

    @property
    def n_channels(self) -> int:
        """Channels of a network's output: the background and each structure."""
        return len(self.names) + 1

    @property
    def known_values(self) -> tuple[int, ...]:
        """Every value a label image may hold, the background's 0 among them."""
        extra = () if self.ignore is None else (self.ignore,)
        return (0, *self.values, *extra)

    def channels_from_values(self, label: NDArray[Any]) -> NDArray[np.uint16]:
        """Voxel values -> channel numbers (0 the background); the ignored value becomes `n_channels`."""
        table = np.zeros(65536, dtype=np.uint16)
        table[list(self.values)] = np.arange(1, self.n_channels, dtype=np.uint16)
        if self.ignore is not None:
            table[self.ignore] = self.n_channels
        return np.asarray(table[label])

    def values_from_channels(self, channels: NDArray[Any]) -> NDArray[np.uint16]:
        """Channel numbers, as a network's argmax gives them -> voxel values."""
        return np.asarray(np.array([0, *self.values], dtype=np.uint16)[channels])
