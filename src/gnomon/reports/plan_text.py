"""Why the plan is what it is, in words: for each axis and each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json

_AXES = "xyz"
_LOPSIDED = 2.0  # reach along one axis against another


def plan_text(dataset: Dataset, net: Mapping[str, Any], parameters: int, step_bytes: int) -> str:
    """The plan of a data set for a net of so many weights whose step takes so many bytes."""
    index = read_json(dataset.folder.index, "the prepared data set")
    plan, found = dataset.plan, index["fingerprint"]
    shaped = plan.topology
    patch_mm = [edge * step for edge, step in zip(shaped.patch, plan.spacing_mm)]
    reach_mm = shaped.receptive_field_mm(plan.spacing_mm)
    lines = [
        f"data     {found['n_cases']} cases; the median has {_by(found['median_shape'])} voxels"
        f" of {_by(found['median_spacing_mm'])} mm",
        *_spacing_lines(plan.spacing_mm, found["median_spacing_mm"]),
        f"values   {_values_line(plan.normalisation)}",
        f"patch    {_by(shaped.patch)} voxels, {_by(patch_mm)} mm; a multiple of {_by(shaped.divisor)}",
        f"batch    {plan.batch}",
        *_stage_lines(shaped, plan.spacing_mm),
        f"reach    {_by(reach_mm)} mm: what a voxel of the bottleneck sees",
        f"net      {net['name']}, {parameters / 1e6:.2f} million weights",
        f"memory   a step takes about {step_bytes / 2**30:.1f} GiB",
    ]
    if max(reach_mm) > _LOPSIDED * min(reach_mm):
        near, far = _AXES[reach_mm.index(min(reach_mm))], _AXES[reach_mm.index(max(reach_mm))]
        lines.append(f"  mind   along {near} the net sees less than half as far as along {far}")
    return "\n".join(lines)


def _spacing_lines(spacing_mm: Sequence[float], median_mm: Sequence[float]) -> list[str]:
    lines = [f"spacing  {_by(spacing_mm)} mm"]
    for axis, wanted, median in zip(_AXES, spacing_mm, median_mm):
        why = "the median of the cases"
        if abs(wanted - median) > 1e-4 * median:
            why = f"not the median {median:.4g}: as it was set"
            if wanted < median == max(median_mm):
                why += ", or the 10th percentile of an axis that is coarse and short"
        lines.append(f"  {axis}      {wanted:.4g} mm, {why}")
    return lines


def _values_line(normalisation: Any) -> str:
    if normalisation.kind == "window":
        return f"clamped to {normalisation.lower:g} to {normalisation.upper:g} (of the structures), then -1 to 1"
    return "each image clamped to its own 0.5 and 99.5 percentile, then mean 0 and deviation 1"


def _stage_lines(shaped: Any, spacing_mm: Sequence[float]) -> list[str]:
    size = list(shaped.patch)
    lines = [f"stages   {shaped.n_stages}: voxels, step into it, kernel, and why"]
    for i, (stride, kernel, reason) in enumerate(zip(shaped.strides, shaped.kernels, shaped.reasons)):
        size = [edge // step for edge, step in zip(size, stride)]
        lines.append(f"  {i}      {_by(size):15} {_by(stride):9} {_by(kernel):9}  {reason}")
    return lines


def _by(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
