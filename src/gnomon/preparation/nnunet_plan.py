"""Reading of nnU-Net's plans: the same spacing, patch, strides, kernels and normalisation, axes in our order.

nnU-Net's arrays are (z, y, x) of the file's voxels, and `transpose_forward` may permute them; what it lists along its
axes is listed here along (x, y, z).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import Topology
from gnomon.rules.catalogue.preparation import INVALID_PLAN_FILE

_NETS = {"PlainConvUNet": "plain_unet", "ResidualEncoderUNet": "res_enc_unet"}


@dataclass(frozen=True)
class NnunetPlan:
    """A plan of nnU-Net.

    Attributes:
        plan: its counterpart here, for voxels in the order in which they are stored.
        net: the configuration of the net with the same layout.
        axes: the axis of nnU-Net's arrays for each of x, y, z.
    """

    plan: Plan
    net: dict[str, Any]
    axes: tuple[int, int, int]


def read_nnunet_plan(values: Mapping[str, Any], configuration: str, where: str) -> NnunetPlan:
    """Read one 3D configuration of nnUNetPlans.json.

    Raises:
        Refusal: PRP308, no such configuration, a 2D one, or a net or normalisation without a counterpart here.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager  # here: importing it takes seconds

    try:
        plans = PlansManager(dict(values))
        if configuration not in plans.available_configurations:
            raise _refusal(where, f"no configuration {configuration}", ", ".join(plans.available_configurations))
        chosen = plans.get_configuration(configuration)
        patch = [int(edge) for edge in chosen.patch_size]
        if len(patch) != 3:
            raise _refusal(where, f"{configuration}, in {len(patch)}D", "a 3D configuration")
        backward = plans.transpose_backward
        axes = (int(backward[2]), int(backward[1]), int(backward[0]))
        kwargs = chosen.network_arch_init_kwargs
        net = _net(str(chosen.network_arch_class_name).rsplit(".", 1)[-1], kwargs, where)
        plan = Plan(
            _to_xyz(axes, [float(step) for step in chosen.spacing]),
            _normalisation(chosen, plans.foreground_intensity_properties_per_channel, where),
            _topology(axes, patch, kwargs),
            int(chosen.batch_size),
            "native",
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        found = f"a plan that cannot be read ({type(error).__name__}: {error})"
        raise _refusal(where, found, "nnUNetPlans.json of nnU-Net 2") from None
    return NnunetPlan(plan, net, axes)


def _refusal(where: str, found: str, expected: str) -> Exception:
    return INVALID_PLAN_FILE.refusal(where, found=found, expected=expected)


def _to_xyz(axes: Sequence[int], values: Sequence[Any]) -> Any:
    """Values along nnU-Net's axes -> along x, y, z."""
    return values[axes[0]], values[axes[1]], values[axes[2]]


def _topology(axes: Sequence[int], patch: Sequence[int], kwargs: Mapping[str, Any]) -> Topology:
    strides = tuple(_to_xyz(axes, [int(step) for step in _three(one)]) for one in kwargs["strides"])
    kernels = tuple(_to_xyz(axes, [int(edge) for edge in _three(one)]) for one in kwargs["kernel_sizes"])
    x, y, z = (int(step) for step in np.prod(np.asarray(strides), axis=0))
    reasons = tuple("as nnU-Net planned it" for _ in strides)
    return Topology(_to_xyz(axes, patch), strides, kernels, (x, y, z), reasons)


def _three(value: Any) -> list[int]:
    return [value] * 3 if isinstance(value, int) else list(value)


def _net(name: str, kwargs: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The net with the same layout, if there is one."""
    if name not in _NETS:
        raise _refusal(where, f"the net {name}", " or ".join(_NETS))
    widths = [int(width) for width in kwargs["features_per_stage"]]
    features, most = widths[0], max(widths)
    if widths != [min(features * 2**i, most) for i in range(len(widths))]:
        raise _refusal(where, f"features {widths}", "features that double up to a limit")
    if not str(kwargs["norm_op"]).endswith("InstanceNorm3d") or not str(kwargs["nonlin"]).endswith("LeakyReLU"):
        raise _refusal(where, f"{kwargs['norm_op']} and {kwargs['nonlin']}", "InstanceNorm3d and LeakyReLU")
    decoder = set(kwargs["n_conv_per_stage_decoder"])
    base = {"name": _NETS[name], "features": features, "max_features": most}
    if name == "PlainConvUNet":
        if len(convs := decoder | set(kwargs["n_conv_per_stage"])) != 1:
            raise _refusal(where, f"{sorted(convs)} convolutions a stage", "one number for all stages")
        return {**base, "convs_per_stage": int(convs.pop())}
    blocks = list(kwargs["n_blocks_per_stage"])
    if blocks != [1, 3, 4, *[6] * 20][: len(blocks)] or len(decoder) != 1:
        raise _refusal(where, f"{blocks} residual blocks", "1, 3, 4, 6, 6, ...")
    return {**base, "depth": 1.0, "convs_per_decoder_stage": int(decoder.pop())}


def _normalisation(chosen: Any, properties: Mapping[str, Any], where: str) -> Normalisation:
    if len(chosen.normalization_schemes) != 1:
        raise _refusal(where, f"{len(chosen.normalization_schemes)} channels", "one image channel")
    scheme = chosen.normalization_schemes[0]
    if scheme == "CTNormalization":
        known = properties["0"]
        return Normalisation(
            "nnunet_ct",
            float(known["percentile_00_5"]),
            float(known["percentile_99_5"]),
            float(known["mean"]),
            float(known["std"]),
        )
    if scheme == "ZScoreNormalization":
        return Normalisation("nnunet_z_score", masked=bool(chosen.use_mask_for_norm[0]))
    raise _refusal(where, f"the normalisation {scheme}", "CTNormalization or ZScoreNormalization")
