"""Mean and spread of results over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

GROUP_SCHEMA = "gnomon/group/1"


def mean_and_deviation(values: Sequence[float | None]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) of the values that exist; no deviation of fewer than two."""
    found = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(found)) if found else None,
        "deviation": float(np.std(found, ddof=1)) if len(found) > 1 else None,
    }
