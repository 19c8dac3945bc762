"""Populations of patients whose lesions are known without end: what a rule really loses can be counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from gnomon.postprocess.limits import SCORES, lesion_scores
from gnomon.postprocess.parts import CaseParts

SHAPES = ("normal", "heavy", "two kinds")


@dataclass(frozen=True)
class Population:
    """What patients are like.

    Attributes:
        shape: of the logarithm of lesions' volumes: normal; heavy tails; or a tenth of patients with a second,
            much smaller kind.
        share_with: of patients that have any.
        alike: share of the variance that lies between patients.
        apart: how many deviations false parts lie below true ones, in log volume and in logit.
    """

    shape: str
    share_with: float
    more: float
    alike: float
    false: float
    apart: float

    def case(self, name: str, fold: int, draw: np.random.Generator) -> CaseParts:
        """One patient, predicted while held out."""
        n = 1 + int(draw.poisson(self.more)) if draw.random() < self.share_with else 0
        volume, logit = self._logs(n, draw), self._between(n, draw) + 2.0
        voxels = np.maximum(1, np.rint(np.exp(volume))).astype(np.int64)
        seen = draw.random(n) < special.expit(volume - 2.5)
        n_false = int(draw.poisson(self.false))
        false = np.exp(draw.normal(5.5 - self.apart, 0.8, n_false))
        sizes = np.concatenate([voxels[seen] * np.exp(draw.normal(0, 0.3, int(seen.sum()))), false])
        sizes = np.maximum(1, np.rint(sizes)).astype(np.int64)
        right = np.concatenate([np.minimum(voxels[seen], sizes[: seen.sum()]), np.zeros(n_false)]).astype(np.int64)
        mean = special.expit(np.concatenate([logit[seen], draw.normal(2.0 - self.apart, 0.8, n_false)]))
        hits = np.stack([np.arange(int(seen.sum())), np.flatnonzero(seen)], axis=1)
        return CaseParts(name, name, fold, 1.0, int(voxels.sum()), voxels, sizes, right, mean, np.sqrt(mean), hits)

    def _between(self, n: int, draw: np.random.Generator) -> np.ndarray:
        return np.sqrt(self.alike) * draw.normal() + np.sqrt(1 - self.alike) * draw.normal(size=n)

    def _logs(self, n: int, draw: np.random.Generator) -> np.ndarray:
        if self.shape == "heavy":
            return 5.5 + 0.7 * draw.standard_t(4, n)
        logs = 5.5 + self._between(n, draw)
        if self.shape == "two kinds" and draw.random() < 0.1:
            logs = np.concatenate([logs[:1], draw.normal(3.0, 0.3, max(0, n - 1))])
        return logs


def populations(count: int, seed: int = 0) -> list[tuple[Population, int]]:
    """Populations with rare classes, and how many patients each data set has."""
    draw = np.random.default_rng(seed)
    out = []
    for i in range(count):
        one = Population(
            SHAPES[i % 3],
            float(draw.uniform(0.2, 1.0)),
            float(draw.uniform(0, 2)),
            float(draw.uniform(0, 0.6)),
            float(draw.uniform(0.3, 2)),
            float(draw.uniform(1, 4)),
        )
        out.append((one, int(draw.integers(8, 61))))
    return out


def lost_share(population: Population, kind: str, limit: float, seed: int, patients: int = 4000) -> float:
    """Share of lesions found that a limit loses, over many patients that no search saw."""
    draw = np.random.default_rng(seed)
    cases = [population.case(str(i), 0, draw) for i in range(patients)]
    scores = np.concatenate([lesion_scores(case, SCORES[kind](case)) for case in cases])
    return float((scores < limit).mean())
