"""Measures against closed-form answers: ours beside six engines, on what they are known to get wrong.

pip install -e .[test,peers]
python -m benchmarks.metrics [docs/metrics.md]
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from benchmarks import evaluation_speed
from benchmarks.evaluation_speed import SIDES

NOTHING = float("nan")
Spacing = tuple[float, float, float]


def boxes(size: tuple[int, int, int], axis: int, steps: int) -> tuple[Any, Any]:
    """A box, and the same some voxels on along an axis."""
    shape = [edge + 6 + steps for edge in size]
    one, other = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    block = [slice(3, 3 + edge) for edge in size]
    one[tuple(block)] = 1
    block[axis] = slice(3 + steps, 3 + steps + size[axis])
    other[tuple(block)] = 1
    return one, other


def satellite() -> tuple[Any, Any]:
    """A sphere of 10 mm, and the same with a false one of 3 mm whose centre lies 30 mm away; slices of 5 mm."""
    spacing, shape = (5.0, 0.8, 0.8), (13, 34, 72)
    place = [(np.arange(n) + 0.5) * s for n, s in zip(shape, spacing)]
    z, y, x = np.meshgrid(*place, indexing="ij")
    sphere = (z - 32.5) ** 2 + (y - 13.6) ** 2 + (x - 13.6) ** 2 <= 100
    small = (z - 32.5) ** 2 + (y - 13.6) ** 2 + (x - 43.6) ** 2 <= 9
    return sphere.astype(np.uint8), (sphere | small).astype(np.uint8)


VECTORS: dict[str, tuple[tuple[Any, Any], Spacing, float, dict[str, float]]] = {
    "box, one slice of 5 mm on": (boxes((10, 40, 40), 0, 1), (5, 0.8, 0.8), 2, {"assd": 1.231850, "nsd": 0.740530}),
    "box, 4 mm on within the slice": (boxes((10, 40, 40), 2, 5), (5, 0.8, 0.8), 2, {"assd": 1.525253, "nsd": 0.619318}),
    "cube of 1 mm voxels, 4 mm on": (boxes((20, 20, 20), 0, 4), (1, 1, 1), 1, {"assd": 1.368889, "nsd": 0.598333}),
    "sphere with a satellite": (satellite(), (5, 0.8, 0.8), 2, {"hd95": 19.513}),
}
EMPTIES = {"missed": (True, False), "false": (False, True), "both empty": (False, False)}


def score_peers(name: str, truth: Any, found: Any, spacing: Spacing, tolerance_mm: float) -> dict[str, float]:
    """An engine's scores of one structure."""
    evaluation_speed.TOLERANCE_MM = tolerance_mm
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return SIDES[name](truth, found, [1], tuple(float(step) for step in spacing))[0]


def vectors() -> list[str]:
    """A table: each engine's ASSD, NSD or HD95, and how far it is off."""
    lines = []
    head = [f"{title}: {measure}" for title, (*_, exact) in VECTORS.items() for measure in exact]
    exact_values = [value for *_, exact in VECTORS.values() for value in exact.values()]
    lines += ["| engine | " + " | ".join(head) + " |", "|" + " --- |" * (len(head) + 1)]
    lines.append("| closed form | " + " | ".join(f"{value:.4f}" for value in exact_values) + " |")
    for name in SIDES:
        cells = []
        for (truth, found), spacing, tolerance_mm, exact in VECTORS.values():
            scores = score_peers(name, truth, found, spacing, tolerance_mm)
            for measure, value in exact.items():
                off = scores[measure] / value - 1
                cells.append("-" if np.isnan(off) else f"{scores[measure]:.4f} ({off:+.1%})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def empties() -> list[str]:
    """A table: what each engine says of a missed structure, a false one, and none at all."""
    lines = ["| engine | " + " | ".join(f"{kind}: Dice, HD95" for kind in EMPTIES) + " |", "| --- | --- | --- | --- |"]
    blob = boxes((6, 6, 6), 0, 1)[0]
    for name in (name for name in SIDES if name != "vtk meshes"):
        cells = []
        for has_truth, has_found in EMPTIES.values():
            try:
                scores = score_peers(name, blob * has_truth, blob * has_found, (1, 1, 1), 1)
                shown = [scores[key] for key in ("dice", "hd95")]
                cells.append(", ".join("not counted" if one is None else f"{one:.3g}" for one in shown))
            except Exception as error:
                cells.append(f"{type(error).__name__}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


CHANGES = {
    "the same": lambda image: image,
    "directions of x and y turned": lambda image: change_affine(image, np.diag([-1, -1, 1, 1])),
    "origin 50 mm on": lambda image: change_affine(
        image, np.array([[1, 0, 0, 50], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    ),
    "origin 50 mm on and 50 mm back": lambda image: change_affine(
        image, np.array([[1, 0, 0, 50], [0, 1, 0, -50], [0, 0, 1, 0], [0, 0, 0, 1]])
    ),
    "spacing twice as large": lambda image: change_affine(image, np.diag([2, 2, 2, 1])),
    "one slice of twenty": lambda image: image.slicer[:, :, 9:10],
    "axes in another order, header too": lambda image: nib.as_closest_canonical(
        nib.Nifti1Image(np.asarray(image.dataobj), image.affine)
    ).as_reoriented(np.array([[1, 1], [0, -1], [2, 1]])),
}


def change_affine(image: Any, change: Any) -> Any:
    """The same voxels under another header."""
    return nib.Nifti1Image(np.asarray(image.dataobj), change @ image.affine)


def geometry() -> list[str]:
    """A table: what ours and nnU-Net say of a perfect prediction whose header is not the reference's."""
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    from gnomon.core.labels import LabelScheme
    from gnomon.evaluation import evaluate
    from gnomon.settings import EvaluateSettings

    draw = np.random.default_rng(0)
    label = np.zeros((24, 30, 20), np.uint8)
    label[4:15, 6:20, 5:14] = draw.integers(0, 2, (11, 14, 9))
    label[8:12, 8:12, 8:12] = 1
    affine = np.diag([0.8, 0.8, 2.5, 1.0])
    affine[:3, 3] = -30, 12, 5
    reference = nib.Nifti1Image(label, affine)
    lines = ["| prediction: the reference, but | right answer | Gnomon | nnU-Net |", "| --- | --- | --- | --- |"]
    for title, change in CHANGES.items():
        with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
            folder = Path(place)
            truth, found = folder / "r" / "c.nii.gz", folder / "p" / "c.nii.gz"
            for path, image in ((truth, reference), (found, change(reference))):
                path.parent.mkdir()
                nib.save(image, path)
            scheme, settings = LabelScheme(("a",), (1,)), EvaluateSettings(workers=1)
            done = evaluate({"c": truth}, found.parent, scheme, folder / "e", settings)
            rules = ", ".join(one.rule for one in done.findings)
            mine = f"Dice {done.rows[0]['dice']:.2f}{', finding ' + rules if rules else ''}"
            try:
                theirs = compute_metrics(str(truth), str(found), SimpleITKIO(), [1])
                peer = f"Dice {theirs['metrics'][1]['Dice']:.2f}"
            except Exception as error:
                peer = type(error).__name__
        right = "Dice 1" if title in ("the same", "axes in another order, header too") else "refused"
        lines.append(f"| {title} | {right} | {mine} | {peer} |")
    return lines


def main() -> None:
    packages = ("gnomon", "surface-distance", "monai", "SimpleITK", "medpy", "vtk", "nnunetv2")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    text = "\n".join(
        [
            "# Measures against closed-form answers",
            "",
            "Results of eight engines on shapes whose distances are known in closed form. Made by",
            "",
            "    pip install -e .[test,peers]",
            "    python -m benchmarks.metrics docs/metrics.md",
            "",
            f"with {versions}.",
            "",
            "MONAI, SimpleITK and medpy count border voxels, each as one, whatever its surface area; their HD95 "
            "differs",
            "from ours, too, which is the larger of the two directed percentiles, by area. *vtk meshes* measures as",
            "MeshMetrics does. Times and memory: `benchmarks/README.md`.",
            "",
            "## Shifted boxes, and a distant speck",
            "",
            "The sphere lies on slices of 5 mm, whose staircase limits every engine.",
            "",
            *vectors(),
            "",
            "## Empty masks",
            "",
            "Ours gives a missed and a spurious structure the worst value: 0, and the diagonal of the grid; a "
            "structure on",
            "neither side is counted separately. Most averages drop a NaN, so that predicting nothing pays.",
            "",
            *empties(),
            "",
            "## A header that differs from the reference",
            "",
            *geometry(),
            "",
        ]
    )
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
