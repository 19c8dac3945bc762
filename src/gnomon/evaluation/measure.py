"""A measure: one number for one structure in one case, with all that tables, reports and comparisons need of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gnomon.core.geometry import Grid
from gnomon.evaluation.mask_pair import MaskPair, MeasureOptions

_ROUNDING = 1e-6


def always(options: MeasureOptions) -> bool:
    """The condition of a measure that is computed for every structure."""
    return True


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure. Adding one means adding one such value to `gnomon.evaluation.measures`, and nothing else.

    Attributes:
        name: column of cases.csv and name in criteria; ends in its unit, as `assd_mm`.
        title: name in reports, without the unit.
        description: what it measures, in one line, for the documentation.
        better: whether a `higher` or a `lower` value is better. The best value is 1 or 0 accordingly.
        function: computes it where both masks hold something. A value that is not finite, or that lies outside the
            range of the measure, becomes a finding and leaves the row without a score.
        unit: empty for a score between 0 and 1, `mm` for a distance; any other unit needs `worst`.
        worst: value of a missed or spurious structure; None: 0 or 1 for a score, the grid's diagonal for a distance.
        applies: whether it is computed for a structure that is measured with these options.
        headline: whether it stands in the first table of a report.
        key: whether it is plotted case by case and broken down by subgroup.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    function: Callable[[MaskPair], float]
    description: str = ""
    unit: str = ""
    worst: float | None = None
    applies: Callable[[MeasureOptions], bool] = always
    headline: bool = False
    key: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"name {self.name!r}, not lower-case letters, digits and underscores")
        if self.better not in ("higher", "lower"):
            raise ValueError(f"better {self.better!r}, neither higher nor lower")
        if self.unit not in ("", "mm") and self.worst is None:
            raise ValueError(f"{self.name} in {self.unit} without worst, the value of a missed structure")
        if self.unit == "mm" and self.better == "higher":
            raise ValueError(f"{self.name}: a distance of which more is better")

    @property
    def best(self) -> float:
        """Value of a perfect prediction."""
        return best_value(self.better)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value that it can take."""
        if self.worst is not None:
            return min(self.best, self.worst), max(self.best, self.worst)
        return 0.0, math.inf if self.unit == "mm" else 1.0

    def worst_on(self, grid: Grid) -> float:
        """Value of a missed or spurious structure on a grid."""
        if self.worst is not None:
            return self.worst
        if self.unit == "mm":
            corners = grid.corners_mm()
            return float(np.linalg.norm(corners[:, None] - corners[None], axis=-1).max())
        return 1.0 - self.best

    def compute(self, pair: MaskPair) -> float:
        """Its value for two masks that both hold something.

        Raises:
            ValueError: the value is not finite or outside the range; whatever else its function raises.
        """
        value = float(self.function(pair))
        low, high = self.range
        if not math.isfinite(value) or not low - _ROUNDING <= value <= high + _ROUNDING:
            raise ValueError(f"{value:g}, not a number between {low:g} and {high:g}")
        return value

    def as_entry(self) -> dict[str, Any]:
        """What is recorded of it in summary.json."""
        names = ("name", "title", "unit", "better", "headline", "key")
        return {name: getattr(self, name) for name in names}


def best_value(better: str) -> float:
    """Value of a perfect prediction."""
    return 1.0 if better == "higher" else 0.0


def column_title(entry: Mapping[str, Any]) -> str:
    """Heading of a measure's column in a report, from its entry in summary.json."""
    return f"{entry['title']} ({entry['unit']})" if entry["unit"] else str(entry["title"])


def check_names(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """The measures, of which no two may share a name.

    Raises:
        ValueError: two measures of one name.
    """
    by_name: dict[str, Measure] = {}
    for measure in measures:
        if measure.name in by_name:
            raise ValueError(f"two measures named {measure.name}")
        by_name[measure.name] = measure
    return tuple(by_name.values())
