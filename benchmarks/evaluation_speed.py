"""Seconds and memory for Dice, HD95, ASSD and NSD of one case: ours and five libraries, each in a separate process.

    pip install -e .[peers]
    python -m benchmarks.evaluation_speed [TOTALSEGMENTATOR_FOLDER] [--rounds 3]

A made-up CT of 512 x 512 x 300 with two structures whose prediction is uneven by a few mm; and, where the folder
with `example_seg.nii.gz` is given, its many classes against themselves a voxel on. Every engine is handed label
arrays and spacing; the time does not hold reading. The vtk side measures meshes as MeshMetrics does (discrete
flying edges, vtkDistancePolyDataFilter); that package itself is in no index.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE_MM = 2.0
ONCE = "medpy"  # minutes a case: one round is enough
Score = dict[str, float]


def masks(truth: Any, found: Any, values: list[int]) -> Iterator[tuple[Any, Any]]:
    """Each class as two masks on the whole grid, as a user of a library would pass them."""
    for value in values:
        yield truth == value, found == value


def ours(engine: str) -> Callable[..., list[Score]]:
    def work(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
        from gnomon.core.geometry import Grid
        from gnomon.evaluation import HD95, MaskPair, MeasureOptions, all_measures
        from gnomon.evaluation.case import structure_blocks
        from gnomon.evaluation.scoring import score_structure

        grid, options = Grid.from_parts(truth.shape, spacing), MeasureOptions(TOLERANCE_MM, engine)
        named = {str(value): (value,) for value in values}
        pairs = [MaskPair(one, other, grid, options) for _, _, one, other in structure_blocks(truth, found, named)]
        rows = [score_structure(pair, all_measures()).row for pair in pairs]
        return [{"dice": row["dice"], "hd95": row[HD95], "assd": row["assd_mm"], "nsd": row["nsd"]} for row in rows]

    return work


def surface_distance(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
    import surface_distance as sd

    out = []
    for one, other in masks(truth, found, values):
        distances = sd.compute_surface_distances(one, other, spacing)
        there, back = sd.compute_average_surface_distance(distances)
        out.append(
            {
                "dice": sd.compute_dice_coefficient(one, other),
                "hd95": sd.compute_robust_hausdorff(distances, 95),
                "assd": (there + back) / 2,
                "nsd": sd.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
            }
        )
    return out


def monai(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
    import torch
    from monai import metrics as m

    out = []
    for one, other in masks(truth, found, values):
        y, p = (torch.from_numpy(np.stack([~mask, mask]))[None] for mask in (one, other))
        space = {"spacing": spacing, "include_background": False}
        out.append(
            {
                "dice": float(m.compute_dice(p, y, include_background=False)),
                "hd95": float(m.compute_hausdorff_distance(p, y, percentile=95, **space)),
                "assd": float(m.compute_average_surface_distance(p, y, symmetric=True, **space)),
                "nsd": float(m.compute_surface_dice(p, y, [TOLERANCE_MM], **space)),
            }
        )
    return out


def medpy(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
    from medpy.metric import binary

    return [
        {
            "dice": binary.dc(other, one),
            "hd95": binary.hd95(other, one, spacing),
            "assd": binary.assd(other, one, spacing),
            "nsd": float("nan"),
        }
        for one, other in masks(truth, found, values)
    ]


def simpleitk(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
    import SimpleITK as Sitk

    out = []
    for one, other in masks(truth, found, values):
        images = [Sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (one, other)]
        for image in images:
            image.SetSpacing(spacing[::-1])
        overlap = Sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(*images)
        sides = []
        for here, there in (images, images[::-1]):
            away = Sitk.Abs(Sitk.SignedMaurerDistanceMap(there, False, False, True))
            sides.append(Sitk.GetArrayFromImage(away)[Sitk.GetArrayFromImage(Sitk.LabelContour(here)) > 0])
        every = np.concatenate(sides)
        out.append(
            {
                "dice": overlap.GetDiceCoefficient(),
                "hd95": float(np.percentile(every, 95)),
                "assd": float(every.mean()),
                "nsd": float((every <= TOLERANCE_MM).mean()),
            }
        )
    return out


def vtk_meshes(truth: Any, found: Any, values: list[int], spacing: tuple[float, float, float]) -> list[Score]:
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    def mesh(mask: Any) -> Any:
        image = vtk.vtkImageData()
        image.SetDimensions(mask.shape)
        image.SetSpacing(spacing)
        image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(order="F").astype(np.uint8), deep=True))
        surface = vtk.vtkDiscreteFlyingEdges3D()
        surface.SetInputData(image)
        surface.SetValue(0, 1)
        surface.Update()
        return surface.GetOutput()

    out = []
    for one, other in masks(truth, found, values):
        held = np.argwhere(one | other)
        block = tuple(slice(max(0, low - 1), high + 2) for low, high in zip(held.min(0), held.max(0)))
        one, other = one[block], other[block]
        between = vtk.vtkDistancePolyDataFilter()
        between.SetInputData(0, mesh(one))
        between.SetInputData(1, mesh(other))
        between.SignedDistanceOff()
        between.Update()
        both = []
        for surface in (between.GetOutput(0), between.GetOutput(1)):
            sizes = vtk.vtkCellSizeFilter()
            sizes.SetInputData(surface)
            sizes.Update()
            cells = sizes.GetOutput().GetCellData()
            distance, area = (np.abs(vtk_to_numpy(cells.GetArray(name))) for name in ("Distance", "Area"))
            order = distance.argsort()
            both.append((distance[order], area[order]))
        far = [d[min(int(np.searchsorted(a.cumsum() / a.sum(), 0.95)), len(d) - 1)] for d, a in both]
        total = sum(a.sum() for _, a in both)
        out.append(
            {
                "dice": 2 * float((one & other).sum()) / float(one.sum() + other.sum()),
                "hd95": float(max(far)),
                "assd": float(sum(d @ a for d, a in both) / total),
                "nsd": float(sum(a[d <= TOLERANCE_MM].sum() for d, a in both) / total),
            }
        )
    return out


SIDES: dict[str, Callable[..., list[Score]]] = {
    "ours, fast": ours("fast"),
    "ours, mesh": ours("mesh"),
    "surface-distance": surface_distance,
    "MONAI": monai,
    "SimpleITK": simpleitk,
    "medpy": medpy,
    "vtk meshes": vtk_meshes,
}


def two_structures() -> tuple[Any, Any, tuple[float, float, float]]:
    """A large and a medium structure, and a prediction with a different surface."""
    from scipy import ndimage

    spacing, shape = (0.8, 0.8, 1.5), (512, 512, 300)
    sides = [np.zeros(shape, np.uint8) for _ in range(2)]
    for value, centre, radii_mm in ((1, (200, 250, 150), (85, 65, 70)), (2, (380, 260, 140), (30, 25, 45))):
        for side, label in enumerate(sides):
            draw = np.random.default_rng([value, side])
            half = [int(1.3 * r / s) for r, s in zip(radii_mm, spacing)]
            block = tuple(slice(c - h, c + h) for c, h in zip(centre, half))
            place = np.ogrid[tuple(slice(-h, h) for h in half)]
            away = sum((p * s / r) ** 2 for p, s, r in zip(place, spacing, radii_mm))
            bumps = ndimage.zoom(draw.normal(size=(9, 9, 9)), [2 * h / 9 for h in half], order=1)
            label[block][away + 0.06 * bumps < 1] = value
    return sides[0], sides[1], spacing


def many_classes(folder: Path) -> tuple[Any, Any, tuple[float, float, float]]:
    """A real label map of many classes against itself, shifted by one voxel along the first axis."""
    import nibabel as nib

    image = nib.load(folder / "example_seg.nii.gz")
    truth = np.asarray(image.dataobj).astype(np.uint8)
    found = np.zeros_like(truth)
    found[1:] = truth[:-1]
    x, y, z = (float(step) for step in image.header.get_zooms()[:3])
    return truth, found, (x, y, z)


def run_side(name: str, scene: Path) -> dict[str, Any]:
    """One library in this process: seconds, memory beyond the arrays, scores."""
    with np.load(scene) as held:
        truth, found, spacing = held["truth"], held["found"], tuple(float(step) for step in held["spacing"])
    values = [int(value) for value in np.unique(truth) if value and (found == value).any()]
    small = tuple(slice(0, 12) for _ in range(3))
    blob = np.zeros((12, 12, 12), np.uint8)
    blob[3:9, 3:9, 3:9] = 1
    SIDES[name](blob, np.roll(blob, 1, 0)[small], [1], spacing)  # imports and tables
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    scores = SIDES[name](truth, found, values, spacing)
    seconds = time.perf_counter() - began
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    means = {key: float(np.mean([one[key] for one in scores])) for key in scores[0]}
    return {"seconds": seconds, "MiB": peak, "classes": len(values), **means}


def main() -> None:
    if sys.argv[1:2] == ["side"]:
        print(json.dumps(run_side(sys.argv[2], Path(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenes = {"two structures": two_structures()}
        if asked.folder:
            scenes["many classes"] = many_classes(asked.folder)
        for title, (truth, found, spacing) in scenes.items():
            path = Path(folder) / f"{title}.npz"
            np.savez(path, truth=truth, found=found, spacing=spacing)
            taken: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
            for turn in range(asked.rounds):
                for name in SIDES if not turn else [name for name in SIDES if name != ONCE]:
                    command = [sys.executable, "-m", "benchmarks.evaluation_speed", "side", name, str(path)]
                    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
                    taken[name].append(json.loads(done.stdout.splitlines()[-1]))
            print_rows(title, truth.shape, taken)


def print_rows(title: str, shape: tuple[int, ...], taken: dict[str, list[dict[str, Any]]]) -> None:
    """Print the table of one scene."""
    classes = next(iter(taken.values()))[0]["classes"]
    print(f"\n{title}: {' x '.join(map(str, shape))} voxels, {classes} classes\n")
    print("| engine | seconds | times ours, fast | times ours, mesh | memory, MiB | Dice | HD95 | ASSD | NSD |")
    print("|" + " --- |" * 9)
    for name, rounds in taken.items():
        seconds = median(one["seconds"] for one in rounds)
        ratios = [
            median(one["seconds"] / own["seconds"] for one, own in zip(rounds, taken[f"ours, {engine}"]))
            for engine in ("fast", "mesh")
        ]
        last, peak = rounds[-1], median(one["MiB"] for one in rounds)
        print(
            f"| {name} | {seconds:.2f} | {ratios[0]:.1f} | {ratios[1]:.1f} | {peak:.0f} | "
            f"{last['dice']:.4f} | {last['hd95']:.3f} | {last['assd']:.3f} | {last['nsd']:.3f} |"
        )


if __name__ == "__main__":
    main()
