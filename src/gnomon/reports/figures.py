"""Figures as PNG: training curves, distributions, forest plots, Bland-Altman, FROC and reliability diagrams."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gnomon.core.palette import LABEL_COLOURS, label_colour

matplotlib.use("Agg")

_INK, _GREY = "#222222", "#999999"
_PANELS_PER_ROW = 3
_LETTERS = 24  # of names that fit side by side below an axis


def training_curves(rows: Sequence[Mapping[str, str]], scores: Mapping[str, str], title: str) -> bytes:
    """Training loss and validation scores over the steps of a training (PNG).

    Args:
        rows: of metrics.csv.
        scores: column of each score, and its name in the legend.
        title: of the scores' axis.
    """
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    loss_axes, score_axes = figure.subplots(1, 2)
    steps = [int(row["step"]) for row in rows]
    loss_axes.plot(steps, [float(row["loss"]) for row in rows], color=_INK, marker=".", lw=1.2)
    loss_axes.set(xlabel="step", ylabel="training loss (mean per epoch)")
    for i, (column, name) in enumerate(scores.items()):
        if any(not row.get(column) for row in rows):  # a LightningModule of one's own need not log it
            continue
        values = [float(row[column]) for row in rows]
        score_axes.plot(steps, values, color=label_colour(i), marker=".", lw=1.2, label=name)
    score_axes.set(xlabel="step", ylabel=title, ylim=(0, 1.02))
    if score_axes.lines and (len(scores) > 1 or any(scores.values())):
        score_axes.legend(frameon=False, fontsize=8)
    for axes in (loss_axes, score_axes):
        _tidy(axes)
    return png(figure)


def distributions(rows: Sequence[Mapping[str, Any]], names: Sequence[str], measures: Mapping[str, str]) -> bytes:
    """Each case's value of each measure, one column per label; the bar is the median (PNG)."""
    figure = Figure(figsize=(9.0, 2.9), layout="constrained")
    for axes, (measure, title) in zip(np.atleast_1d(figure.subplots(1, len(measures))), measures.items()):
        for i, name in enumerate(names):
            values = np.array([row[measure] for row in rows if row["label"] == name and row[measure] is not None])
            if not values.size:
                continue
            spread = (np.argsort(np.argsort(values)) % 7 - 3) * 0.05
            axes.scatter(i + spread, values, s=14, color=label_colour(i), alpha=0.75, linewidths=0)
            axes.hlines(np.median(values), i - 0.28, i + 0.28, color=_INK, lw=1.5)
        axes.set_xticks(range(len(names)), names, fontsize=8, rotation=0 if len("".join(names)) < _LETTERS else 90)
        axes.set_title(title, fontsize=9)
        axes.set_xlim(-0.6, len(names) - 0.4)
        _tidy(axes)
    return png(figure)


def forest_plot(rows: Sequence[Mapping[str, Any]], whole: Mapping[str, float], title: str) -> bytes:
    """Mean and 95 % CI of each subgroup, one panel per label; the grey line is the mean of all cases (PNG)."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    groups = list(dict.fromkeys((row["column"], row["group"]) for row in rows))
    figure = Figure(figsize=(9.0, 0.9 + 0.26 * len(groups)), layout="constrained")
    for column, (axes, label) in enumerate(zip(np.atleast_1d(figure.subplots(1, len(labels), sharey=True)), labels)):
        axes.axvline(whole[label], color=_GREY, lw=0.8)
        for row in (row for row in rows if row["label"] == label):
            y = -groups.index((row["column"], row["group"]))
            if row["lower"] is not None:
                axes.plot([row["lower"], row["upper"]], [y, y], color=label_colour(column), lw=1.4)
            axes.plot(
                [row["mean"]], [y], marker="s", ms=4, color=label_colour(column), alpha=0.4 if row["few"] else 1.0
            )
        axes.set_title(f"{label}: {title}", fontsize=9)
        sizes = {(row["column"], row["group"]): row["n_patients"] for row in rows}
        names = [f"{one}: {group} ({sizes[one, group]})" for one, group in groups]
        axes.set_yticks([-i for i in range(len(groups))], names, fontsize=7)
        _tidy(axes)
    return png(figure)


def bland_altman(points: Mapping[str, Sequence[tuple[float, float]]], limits: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Bland-Altman plot, one panel per label: predicted minus reference volume against their mean, ml (PNG)."""
    figure, panels = _panels(len(points))
    for i, (axes, (name, pairs)) in enumerate(zip(panels, points.items())):
        truth, predicted = np.array(pairs).reshape(-1, 2)[:, 0], np.array(pairs).reshape(-1, 2)[:, 1]
        axes.scatter((truth + predicted) / 2, predicted - truth, s=14, color=label_colour(i), alpha=0.75, linewidths=0)
        axes.axhline(limits[name]["bias_ml"], color=_INK, lw=1)
        for key in ("lower_limit_ml", "upper_limit_ml"):
            axes.axhline(limits[name][key], color=_INK, lw=1, ls="--")
        axes.set(xlabel="mean of the two volumes, ml", ylabel="predicted minus reference, ml")
        axes.set_title(name, fontsize=9)
        _tidy(axes)
    return png(figure)


def froc_curves(found: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes:
    """FROC curves: lesion sensitivity against false positives per scan, one line per label (PNG)."""
    figure = Figure(figsize=(4.5, 3.0), layout="constrained")
    axes = figure.subplots()
    for i, (name, curve) in enumerate(found.items()):
        false, share = [0.0], [0.0]
        for point in curve:
            false.append(point["false_a_scan"])
            share.append(point["sensitivity"])
        axes.step(false, share, where="post", color=label_colour(i), label=name, marker=".", lw=1.2)
    axes.set(xlabel="false positives per scan", ylabel="lesion sensitivity", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return png(figure)


def reliability_diagrams(found: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Observed frequency against predicted probability of voxels, one panel per label (PNG)."""
    figure, panels = _panels(len(found))
    for i, (axes, (name, one)) in enumerate(zip(panels, found.items())):
        axes.plot([0, 1], [0, 1], color=_GREY, lw=0.8)
        p, share = ([row[key] for row in one["bins"]] for key in ("probability", "frequency"))
        axes.plot(p, share, color=label_colour(i), marker="o", ms=4, lw=1.2)
        axes.set(xlabel="predicted probability", ylabel="observed frequency", xlim=(0, 1), ylim=(0, 1))
        axes.set_title(f"{name}: ECE {one['expected_calibration_error']:.3f}", fontsize=9)
        _tidy(axes)
    return png(figure)


def parts_scatter(
    mm3: np.ndarray, other: np.ndarray, true: np.ndarray, what: str, limits: Mapping[str, float]
) -> bytes:
    """Volume of predicted parts against another score, true ones filled; dashed lines at the limits (PNG)."""
    figure = Figure(figsize=(6.0, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.scatter(mm3[~true], other[~true], s=16, facecolors="none", edgecolors=LABEL_COLOURS[0], label="false", lw=0.9)
    axes.scatter(mm3[true], other[true], s=16, color=LABEL_COLOURS[1], label="true", lw=0)
    if "min_volume_mm3" in limits:
        axes.axvline(limits["min_volume_mm3"], color=_INK, lw=1, ls="--")
    if {"min_mean_probability", "keep_k"} & set(limits):
        at = limits["min_mean_probability"] if "min_mean_probability" in limits else 1.5 - limits["keep_k"]
        axes.axhline(at, color=_INK, lw=1, ls="--")
    axes.set(xscale="log", xlabel="volume, mm3", ylabel=what)
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    return png(figure)


def spacings(pixel_mm: Sequence[float], slice_mm: Sequence[float], groups: Sequence[str]) -> bytes:
    """Slice spacing against pixel spacing, one point per volume, one colour per group (PNG)."""
    figure = Figure(figsize=(6.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for i, group in enumerate(sorted(set(groups))):
        points = [(x, y) for x, y, of in zip(pixel_mm, slice_mm, groups) if of == group]
        axes.scatter(
            [x for x, _ in points], [y for _, y in points], s=18, alpha=0.7, color=label_colour(i), label=group
        )
    axes.set(xlabel="pixel spacing (mm)", ylabel="slice spacing (mm)", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=8, frameon=False)
    return png(figure)


def png(figure: Figure) -> bytes:
    """A figure as PNG; the same bytes each time."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, _PANELS_PER_ROW)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.8 * rows), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
