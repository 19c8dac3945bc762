"""What the values of a label map mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelScheme:
    """Names and values of the structures, their left-right pairs and regions, and the ignored value.

    Attributes:
        names: structure names in the order of the output channels of the network, without the background.
        values: voxel value of each name, in the same order; never 0, which is the background.
        pairs: left/right partners by name; a mirror image swaps them.
        regions: named unions of structures, for reporting.
        ignore: value of voxels that are neither trained on nor evaluated, or None.

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
    def from_names(cls, labels: Mapping[Any, Any]) -> LabelScheme:
        """A scheme from names and values as users and data sets write them.

        Args:
            labels: `{name: value}` (nnU-Net), or `{value: name}` (Medical Decathlon). The background, value 0, is left
                out; `ignore` names the value that is ignored.

        Raises:
            ValueError: a value that is not a whole number, a region (a list of values), or no valid scheme.
        """
        by_name = {str(name): value for name, value in labels.items()}
        if by_name and all(name.isdigit() for name in by_name):
            by_name = {str(name): value for value, name in labels.items()}
        if regions := [name for name, value in by_name.items() if isinstance(value, (list, tuple))]:
            raise ValueError(f"regions {regions}, which are not supported; give each value a name")
        values = {name: _whole_number(name, value) for name, value in by_name.items()}
        ignore = values.pop("ignore", None)
        structures = {name: value for name, value in values.items() if value}
        if values and not structures:
            raise ValueError(f"{', '.join(values)} with value 0, which is the background; no structure is left")
        return cls(tuple(structures), tuple(structures.values()), ignore=ignore)

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
        """Number of output channels of a network: the background and each structure."""
        return len(self.names) + 1

    @property
    def known_values(self) -> tuple[int, ...]:
        """Every value that a label map may hold, with 0 for the background."""
        extra = () if self.ignore is None else (self.ignore,)
        return (0, *self.values, *extra)

    def channels_from_values(self, label: NDArray[Any]) -> NDArray[np.uint16]:
        """Voxel values -> channel numbers (0: background); the ignored value becomes `n_channels`."""
        table = np.zeros(65536, dtype=np.uint16)
        table[list(self.values)] = np.arange(1, self.n_channels, dtype=np.uint16)
        if self.ignore is not None:
            table[self.ignore] = self.n_channels
        return np.asarray(table[label])

    def values_from_channels(self, channels: NDArray[Any]) -> NDArray[np.uint16]:
        """Channel numbers, as a network's argmax gives them -> voxel values."""
        return np.asarray(np.array([0, *self.values], dtype=np.uint16)[channels])


def _whole_number(name: str, value: Any) -> int:
    try:
        whole = int(value)
    except (TypeError, ValueError):
        raise ValueError(f"label {name} has the value {value!r}, not a whole number") from None
    if isinstance(value, (bool, float)) and (isinstance(value, bool) or whole != value):
        raise ValueError(f"label {name} has the value {value!r}, not a whole number")
    return whole
