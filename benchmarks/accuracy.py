"""Dice at equal training time: ours, a tuned MONAI U-Net and nnU-Net on one split.

    pip install -e .[peers]
    python -m benchmarks.accuracy DECATHLON [--ours 1.5 12 60] [--monai 3 12] [--nnunet 12] [--seeds 1]

DECATHLON is a Medical Decathlon folder named `hippocampus` or `acdc`, with a split.json of `train` and
`val`. Every training is a process of its own, one after the other, on all cores (with --together one beside the
other, each side on its own share of the cores); the clock of each runs while it trains. All predictions are
scored by `gnomon evaluate` on the references' own grids. Ours runs `experiment=` of the folder's name; up to
SHORT_MINUTES of training it does not augment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gnomon.evaluation import evaluate
from gnomon.preparation import read_raw_dataset
from gnomon.settings import EvaluateSettings

ROOT = Path(__file__).resolve().parents[1]
SHORT_MINUTES = 5.0


def ours(data: Path, output: Path, minutes: float, seed: int, cores: Sequence[int]) -> dict[str, Any]:
    """Run the command; its predictions go to `output`."""
    run = output.parent / f"{output.name}-run"
    short = ["training.data.augmentation.enabled=false"] if minutes <= SHORT_MINUTES else []
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        f"experiment={data.name}",
        f"data.root={data}",
        f"seed={seed}",
        f"training.max_minutes={minutes}",
        f"workspace={output.parent / 'ours'}",
        f"output={run}",
        "trackers.wandb=off",
        *short,
    ]
    subprocess.run([*on(cores), *command], check=True, stdout=subprocess.DEVNULL)
    (run / "predictions").rename(output)
    manifest = json.loads((run / "manifest.json").read_text())
    return {"steps": manifest["steps"], "parameters": manifest["parameters"]}


def on(cores: Sequence[int]) -> list[str]:
    """Prefix and environment that pin a command to some cores, with one thread for each."""
    return ["taskset", "-c", ",".join(map(str, cores)), "env", f"OMP_NUM_THREADS={len(cores)}"]


def peer(module: str, *more: str) -> Any:
    def work(data: Path, output: Path, minutes: float, seed: int, cores: Sequence[int]) -> dict[str, Any]:
        command = [
            sys.executable,
            "-m",
            f"benchmarks.peers.{module}",
            str(data),
            str(output),
            "--minutes",
            str(minutes),
        ]
        seeded = ["--seed", str(seed)] if more else []
        done = subprocess.run([*on(cores), *command, *seeded], check=True, capture_output=True, text=True, cwd=ROOT)
        facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return facts

    return work


SIDES = {"ours": ours, "monai": peer("monai_unet", "seed"), "nnunet": peer("nnunet")}


def score(data: Path, predictions: Path, output: Path) -> dict[str, float]:
    """Mean Dice and the Dice of each label."""
    source = read_raw_dataset(data, None, None, None)
    held_out = json.loads((data / "split.json").read_text())["val"]
    references = {case.name: case.label for case in source.cases if case.name in held_out}
    summary = evaluate(references, predictions, source.labels, output, EvaluateSettings()).summary
    return {"Dice": summary["mean_dice"], **{name: of["dice"] for name, of in summary["labels"].items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    for side in SIDES:
        parser.add_argument(f"--{side}", type=float, nargs="*", default=[], metavar="MINUTES")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--together", action="store_true", help="the sides at the same time, the cores shared out")
    asked = parser.parse_args()
    jobs = [(side, minutes, seed) for seed in asked.seeds for side in SIDES for minutes in getattr(asked, side)]
    jobs.sort(key=lambda job: (job[2], job[1]))  # what is compared runs one after the other, on one mood of the machine
    sides = list(dict.fromkeys(side for side, *_ in jobs))
    cores = sorted(os.sched_getaffinity(0))
    share = {side: cores[i :: len(sides)] if asked.together else cores for i, side in enumerate(sides)}
    one = ThreadPoolExecutor(1)
    pools = {side: ThreadPoolExecutor(1) if asked.together else one for side in sides}
    head = False
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / f"{side}-{minutes:g}-{seed}" for side, minutes, seed in jobs]
        running = [
            pools[side].submit(SIDES[side], asked.data.resolve(), place, minutes, seed, share[side])
            for (side, minutes, seed), place in zip(jobs, places)
        ]
        for (side, minutes, seed), place, done in zip(jobs, places, running):
            facts = done.result()
            scores = score(asked.data, place, Path(folder) / f"{place.name}-scores")
            settings = {"side": side, "minutes": f"{minutes:g}", "seed": seed, "cores": len(share[side])}
            row = {**settings, "steps": facts["steps"], **scores}
            if not head:
                print(f"| {' | '.join(row)} |\n|{' --- |' * len(row)}", flush=True)
                head = True
            cells = (f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values())
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
