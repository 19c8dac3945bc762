"""Pictures of cases: three planes through the largest error, and slices to scroll through."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gnomon.core.geometry import Grid, picture_plane, to_display
from gnomon.core.palette import label_colour, rgb
from gnomon.reports.figures import png
from gnomon.reports.page import Slices

_PLANES = (  # axis cut, name, horizontal axis, letters left to right, letters bottom to top
    (2, "axial", 0, ("R", "L"), ("P", "A")),
    (1, "coronal", 0, ("R", "L"), ("I", "S")),
    (0, "sagittal", 1, ("A", "P"), ("I", "S")),
)
_MOST_SLICES = 32
_WIDTH = 320  # of an axial slice, pixels
_QUALITY = 72


@dataclass(frozen=True, eq=False)
class CaseImages:
    """A case to draw: image, reference and prediction (x, y, z) in RAS+ order on one grid."""

    image: NDArray[np.float32]
    reference: NDArray[Any]
    prediction: NDArray[Any]
    grid: Grid


def three_planes(case: CaseImages, values: Sequence[int], names: Sequence[str]) -> bytes:
    """Three planes through the largest error; solid: reference, dashed: prediction (PNG)."""
    place = largest_error(case.reference, case.prediction)
    extent_mm = np.asarray(case.grid.shape) * case.grid.spacing_mm
    figure = Figure(figsize=(9.6, 3.5), layout="constrained")
    panels = figure.subplots(1, 3)
    low, high = _window(case.image)
    for axes, (axis, name, horizontal, across, upward) in zip(panels, _PLANES):
        vertical = 3 - axis - horizontal
        extent = (0.0, float(extent_mm[horizontal]), 0.0, float(extent_mm[vertical]))
        axes.imshow(
            picture_plane(case.image, axis, place[axis]),
            cmap="gray",
            vmin=low,
            vmax=high,
            origin="lower",
            extent=extent,
            interpolation="nearest",
        )
        for i, value in enumerate(values):
            for labels, style in ((case.reference, "solid"), (case.prediction, "dashed")):
                mask = picture_plane(labels, axis, place[axis]) == value
                if min(mask.shape) > 1 and mask.any() and not mask.all():
                    axes.contour(
                        mask,
                        [0.5],
                        colors=[label_colour(i)],
                        linewidths=1.3,
                        linestyles=style,
                        origin="lower",
                        extent=extent,
                    )
        axes.invert_xaxis()  # the patient's right, and front, on the viewer's left
        axes.set_aspect("equal")
        _letters(axes, across, upward)
        axes.set_title(f"{name}, {place[axis] * case.grid.spacing_mm[axis]:.0f} mm", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    if not names:
        return png(figure)
    lines = [Line2D([], [], color=label_colour(i), label=name) for i, name in enumerate(names)]
    lines += [
        Line2D([], [], color="#777777", ls=ls, label=text)
        for ls, text in (("solid", "reference"), ("dashed", "prediction"))
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), frameon=False, fontsize=8)
    return png(figure)


def axial_slices(case: CaseImages, values: Sequence[int], caption: str) -> Slices:
    """The axial slices that hold a structure, patient's right on the left; solid: reference, dotted: prediction."""
    either = (case.reference > 0) | (case.prediction > 0)
    filled = np.flatnonzero(either.any(axis=(0, 1)))
    first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (0, case.grid.shape[2] - 1)
    chosen = np.unique(np.linspace(first, last, min(_MOST_SLICES, last - first + 1)).round().astype(int))
    size_mm = np.asarray(case.grid.shape) * case.grid.spacing_mm
    width, height = _WIDTH, max(1, round(_WIDTH * float(size_mm[1] / size_mm[0])))
    window, drawn = _window(case.image), [case.reference, case.prediction]
    pictures = [_slice(case.image, drawn, values, int(k), (width, height), window) for k in chosen]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(pictures)).save(out, "JPEG", quality=_QUALITY, subsampling=0)
    worst = largest_error(case.reference, case.prediction)[2]
    return Slices(out.getvalue(), width, height, len(chosen), int(np.abs(chosen - worst).argmin()), caption)


def largest_error(reference: NDArray[Any], prediction: NDArray[Any]) -> tuple[int, int, int]:
    """For each axis the plane with the most differing voxels; where none differ, the plane with most structure."""
    wrong = reference != prediction
    if not wrong.any():
        wrong = reference > 0
    if not wrong.any():
        x, y, z = (size // 2 for size in reference.shape)
        return x, y, z
    x, y, z = (int(wrong.sum(axis=tuple(o for o in range(3) if o != axis)).argmax()) for axis in range(3))
    return x, y, z


def _slice(
    image: NDArray[np.float32],
    drawn: Sequence[NDArray[Any]],
    values: Sequence[int],
    index: int,
    size: tuple[int, int],
    window: tuple[float, float],
) -> NDArray[np.uint8]:
    """One axial slice with contours, (rows, columns, 3), anterior up, patient's right on the left."""
    low, high = window
    grey = np.clip((_screen(picture_plane(image, 2, index)) - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    canvas = np.array(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB"))
    rows, columns = np.indices(canvas.shape[:2])
    planes = [_screen(picture_plane(labels, 2, index)) for labels in drawn]
    for i, value in enumerate(values):
        for plane, shown in zip(planes, (True, (rows + columns) % 6 < 3)):
            mask = (plane == value).astype(np.uint8)
            if mask.any():
                large = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), bool)
                edge = large & ~ndimage.binary_erosion(large, iterations=2, border_value=1)
                canvas[edge & shown] = np.array(rgb(label_colour(i))) * 255
    return canvas


def _screen(plane: NDArray[Any]) -> NDArray[Any]:
    """A plane (rows to anterior, columns to right) in display orientation: anterior up, right on the left."""
    return to_display(plane, flip_columns=True)


def _window(image: NDArray[np.float32]) -> tuple[float, float]:
    low, high = np.percentile(image, [0.5, 99.5])
    return float(low), max(float(high), float(low) + 1e-6)


def _letters(axes: Axes, across: tuple[str, str], upward: tuple[str, str]) -> None:
    places = ((0.03, 0.5, across[0]), (0.97, 0.5, across[1]), (0.5, 0.03, upward[0]), (0.5, 0.97, upward[1]))
    for x, y, letter in places:
        axes.text(x, y, letter, transform=axes.transAxes, color="#ffe27a", ha="center", va="center", fontsize=9)
