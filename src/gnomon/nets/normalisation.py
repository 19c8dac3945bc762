"""Instance norm and leaky ReLU in one step, fast on processors.

torch's instance norm copies channels-last features to another layout and back. Its batch norm does not, and the batch
norm of one image is its instance norm: image by image it is two to twenty times as fast, forward and backward. But over
channels-last features it sums voxel after voxel in single precision, which costs four digits for a large patch. So a
row of many voxels is read as one voxel of many channels, whose few sums are added in double precision: closer to the
exact result than either of torch's norms, and no slower. On a GPU torch's own norms are used.

The fast path calls private operators of torch. Where a version of torch has others, its public instance norm is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

_EPSILON = 1e-5
_SIGNATURES = {  # of the private operators, as in torch 2.11 to 2.15
    "batch_norm_update_stats": "(Tensor input, Tensor? running_mean, Tensor? running_var, float momentum) -> "
    "(Tensor, Tensor)",
    "native_batch_norm": "(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
    "bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    "native_batch_norm_backward": "(Tensor grad_out, Tensor input, Tensor? weight, Tensor? running_mean, "
    "Tensor? running_var, Tensor? save_mean, Tensor? save_invstd, bool train, float eps, bool[3] output_mask) -> "
    "(Tensor, Tensor, Tensor)",
    "leaky_relu_backward": "(Tensor grad_output, Tensor self, Scalar negative_slope, bool self_is_result) -> Tensor",
}


def has_private_operators() -> bool:
    """Whether this version of torch has the operators of the fast path, with the signatures that it relies on."""
    found = {name: getattr(torch.ops.aten, name, None) for name in _SIGNATURES}
    return all(
        operator is not None and str(operator.default._schema) == f"aten::{name}{_SIGNATURES[name]}"
        for name, operator in found.items()
    )


_FAST = has_private_operators()


class InstanceNorm(nn.Module):
    """Instance norm with scale and shift, then leaky ReLU if `slope` is below 1. Features (n, c, x, y, z)."""

    def __init__(self, channels: int, slope: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.slope = slope

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalised features, of the same type."""
        if _FAST and features.device.type == "cpu" and not torch.compiler.is_compiling():
            out: torch.Tensor = _NormThenLeak.apply(features, self.weight, self.bias, self.slope)
            return out
        out = functional.instance_norm(features, weight=self.weight, bias=self.bias, eps=_EPSILON)
        return out if self.slope == 1 else functional.leaky_relu(out, self.slope)


class _NormThenLeak(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, slope: float
    ) -> torch.Tensor:
        out = torch.empty_like(features)
        mean, scale = weight.new_empty(2, *features.shape[:2])
        for i in range(len(features)):
            mean[i], variance = _moments(features[i : i + 1], weight)
            scale[i] = torch.rsqrt(variance + _EPSILON)
            torch.ops.aten.native_batch_norm.out(
                features[i : i + 1],
                weight,
                bias,
                mean[i],
                variance,
                False,
                0.0,
                _EPSILON,
                out=out[i : i + 1],
                save_mean=weight.new_empty(0),
                save_invstd=weight.new_empty(0),
            )
        if slope != 1:
            functional.leaky_relu_(out, slope)
        ctx.save_for_backward(features, out, weight, mean, scale)
        ctx.slope = slope
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        features, out, weight, mean, scale = ctx.saved_tensors
        if ctx.slope != 1:  # the output has the sign of what leaked
            gradient = torch.ops.aten.leaky_relu_backward(gradient, out, ctx.slope, True)
        back = torch.empty_like(features)
        of_weight, of_bias = weight.new_empty(2, *mean.shape)
        one_image = _image_back if features.dtype == weight.dtype else _half_precision_image_back
        for i in range(len(features)):
            of_weight[i], of_bias[i] = one_image(
                gradient[i : i + 1], features[i : i + 1], weight, mean[i], scale[i], back[i : i + 1]
            )
        return back, of_weight.sum(0), of_bias.sum(0), None


def _moments(image: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of each channel of (1, c, x, y, z)."""
    rows, together = _rows(image)
    unused = weight.new_zeros(2, rows.shape[1])  # their type is what the moments of half-precision features get
    means, variances = torch.ops.aten.batch_norm_update_stats(rows, *unused, 0.0)
    means, variances = means.double().view(together, -1), variances.double().view(together, -1)
    mean = means.mean(0)
    variance = (variances + (means - mean).square()).mean(0)
    return mean.to(weight.dtype), variance.to(weight.dtype)


def _image_back(
    gradient: torch.Tensor,
    image: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    scale: torch.Tensor,
    back: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fill the gradient of an image's features, a + b * features + c * gradient; return those of scale and shift."""
    rows, together = _rows(image)
    _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
        _rows(gradient)[0],
        rows,
        weight.repeat(together),
        None,
        None,
        mean.repeat(together),
        scale.repeat(together),
        True,
        _EPSILON,
        [False, True, True],
    )
    of_weight, of_bias = (sums.double().view(together, -1).sum(0).to(weight.dtype) for sums in (of_weight, of_bias))
    of_gradient = weight * scale
    voxels = image[0, 0].numel()
    of_feature = -of_gradient * scale * of_weight / voxels
    constant = -of_gradient * of_bias / voxels - of_feature * mean
    constant, of_feature, of_gradient = (each.view(1, -1, 1, 1, 1) for each in (constant, of_feature, of_gradient))
    torch.addcmul(constant, image, of_feature, out=back)
    back.addcmul_(gradient, of_gradient)
    return of_weight, of_bias


def _half_precision_image_back(
    gradient: torch.Tensor,
    image: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    scale: torch.Tensor,
    back: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same in one step of torch, whose sums are more precise than the features."""
    of_weight, of_bias = torch.empty_like(weight), torch.empty_like(weight)
    torch.ops.aten.native_batch_norm_backward.out(
        gradient,
        image,
        weight,
        None,
        None,
        mean,
        scale,
        True,
        _EPSILON,
        [True, True, True],
        out0=back,
        out1=of_weight,
        out2=of_bias,
    )
    return of_weight, of_bias


def _rows(image: torch.Tensor) -> tuple[torch.Tensor, int]:
    """(1, c, x, y, z) as (rows, voxels in a row * c), and the voxels in a row: at most 512 values, 16 rows or more."""
    channels, voxels, together = image.shape[1], image[0, 0].numel(), 1
    while voxels % (2 * together) == 0 and 2 * together * channels <= 512 and voxels // together >= 32:
        together *= 2
    return image.movedim(1, -1).reshape(voxels // together, together * channels), together
