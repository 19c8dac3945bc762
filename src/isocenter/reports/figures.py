"""Pictures for reports, as bytes: curves, distributions, and cases in three planes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from isocenter.geometry import Grid, picture_plane

matplotlib.use("Agg")

_COLOURS = ("#e6550d", "#3182bd", "#31a354", "#756bb1", "#d6a000", "#17a2a2", "#c51b7d", "#636363")
_PLANES = (  # axis cut, name, horizontal axis, letters left to right, letters bottom to top
    (2, "axial", 0, ("R", "L"), ("P", "A")),
    (1, "coronal", 0, ("R", "L"), ("I", "S")),
    (0, "sagittal", 1, ("A", "P"), ("I", "S")),
)


@dataclass(frozen=True, eq=False)
class PicturedCase:
    """A case to be drawn: image, reference and prediction in RAS+ order on one grid (x, y, z)."""

    image: NDArray[np.float32]
    reference: NDArray[Any]
    prediction: NDArray[Any]
    grid: Grid


def colour(index: int) -> str:
    """The colour of a label, by its place in the scheme."""
    return _COLOURS[index % len(_COLOURS)]


def curves(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> bytes:
    """Loss, and Dice on validation patches, over the steps of a training (PNG)."""
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    loss_axes, dice_axes = figure.subplots(1, 2)
    steps = [int(row["step"]) for row in rows]
    loss_axes.plot(steps, [float(row["loss"]) for row in rows], color="#333333", marker=".", lw=1.2)
    loss_axes.set(xlabel="step", ylabel="training loss (mean of an epoch)")
    for i, name in enumerate(names):
        values = [float(row[f"patch_dice/{name}"]) for row in rows]
        dice_axes.plot(steps, values, color=colour(i), marker=".", lw=1.2, label=name)
    dice_axes.set(xlabel="step", ylabel="Dice on validation patches", ylim=(0, 1))
    dice_axes.legend(frameon=False, fontsize=8)
    for axes in (loss_axes, dice_axes):
        _plain(axes)
    return _png(figure)


def distributions(rows: Sequence[Mapping[str, Any]], names: Sequence[str], measures: Mapping[str, str]) -> bytes:
    """Every case's value of each measure, a column a label; the bar is the median (PNG)."""
    figure = Figure(figsize=(9.0, 2.9), layout="constrained")
    for axes, (measure, title) in zip(np.atleast_1d(figure.subplots(1, len(measures))), measures.items()):
        for i, name in enumerate(names):
            values = np.array([row[measure] for row in rows if row["label"] == name and row[measure] is not None])
            if not values.size:
                continue
            spread = (np.argsort(np.argsort(values)) % 7 - 3) * 0.05
            axes.scatter(i + spread, values, s=14, color=colour(i), alpha=0.75, linewidths=0)
            axes.hlines(np.median(values), i - 0.28, i + 0.28, color="#222222", lw=1.5)
        axes.set_xticks(range(len(names)), names, fontsize=8)
        axes.set_title(title, fontsize=9)
        axes.set_xlim(-0.6, len(names) - 0.4)
        _plain(axes)
    return _png(figure)


def three_planes(case: PicturedCase, values: Sequence[int], names: Sequence[str]) -> bytes:
    """A case in three planes through its largest error; solid: reference, dashed: prediction (PNG)."""
    place = largest_error(case.reference, case.prediction)
    extent_mm = np.asarray(case.grid.shape) * case.grid.spacing_mm
    figure = Figure(figsize=(9.6, 3.5), layout="constrained")
    panels = figure.subplots(1, 3)
    low, high = np.percentile(case.image, [0.5, 99.5])
    for axes, (axis, name, horizontal, across, upward) in zip(panels, _PLANES):
        vertical = 3 - axis - horizontal
        extent = (0.0, float(extent_mm[horizontal]), 0.0, float(extent_mm[vertical]))
        axes.imshow(
            picture_plane(case.image, axis, place[axis]), cmap="gray", vmin=low, vmax=max(high, low + 1e-6),
            origin="lower", extent=extent, interpolation="nearest",
        )  # fmt: skip
        for i, value in enumerate(values):
            for labels, style in ((case.reference, "solid"), (case.prediction, "dashed")):
                mask = picture_plane(labels == value, axis, place[axis])
                if mask.any() and not mask.all():
                    axes.contour(mask, [0.5], colors=[colour(i)], linewidths=1.3, linestyles=style,
                                 origin="lower", extent=extent)  # fmt: skip
        axes.invert_xaxis()  # the patient's right, and front, on the viewer's left
        axes.set_aspect("equal")
        _letters(axes, across, upward)
        axes.set_title(f"{name}, {place[axis] * case.grid.spacing_mm[axis]:.0f} mm", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    lines = [Line2D([], [], color=colour(i), label=name) for i, name in enumerate(names)]
    lines += [Line2D([], [], color="#777777", ls=ls, label=text)
              for ls, text in (("solid", "reference"), ("dashed", "prediction"))]  # fmt: skip
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False, fontsize=8)
    return _png(figure)


def largest_error(reference: NDArray[Any], prediction: NDArray[Any]) -> tuple[int, int, int]:
    """For each axis the plane with the most voxels that differ; the middle of the structures where none do."""
    wrong = reference != prediction
    if not wrong.any():
        wrong = reference > 0
    if not wrong.any():
        x, y, z = (size // 2 for size in reference.shape)
        return x, y, z
    x, y, z = (int(wrong.sum(axis=tuple(o for o in range(3) if o != axis)).argmax()) for axis in range(3))
    return x, y, z


def _letters(axes: Axes, across: tuple[str, str], upward: tuple[str, str]) -> None:
    places = ((0.03, 0.5, across[0]), (0.97, 0.5, across[1]), (0.5, 0.03, upward[0]), (0.5, 0.97, upward[1]))
    for x, y, letter in places:
        axes.text(x, y, letter, transform=axes.transAxes, color="#ffe27a", ha="center", va="center", fontsize=9)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()
