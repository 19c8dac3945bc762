"""Settings of the search for postprocessing rules."""

from __future__ import annotations

from gnomon.core.settings import section, setting
from gnomon.settings.evaluation import CONNECTIVITIES

SCORES = ("min_volume_mm3", "min_mean_probability", "min_peak_probability", "keep_k")


@section
class SearchSettings:
    """How a search decides which rules to adopt."""

    kinds: list[str] = setting(list(SCORES), "Properties that components may be removed by.", choices=SCORES)
    recall_margin: float = setting(
        0.02, "Share of lesions that a rule may lose, with 95 % confidence.", bounds=(1e-4, 0.5)
    )
    fewest_lesions: int = setting(
        15, "Number of independent lesions below which nothing is removed.", bounds=(3, 1_000_000)
    )
    organs: list[str] = setting(
        [], "Structures that a patient has once, by anatomy; their separate components are not lesions."
    )
    folds: int = setting(5, "Folds of patients, where splits= is not given.", bounds=(2, 1000))
    connectivity: int = setting(26, "Neighbours of a voxel in a connected component.", choices=CONNECTIVITIES)
