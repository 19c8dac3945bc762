"""gnomon compare: two runs to the bit, or two evaluations with what chance could do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gnomon.commands.launch import DONE, FOUND
from gnomon.commands.sections import CompareCommand
from gnomon.evaluation import COLUMNS, compare_evaluations
from gnomon.io.artifacts import read_json, write_rows
from gnomon.io.console import say
from gnomon.io.folders import RunFolder
from gnomon.pipeline.comparison import differences, loss_divergence, same_weights
from gnomon.rules.catalogue.usage import COMPARISON_ARGUMENTS


def run(config: CompareCommand) -> int:
    """Compare; exit code 1 where the weights of two runs differ."""
    if (config.runs is None) == (config.evaluations is None):
        raise COMPARISON_ARGUMENTS.refusal("runs, evaluations", found="neither or both")
    if config.runs is not None:
        return _runs(*_two("runs", config.runs))
    return _evaluations(*_two("evaluations", config.evaluations), config)


def _two(name: str, given: Any) -> tuple[Path, Path]:
    places = [Path(str(place)).expanduser() for place in given]
    if len(places) != 2:
        raise COMPARISON_ARGUMENTS.refusal(
            name, found=f"{len(places)} folder(s)", expected="two folders", remedy=f"Set {name}=[A,B]."
        )
    return places[0], places[1]


def _runs(first: Path, second: Path) -> int:
    one, other = (read_json(RunFolder(place).manifest, "a finished run") for place in (first, second))
    for line in differences(one, other):
        say(f"  {line}")
    say(loss_divergence(one, other))
    if same_weights(one, other):
        say(f"the same weights, to the bit: {one['weights_sha256']}")
        return DONE
    say(f"different weights: {one['weights_sha256'][:16]} and {other['weights_sha256'][:16]}")
    return FOUND


def _evaluations(first: Path, second: Path, config: CompareCommand) -> int:
    margins = {str(name): float(value) for name, value in (config.margins or {}).items()}
    rows = compare_evaluations(first, second, margins)
    for row in rows:
        bounds = "" if row["lower"] is None else f", 95 % interval {row['lower']:+.4f} to {row['upper']:+.4f}"
        verdict = {None: "", True: ", not inferior", False: ", not shown to be not inferior"}[row["non_inferior"]]
        say(
            f"  {row['label']}, {row['measure']}: {row['first']:.4f} to {row['second']:.4f}, {row['difference']:+.4f}"
            f"{bounds}, p {row['p_mean_holm']:.3f} ({row['n_patients']} patients){verdict}"
        )
    say(f"p of the mean difference, corrected for {len(rows)} comparisons (Holm)")
    if config.output is not None:
        path = Path(str(config.output)).expanduser() / "comparison.csv"
        write_rows(path, rows, COLUMNS)
        say(f"all of it: {path}")
    return DONE
