"""Pictures of numbers, as PNG: curves, distributions, groups, agreement, detection, calibration."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("Agg")

_COLOURS = ("#e6550d", "#3182bd", "#31a354", "#756bb1", "#d6a000", "#17a2a2", "#c51b7d", "#636363")
_IN_A_ROW = 3
_LETTERS = 24  # of names that fit beside each other below an axis


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
    return png(figure)


def class_curves(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Loss, and balanced accuracy on validation images, over the steps of a training (PNG)."""
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    loss_axes, score_axes = figure.subplots(1, 2)
    steps = [int(row["step"]) for row in rows]
    loss_axes.plot(steps, [float(row["loss"]) for row in rows], color="#333333", marker=".", lw=1.2)
    loss_axes.set(xlabel="step", ylabel="training loss (mean of an epoch)")
    score_axes.plot(steps, [float(row["balanced_accuracy"]) for row in rows], color=colour(0), marker=".", lw=1.2)
    score_axes.set(xlabel="step", ylabel="balanced accuracy", ylim=(0, 1.02))
    for axes in (loss_axes, score_axes):
        _plain(axes)
    return png(figure)


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
        axes.set_xticks(range(len(names)), names, fontsize=8, rotation=0 if len("".join(names)) < _LETTERS else 90)
        axes.set_title(title, fontsize=9)
        axes.set_xlim(-0.6, len(names) - 0.4)
        _plain(axes)
    return png(figure)


def forest(rows: Sequence[Mapping[str, Any]], whole: Mapping[str, float], title: str) -> bytes:
    """A line a group of cases: its mean and interval, a column a label; the grey line is the mean of all (PNG)."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    groups = list(dict.fromkeys((row["column"], row["group"]) for row in rows))
    figure = Figure(figsize=(9.0, 0.9 + 0.26 * len(groups)), layout="constrained")
    for column, (axes, label) in enumerate(zip(np.atleast_1d(figure.subplots(1, len(labels), sharey=True)), labels)):
        axes.axvline(whole[label], color="#999999", lw=0.8)
        for row in (row for row in rows if row["label"] == label):
            y = -groups.index((row["column"], row["group"]))
            if row["lower"] is not None:
                axes.plot([row["lower"], row["upper"]], [y, y], color=colour(column), lw=1.4)
            axes.plot([row["mean"]], [y], marker="s", ms=4, color=colour(column), alpha=0.4 if row["few"] else 1.0)
        axes.set_title(f"{label}: {title}", fontsize=9)
        sizes = {(row["column"], row["group"]): row["n_patients"] for row in rows}
        names = [f"{one}: {group} ({sizes[one, group]})" for one, group in groups]
        axes.set_yticks([-i for i in range(len(groups))], names, fontsize=7)
        _plain(axes)
    return png(figure)


def agreement(points: Mapping[str, Sequence[tuple[float, float]]], limits: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Bland and Altman's plot, a panel a label: predicted less true volume against their mean, in ml (PNG)."""
    figure, panels = _panels(len(points))
    for i, (axes, (name, pairs)) in enumerate(zip(panels, points.items())):
        truth, mine = np.array(pairs).reshape(-1, 2)[:, 0], np.array(pairs).reshape(-1, 2)[:, 1]
        axes.scatter((truth + mine) / 2, mine - truth, s=14, color=colour(i), alpha=0.75, linewidths=0)
        axes.axhline(limits[name]["bias_ml"], color="#222222", lw=1)
        for key in ("lower_limit_ml", "upper_limit_ml"):
            axes.axhline(limits[name][key], color="#222222", lw=1, ls="--")
        axes.set(xlabel="mean of the two volumes, ml", ylabel="predicted less true, ml")
        axes.set_title(name, fontsize=9)
        _plain(axes)
    return png(figure)


def detection(found: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes:
    """Free-response curves: share of lesions found against false ones a scan, a line a label (PNG)."""
    figure = Figure(figsize=(4.5, 3.0), layout="constrained")
    axes = figure.subplots()
    for i, (name, curve) in enumerate(found.items()):
        false, share = [0.0], [0.0]
        for point in curve:
            false.append(point["false_a_scan"])
            share.append(point["sensitivity"])
        axes.step(false, share, where="post", color=colour(i), label=name, marker=".", lw=1.2)
    axes.set(xlabel="false lesions a scan", ylabel="lesions found", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    return png(figure)


def calibration(found: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Reliability, a panel a label: how often voxels of a probability lie in the structure (PNG)."""
    figure, panels = _panels(len(found))
    for i, (axes, (name, one)) in enumerate(zip(panels, found.items())):
        axes.plot([0, 1], [0, 1], color="#999999", lw=0.8)
        p, share = ([row[key] for row in one["bins"]] for key in ("probability", "frequency"))
        axes.plot(p, share, color=colour(i), marker="o", ms=4, lw=1.2)
        axes.set(xlabel="probability", ylabel="share in the structure", xlim=(0, 1), ylim=(0, 1))
        axes.set_title(f"{name}: ECE {one['expected_calibration_error']:.3f}", fontsize=9)
        _plain(axes)
    return png(figure)


def parts_scatter(
    mm3: np.ndarray, other: np.ndarray, true: np.ndarray, what: str, limits: Mapping[str, float]
) -> bytes:
    """Volume of predicted parts against something else, true ones filled; a line where a limit lies (PNG)."""
    figure = Figure(figsize=(6.0, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(mm3[~true], other[~true], s=16, facecolors="none", edgecolors=_COLOURS[0], label="false", lw=0.9)
    axes.scatter(mm3[true], other[true], s=16, color=_COLOURS[1], label="true", lw=0)
    if "min_volume_mm3" in limits:
        axes.axvline(limits["min_volume_mm3"], color="#222222", lw=1, ls="--")
    if {"min_mean_probability", "keep_k"} & set(limits):
        at = limits["min_mean_probability"] if "min_mean_probability" in limits else 1.5 - limits["keep_k"]
        axes.axhline(at, color="#222222", lw=1, ls="--")
    axes.set(xscale="log", xlabel="volume, mm3", ylabel=what)
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    return png(figure)


def spacings(pixel_mm: Sequence[float], slice_mm: Sequence[float], groups: Sequence[str]) -> bytes:
    """Distance between slices against that between pixels, a point a volume, a colour a group (PNG)."""
    figure = Figure(figsize=(6.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for i, group in enumerate(sorted(set(groups))):
        points = [(x, y) for x, y, of in zip(pixel_mm, slice_mm, groups) if of == group]
        axes.scatter([x for x, _ in points], [y for _, y in points], s=18, alpha=0.7, color=colour(i), label=group)
    axes.set(xlabel="between pixels (mm)", ylabel="between slices (mm)", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=8, frameon=False)
    return png(figure)


def png(figure: Figure) -> bytes:
    """A figure as PNG, the same bytes each time."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, _IN_A_ROW)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.8 * rows), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
