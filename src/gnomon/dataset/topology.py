"""(spacing, patch) -> kernels and strides: where and along which axes a U-Net pools and convolves.

The rule is nnU-Net's (Isensee et al., Nature Methods 2021; `get_pool_and_conv_props`), restated: an axis is
pooled while its spacing is below twice the finest and enough voxels are left; an axis has
kernel 3 from the stage at which its spacing is below twice the finest; the bottleneck has kernel 3 along every axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Triple = tuple[int, int, int]

MIN_EDGE = 4
"""Minimum size of a feature map along a pooled axis, in voxels."""


@dataclass(frozen=True)
class Topology:
    """The shape of a U-Net for one spacing and patch.

    Attributes:
        patch: voxels (x, y, z), padded up to `divisor`.
        strides: for each stage, the stride of its first convolution; (1, 1, 1) for the first stage.
        kernels: for each stage, the size of its convolutions; 1 along an axis with too coarse a spacing.
        divisor: each side of an input must be a multiple of it.
        reasons: one sentence for each stage.
    """

    patch: Triple
    strides: tuple[Triple, ...]
    kernels: tuple[Triple, ...]
    divisor: Triple
    reasons: tuple[str, ...]

    def receptive_field_mm(self, spacing_mm: Sequence[float], convs_per_stage: int = 2) -> tuple[float, float, float]:
        """Receptive field of the bottleneck along each axis, with `convs_per_stage` convolutions in each stage."""
        reach, step = [1.0] * 3, [1] * 3
        for stride, kernel in zip(self.strides, self.kernels):
            for axis in range(3):
                reach[axis] += (kernel[axis] - 1) * step[axis]  # the first one strides
                step[axis] *= stride[axis]
                reach[axis] += (convs_per_stage - 1) * (kernel[axis] - 1) * step[axis]
        x, y, z = (voxels * mm for voxels, mm in zip(reach, spacing_mm))
        return x, y, z

    @property
    def n_stages(self) -> int:
        """Number of resolutions, including the bottleneck."""
        return len(self.strides)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "patch": list(self.patch),
            "strides": [list(stride) for stride in self.strides],
            "kernels": [list(kernel) for kernel in self.kernels],
            "divisor": list(self.divisor),
            "reasons": list(self.reasons),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Topology:
        """The topology that `as_dict` wrote."""
        return cls(
            patch=_triple(values["patch"]),
            strides=tuple(_triple(one) for one in values["strides"]),
            kernels=tuple(_triple(one) for one in values["kernels"]),
            divisor=_triple(values["divisor"]),
            reasons=tuple(values["reasons"]),
        )


def make_topology(spacing_mm: Sequence[float], patch: Sequence[float], min_edge: int = MIN_EDGE) -> Topology:
    """Kernels, strides and padded patch for a spacing (mm) and a requested patch (voxels), both (x, y, z).

    The patch may be fractional, as a median size is.
    """
    spacing = [float(step) for step in spacing_mm]
    size = [float(edge) for edge in patch]
    kernel, pools = [1, 1, 1], [0, 0, 0]
    strides: list[Triple] = [(1, 1, 1)]
    kernels: list[Triple] = []
    reasons: list[str] = []
    while axes := _poolable(spacing, size, min_edge):
        kernel = [3 if k == 3 or step / min(spacing) < 2 else 1 for k, step in zip(kernel, spacing)]
        kernels.append(_triple(kernel))
        reasons.append(_reason(spacing, kernel, axes))
        for axis in axes:
            pools[axis] += 1
            spacing[axis] *= 2
            size[axis] = -(-size[axis] // 2)
        strides.append(_triple([2 if axis in axes else 1 for axis in range(3)]))
    kernels.append((3, 3, 3))
    reasons.append(f"{_mm(spacing)} mm: bottleneck, looks along every axis")
    divisor = _triple([2**count for count in pools])
    padded = _triple([-(-edge // step) * step for edge, step in zip(patch, divisor)])
    return Topology(padded, tuple(strides), tuple(kernels), divisor, tuple(reasons))


def _poolable(spacing: list[float], size: list[float], min_edge: int) -> list[int]:
    roomy = [axis for axis in range(3) if size[axis] >= 2 * min_edge]
    if not roomy:
        return []
    finest = min(spacing[axis] for axis in roomy)
    axes = [axis for axis in roomy if spacing[axis] / finest < 2]
    if len(axes) == 1 and size[axes[0]] < 3 * min_edge:
        return []
    return axes


def _reason(spacing: list[float], kernel: list[int], axes: list[int]) -> str:
    looks = "".join("xyz"[axis] for axis in range(3) if kernel[axis] == 3)
    pools = "".join("xyz"[axis] for axis in axes)
    return f"{_mm(spacing)} mm: looks along {looks}, then pools {pools}"


def _mm(spacing: list[float]) -> str:
    return " x ".join(f"{step:.3g}" for step in spacing)


def _triple(values: Sequence[float]) -> Triple:
    x, y, z = (int(value) for value in values)
    return x, y, z
