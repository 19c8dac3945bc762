"""The hippocampus experiment as a user runs it: Dice, wall time to trained weights, peak memory.

    python benchmarks/hippocampus.py DECATHLON_TASK04 [--seeds 1 2] [--output FOLDER]

DECATHLON_TASK04 is a Medical Decathlon folder with a split.json of `train` and `val`. Every seed runs in a
fresh process and prepares its data anew, so that the wall time is that of the whole command.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_once(data: Path, seed: int, workspace: Path) -> dict[str, float]:
    """Run the command for one seed in an empty workspace and read what it left."""
    command = [sys.executable, str(ROOT / "train.py"), "experiment=hippocampus", f"data.root={data}", f"seed={seed}",
               f"workspace={workspace}"]  # fmt: skip
    began = time.time()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    whole_s = time.time() - began
    if status:
        sys.exit(f"the command ended with status {status}")
    run = next(workspace.glob("hippocampus-*"))
    summary = json.loads((run / "evaluation" / "summary.json").read_text())
    manifest = json.loads((run / "manifest.json").read_text())
    return {
        "seed": seed,
        "dice": summary["mean_dice"],
        **{f"dice {name}": values["dice"] for name, values in summary["labels"].items()},
        "minutes to weights": ((run / "manifest.json").stat().st_mtime - began) / 60,
        "minutes in all": whole_s / 60,
        "peak GiB": usage.ru_maxrss / 2**20,
        "weights": manifest["weights_sha256"][:12],
    }


def main() -> None:
    """Run every seed and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--output", type=Path, default=None)
    chosen = parser.parse_args()
    rows = []
    for seed in chosen.seeds:
        base = chosen.output or Path(tempfile.mkdtemp(prefix="isocenter-hippocampus-"))
        rows.append(run_once(chosen.data.resolve(), seed, base / f"seed-{seed}"))
    print("| " + " | ".join(rows[0]) + " |")
    print("| " + " | ".join("---" for _ in rows[0]) + " |")
    for row in rows:
        cells = (f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values())
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
