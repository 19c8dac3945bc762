"""All header rules over millions of slices: time, memory, and the same findings for any order and thread count.

    python -m benchmarks.audit_scale [ROWS]

The table is made of clean CT series of four vendors, a hundred slices each, with one planted defect in a hundred
volumes; making it is not timed. Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.audit import audit_rules
from gnomon.audit.engine import run_checks
from gnomon.audit.tables import slice_table
from gnomon.dicom import IndexSettings, PseudonymMap, group_volumes, index_studies
from gnomon.rules.rule import Needs
from gnomon.settings.policy import Policy
from tests.audit.clean import CT_VENDORS, ct
from tests.dicom.ramp import save

SLICES_A_VOLUME = 100
PART_ROWS = 500_000


def base_table(folder: Path) -> pl.DataFrame:
    """The slices of one clean CT per vendor."""
    for vendor in CT_VENDORS:
        for k, data in enumerate(ct(np.random.default_rng(7), vendor)):
            save(data, folder / "studies" / f"{vendor[:3]}{k}")
    names = PseudonymMap.open(folder / "names.json", "k")
    index = index_studies(folder / "studies", folder / "i.parquet", names, IndexSettings(1), folder / "spool")
    return slice_table(group_volumes(index, folder / "digests.json", folder / "spool"))


def write_parts(base: pl.DataFrame, folder: Path, rows: int) -> int:
    """Write tables with `rows` slices in total; return the number of volumes with a defect."""
    folder.mkdir()
    firsts = base.group_by("volume_id", maintain_order=True).first()
    broken = 0
    for part in range(-(-rows // PART_ROWS)):
        count = min(PART_ROWS, rows - part * PART_ROWS)
        at = np.arange(count) + part * PART_ROWS
        volume, slice_number = at // SLICES_A_VOLUME, at % SLICES_A_VOLUME
        table = firsts[(volume % len(firsts)).tolist()].with_columns(
            volume_id=pl.Series([f"{v:016x}" for v in volume]),
            patient=pl.Series([f"p{v // 2:x}" for v in volume]),
            study_uid=pl.Series([f"1.2.{v}" for v in volume]),
            series_uid=pl.Series([f"1.3.{v}" for v in volume]),
            name=pl.Series([f"1.4.{v}.{k}" for v, k in zip(volume, slice_number)]),
            instance_number=pl.Series(slice_number.astype(float)),
        )
        bad = pl.Series(volume % 100 == 0)
        table = table.with_columns(burned_in=pl.when(bad).then(pl.lit("YES")).otherwise("burned_in"))
        broken += len(np.unique(volume[volume % 100 == 0]))
        table.write_parquet(folder / f"{part:05d}.parquet")
    return broken


def judge(folder: Path, shuffled: bool) -> None:
    """One measurement, printed as JSON."""
    files = sorted(folder.glob("*.parquet"))
    if shuffled:
        files = [files[i] for i in np.random.default_rng(1).permutation(len(files))]
    scan = pl.scan_parquet(files)
    if shuffled:
        scan = pl.concat([pl.scan_parquet(file).reverse() for file in files])
    checks = [check for check in audit_rules().checks if check.rule.needs is Needs.HEADER]
    stacks = (
        scan.group_by("volume_id")
        .agg(step_mm=pl.col("slice_thickness_mm").min())
        .with_columns(stacked=pl.lit(True))
        .collect(engine="streaming")
    )
    began = time.perf_counter()
    done = run_checks(scan, checks, Policy(), volume_tables=[stacks])
    seconds = time.perf_counter() - began
    text = "".join(json.dumps(row) + "\n" for row in done.findings.iter_rows(named=True))
    print(
        json.dumps(
            {
                "seconds": seconds,
                "rules": len(checks),
                "volumes": len(done.volumes),
                "found": int((done.findings["rule"] == "DCM703").sum()),
                "others": int((done.findings["severity"] != "info").sum()),
                "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "sha256": hashlib.sha256(text.encode()).hexdigest()[:16],
            }
        )
    )


def measure_audit(folder: Path, shuffled: bool, threads: int) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.audit_scale",
        "--judge",
        str(folder),
        *(["--shuffled"] if shuffled else []),
    ]
    done = subprocess.run(
        command, env={**os.environ, "POLARS_MAX_THREADS": str(threads)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=10_000_000)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--shuffled", action="store_true")
    asked = parser.parse_args()
    if asked.judge:
        judge(asked.judge, asked.shuffled)
        return
    print(
        "| rows | volumes | rules | order | threads | seconds | GiB | defects found | of | findings |\n"
        + "|---" * 10
        + "|"
    )
    with tempfile.TemporaryDirectory() as place:
        base = base_table(Path(place))
        for rows, runs in ((asked.rows, ((False, 2),)), (asked.rows // 10, ((False, 2), (True, 2), (False, 1)))):
            folder = Path(place) / str(rows)
            broken = write_parts(base, folder, rows)
            for shuffled, threads in runs:
                one = measure_audit(folder, shuffled, threads)
                order = "shuffled" if shuffled else "written"
                print(
                    f"| {rows:,} | {one['volumes']:,} | {one['rules']} | {order} | {threads} | {one['seconds']:.1f} "
                    f"| {one['gib']:.1f} | {one['found']} | {broken} | {one['sha256']} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
