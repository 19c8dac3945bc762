"""The variation between seeds in words."""

from __future__ import annotations

from collections.abc import Sequence


def spread_sentence(deviation: float | None, seeds: Sequence[int]) -> str:
    """A sentence on the standard deviation between seeds; None: there was one seed only."""
    if deviation is None:
        return "One seed: the variation between trainings is not known."
    return f"Standard deviation between {len(seeds)} seeds: {deviation:.4f}."
