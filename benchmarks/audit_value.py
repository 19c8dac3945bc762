"""The effect of the audit: a small net trained on a clean cohort, a corrupted copy, and the copy after the audit.

    python -m benchmarks.audit_value [--seeds 1 2 3]

The cohort is the phantom's. In the twin, of every eight training studies three were drawn by someone who takes the
viewer's left for the patient's (liver and spleen have each other's name), one lies turned about its long axis in its
header (and its labels with it), one has lost its rescale intercept, and one no longer declares its padding. All are
read without complaint by any converter. The audit rejects what cannot be repaired (DCM235, DCM232) and repairs the rest
(DCM125, DCM131). All are tested on the same clean studies, which no training saw.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pydicom

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.io.images import read_label, write_image
from gnomon.phantom import write_phantom
from gnomon.settings import PhantomSettings

STUDIES, TEST, EPOCHS = 128, 24, 12
EXCHANGED = np.array([0, 2, 1, 3], np.uint8)
TURN = np.array([-1.0, -1.0, 1.0])
KINDS = {
    2: "sides exchanged",
    3: "turned",
    4: "intercept lost",
    5: "padding undeclared",
    6: "sides exchanged",
    7: "sides exchanged",
}
LABELS = "{liver: 1, spleen: 2, lesion: 3}"
POLICY = "audit.decision={DCM231: reject, DCM232: reject}"
AS_IT_IS = ["preparation.audit=off", "conversion.intercept=keep", "conversion.undeclared_padding=keep"]


def corrupt(clean: Path, twin: Path, studies: int) -> dict[str, str]:
    """Write a corrupted copy of a cohort; return series -> defect. The last `TEST` studies are not changed."""
    shutil.copytree(clean, twin)
    planted: dict[str, str] = {}
    for number in range(studies - TEST):
        kind = KINDS.get(number % 8)
        if kind is None:
            continue
        for path in sorted((twin / "studies" / f"{number:04d}").iterdir()):
            data = pydicom.dcmread(path)
            if data.SOPClassUID != "1.2.840.10008.5.1.4.1.1.2" or "LOCALIZER" in data.ImageType:
                continue
            planted[data.SeriesInstanceUID] = kind
            if kind == "turned":
                data.ImagePositionPatient = [f"{v:.6f}" for v in np.array(data.ImagePositionPatient, float) * TURN]
                cosines = np.array(data.ImageOrientationPatient, float).reshape(2, 3) * TURN
                data.ImageOrientationPatient = [f"{v:.9g}" for v in cosines.ravel()]
            elif kind == "intercept lost":
                data.RescaleIntercept = str(float(data.RescaleIntercept) + 1024)
            elif kind == "padding undeclared":
                del data.PixelPaddingValue
            data.save_as(path)
    for series, kind in planted.items():
        path = twin / "labels" / f"{series}.nii.gz"
        label = read_label(path)
        voxels, grid = label.voxels.astype(np.uint8), label.grid
        if kind == "turned":
            write_image(path, voxels, Grid(grid.shape, np.diag([*TURN, 1.0]) @ grid.affine))
        elif kind == "sides exchanged":
            write_image(path, EXCHANGED[voxels], grid)
    return planted


def run_audit(root: Path, output: Path) -> pl.DataFrame:
    launch(
        "audit",
        [
            f"input={root / 'studies'}",
            f"output={output}",
            f"labels={root / 'labels'}",
            f"structures={LABELS}",
            POLICY,
            "audit.severity={DCM233: ignore}",
            "fail_on=never",
            "reading.thumbnails=false",
        ],
    )
    return pl.read_parquet(output / "volumes.parquet")


def train_and_evaluate(place: Path, root: Path, name: str, splits: Path, seed: int, audit: bool) -> dict[str, Any]:
    """Train and test one net; return the summary of its evaluation."""
    run = place / f"{name}-{seed}"
    launch(
        "train",
        [
            "experiment=phantom",
            f"name={name}",
            "data.kind=dicom",
            f"data.root={root / 'studies'}",
            f"data.labels={root / 'labels'}",
            f"data.label_names={LABELS}",
            f"preparation.splits.file={splits}",
            f"seed={seed}",
            f"workspace={place}",
            f"output={run}",
            f"training.epochs={EPOCHS}",
            POLICY,
            *([] if audit else AS_IT_IS),
            "data.known_findings=[DCM203,DCM211,DCM701,PRP101,PRP102,PRP201,AUD101]",
            "trackers.wandb=off",
            "trackers.tensorboard=false",
        ],
    )
    return dict(json.loads((run / "evaluation" / "summary.json").read_text()))


def splits_of(volumes: pl.DataFrame, test: set[str], path: Path) -> Path:
    """Train on all that may be trained on but the test's; a few of them guide the eye."""
    usable = volumes.filter(pl.col("usable"))
    train = sorted(usable.filter(~pl.col("series_uid").is_in(sorted(test)))["volume_id"])
    held = sorted(usable.filter(pl.col("series_uid").is_in(sorted(test)))["volume_id"])
    path.write_text(json.dumps({"train": train[2:], "val": train[:2], "test": held}))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--place", type=Path, help="keep everything here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = (asked.place or Path(temporary)).resolve()
        clean, twin = place / "clean", place / "twin"
        write_phantom(clean, PhantomSettings(studies=STUDIES))
        planted = corrupt(clean, twin, STUDIES)
        labelled = {path.name.removesuffix(".nii.gz") for path in (clean / "labels").iterdir()}
        of_study = {
            pydicom.dcmread(next(p for p in sorted(f.iterdir())), stop_before_pixels=True).StudyInstanceUID: int(f.name)
            for f in (clean / "studies").iterdir()
        }
        tables = {"clean": run_audit(clean, place / "audit-clean"), "audited": run_audit(twin, place / "audit-twin")}
        test = {
            series
            for series, study in tables["clean"].select("series_uid", "study_uid").rows()
            if STUDIES - TEST <= of_study[study] < STUDIES and series in labelled
        }
        read = pl.col("stacked") & (pl.col("slices") == 24) & pl.col("series_uid").is_in(sorted(labelled))
        good = ~pl.col("reasons").str.contains("DCM211|DCM701|DCM203") & (pl.col("step_mm") < 4.5)
        last = [uid for uid, study in of_study.items() if study == STUDIES + 1]  # its label lies elsewhere
        kept = read & good & ~pl.col("study_uid").is_in(last)
        sets = {
            "clean": (clean, tables["clean"].with_columns(usable=kept), False),
            "corrupted": (twin, tables["audited"].with_columns(usable=kept), False),
            "audited": (twin, tables["audited"].with_columns(usable=kept & (pl.col("decision") != "reject")), True),
        }
        judged = tables["audited"].filter(kept).select("series_uid", "decision").rows()
        decided = Counter((planted.get(series, "as it was"), decision) for series, decision in judged)
        print("| trained on | studies | seed | Dice | liver | spleen | lesion |\n" + "|---" * 7 + "|", flush=True)
        dice: dict[str, list[dict[str, float]]] = {name: [] for name in sets}
        for name, (root, volumes, audit) in sets.items():
            splits = splits_of(volumes, test, place / f"splits-{name}.json")
            count = len(json.loads(splits.read_text())["train"])
            for seed in asked.seeds:
                summary = train_and_evaluate(place, root, name, splits, seed, audit)
                dice[name].append({label: of["dice"] for label, of in summary["labels"].items()})
                each = " | ".join(f"{summary['labels'][label]['dice']:.4f}" for label in ("liver", "spleen", "lesion"))
                print(f"| {name} | {count} | {seed} | {summary['mean_dice']:.4f} | {each} |", flush=True)
        print("\n" + "; ".join(f"{kind}: {count} x {made}" for (kind, made), count in sorted(decided.items())))
        for told, names in (
            ("all three", ("liver", "spleen", "lesion")),
            ("liver and spleen", ("liver", "spleen")),
        ):
            whole, hurt, back = (float(np.mean([[one[name] for name in names] for one in of])) for of in dice.values())
            print(
                f"Dice of {told}: {whole:.4f} clean, {hurt:.4f} corrupted, {back:.4f} audited: "
                f"{(back - hurt) / (whole - hurt):.1%} of what was lost is back."
            )


if __name__ == "__main__":
    main()
