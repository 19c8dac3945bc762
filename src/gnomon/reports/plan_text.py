"""The plan of a data set as text, with a reason for each axis and stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.dataset.dataset import Dataset
from gnomon.io.artifacts import read_json

_AXES = "xyz"
_ANISOTROPIC = 2.0  # ratio of the receptive field along two axes


def describe_plan(dataset: Dataset, net: Mapping[str, Any], parameters: int, step_bytes: int) -> str:
    """The plan of a data set for a net.

    Args:
        net: its settings.
        parameters: number of weights.
        step_bytes: memory of a training step.
    """
    index = read_json(dataset.folder.index, "the prepared data set")
    plan, fingerprint = dataset.plan, index["fingerprint"]
    topology = plan.topology
    patch_mm = [edge * step for edge, step in zip(topology.patch, plan.spacing_mm)]
    reach_mm = topology.receptive_field_mm(plan.spacing_mm)
    lines = [
        f"data     {fingerprint['n_cases']} cases; the median has {_by(fingerprint['median_shape'])} voxels"
        f" of {_by(fingerprint['median_spacing_mm'])} mm",
        *_spacing_lines(plan.spacing_mm, fingerprint["median_spacing_mm"]),
        f"values   {_values_line(plan.normalisation)}",
        f"patch    {_by(topology.patch)} voxels, {_by(patch_mm)} mm; a multiple of {_by(topology.divisor)}",
        f"batch    {plan.batch}",
        *_stage_lines(topology, plan.spacing_mm),
        f"reach    {_by(reach_mm)} mm: receptive field of a bottleneck voxel",
        f"net      {net['name']}, {parameters / 1e6:.2f} million parameters",
        f"memory   a training step takes about {step_bytes / 2**30:.1f} GiB",
    ]
    if max(reach_mm) > _ANISOTROPIC * min(reach_mm):
        near, far = _AXES[reach_mm.index(min(reach_mm))], _AXES[reach_mm.index(max(reach_mm))]
        lines.append(f"  note   the receptive field along {near} is less than half of that along {far}")
    return "\n".join(lines)


def _spacing_lines(spacing_mm: Sequence[float], median_mm: Sequence[float]) -> list[str]:
    lines = [f"spacing  {_by(spacing_mm)} mm"]
    for axis, wanted, median in zip(_AXES, spacing_mm, median_mm):
        reason = "the median of the cases"
        if abs(wanted - median) > 1e-4 * median:
            reason = f"set by hand; the median is {median:.4g}"
            if wanted < median == max(median_mm):
                reason += ", or the 10th percentile of a coarse and short axis"
        lines.append(f"  {axis}      {wanted:.4g} mm, {reason}")
    return lines


def _values_line(normalisation: Any) -> str:
    if normalisation.kind == "window":
        limits = f"{normalisation.lower:g} to {normalisation.upper:g}"
        return f"clamped to {limits} (range in the structures), then scaled to -1 to 1"
    return "each image clamped to its 0.5 and 99.5 percentiles, then mean 0 and standard deviation 1"


def _stage_lines(topology: Any, spacing_mm: Sequence[float]) -> list[str]:
    size = list(topology.patch)
    lines = [f"stages   {topology.n_stages}: voxels, stride, kernel, and reason"]
    for i, (stride, kernel, reason) in enumerate(zip(topology.strides, topology.kernels, topology.reasons)):
        size = [edge // step for edge, step in zip(size, stride)]
        lines.append(f"  {i}      {_by(size):15} {_by(stride):9} {_by(kernel):9}  {reason}")
    return lines


def _by(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
