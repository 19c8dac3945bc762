"""The search for rules: all limits at once against removal and measurement of each; and the real loss of adopted rules.

    python -m benchmarks.postprocessing [--scenes 1000] [--sets 200] [--seed 0]

Prints, for random scenes of 48 x 40 x 24 and for one scan of 160 x 160 x 80, the largest difference in Dice, the
lesions counted differently and the ratio of times; then, over simulated data sets with rare classes, how many adopted
a rule that loses more lesions of the population than the margin, with the upper 95 % bound of that share.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gnomon.core.components import label_components
from gnomon.core.geometry import Grid
from gnomon.postprocess import PostprocessRule, RuleSet, apply_rules
from gnomon.postprocess.decisions import decide_rules
from gnomon.postprocess.guards import upper_bound
from gnomon.postprocess.limits import SCORES, sweep_limits
from gnomon.postprocess.parts import CaseParts
from gnomon.settings import SearchSettings
from tests.postprocess.population import SHAPES, lost_share, populations
from tests.postprocess.scenes import parts_of, random_scene

SCENE = Grid.from_parts((48, 40, 24), (0.8, 0.8, 2.5))
Scene = tuple[np.ndarray, np.ndarray, np.ndarray, Grid]


def scenes(count: int, seed: int) -> Iterator[Scene]:
    for i in range(count):
        draw = np.random.default_rng([seed, i])
        yield (*random_scene(draw, SCENE.shape, 40), SCENE)


def scan(seed: int) -> Iterator[Scene]:
    """One scan with fifty boxes."""
    draw = np.random.default_rng(seed)
    shape = (160, 160, 80)
    truth, found = np.zeros(shape, bool), np.zeros(shape, bool)
    for i in range(50):
        first, size = [int(draw.integers(0, edge - 16)) for edge in shape], draw.integers(2, 14, 3)
        box = tuple(slice(f, f + int(s)) for f, s in zip(first, size))
        (truth if i % 3 == 0 else found)[box] = True
        if i % 3 == 1:
            truth[box] = True
    yield truth, found, draw.integers(0, 65, shape) / 64, Grid.from_parts(shape, (0.8, 0.8, 1.5))


def compare(name: str, given: Iterator[Scene]) -> None:
    """All limits of all kinds, both ways; the time of the analytic side includes measuring the components."""
    mine_s = brute_s = sweep_s = 0.0
    limits_tried, apart, miscounted = 0, 0.0, 0
    for truth, found, probability, grid in given:
        began = time.perf_counter()
        case = parts_of("scene", truth, found, probability, grid)
        measured = time.perf_counter()
        limits = {kind: _limits(case, score) for kind, score in SCORES.items()}
        swept = {kind: sweep_limits([case], SCORES[kind], limits[kind]) for kind in SCORES}
        ended = time.perf_counter()
        mine_s, sweep_s = mine_s + ended - began, sweep_s + ended - measured
        for kind in SCORES:
            for column, limit in enumerate(limits[kind]):
                began = time.perf_counter()
                dice, hit = time_removal(truth, found, probability, grid, kind, limit)
                brute_s += time.perf_counter() - began
                limits_tried += 1
                apart = max(apart, abs(dice - swept[kind].dice[0, column]))
                miscounted += int(hit != swept[kind].found[0, column])
    print(
        f"{name}: {limits_tried} limits; largest difference in Dice {apart:.1e}, lesions counted differently "
        f"{miscounted}; {brute_s:.2f} s against {mine_s:.3f} s, parts measured once ({brute_s / mine_s:.0f}x), of "
        f"which {sweep_s:.3f} s for the limits ({brute_s / sweep_s:.0f}x)",
        flush=True,
    )


def time_removal(
    truth: np.ndarray, found: np.ndarray, probability: np.ndarray, grid: Grid, kind: str, limit: float
) -> tuple[float, int]:
    """Apply the rule to the voxels, then measure Dice and the detected lesions."""
    setting = {"keep_k": 1 - int(limit)} if kind == "keep_k" else {kind: float(limit)}
    spec = RuleSet((PostprocessRule("x", "a trial", **setting),), (("x", 1),))
    kept = apply_rules(spec, found.astype(np.uint8), grid, {"x": probability})[0] > 0
    lesions, _ = label_components(truth)
    total = int(kept.sum() + truth.sum())
    hit = set(np.unique(lesions[kept]).tolist()) - {0}
    return (2 * int((kept & truth).sum()) / total if total else 1.0), len(hit)


def _limits(case: CaseParts, score: Callable[[CaseParts], Any]) -> np.ndarray:
    return np.unique(score(case))


def simulate(count: int, seed: int) -> None:
    settings = SearchSettings()
    for shape in (*SHAPES, "all"):
        adopted = worse = sets = 0
        for i, (population, patients) in enumerate(populations(count, seed)):
            if shape not in ("all", population.shape):
                continue
            sets += 1
            draw = np.random.default_rng([seed, i])
            cases = [population.case(str(j), j % 5, draw) for j in range(patients)]
            good = [verdict for verdict in decide_rules("rare", cases, settings) if verdict.adopted]
            adopted += len(good)
            worse += any(lost_share(population, v.kind, v.limit, i) > settings.recall_margin for v in good)
        bound = upper_bound(worse, sets)
        print(
            f"{shape}: {sets} data sets, {adopted} with a rule, {worse} lose more than {settings.recall_margin:g} "
            f"of lesions: {worse / sets:.3f}, upper bound {bound:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    compare(f"{given.scenes} random scenes", scenes(given.scenes, given.seed))
    compare("one scan", scan(given.seed))
    simulate(given.sets, given.seed)


if __name__ == "__main__":
    main()
