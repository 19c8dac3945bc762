"""nnU-Net's own nets with random weights, and plans files of them."""

from __future__ import annotations

import numpy as np
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.nnunet import nnunet_plans

FINGERPRINT = {
    "median_shape": [60, 70, 40],
    "median_spacing_mm": [1.0, 1.0, 2.0],
    "intensity": {"mean": 50.0, "std": 30.0, "p00_5": -20.0, "p99_5": 140.0},
}
NETS = {
    "plain_unet": {"name": "plain_unet", "features": 4, "max_features": 12, "convs_per_stage": 2},
    "res_enc_unet": {
        "name": "res_enc_unet",
        "features": 4,
        "max_features": 12,
        "depth": 1.0,
        "convs_per_decoder_stage": 1,
    },
}


def our_plan(spacing_mm=(0.8, 0.9, 2.5), patch=(32, 24, 16), kind="nnunet_z_score"):
    how = Normalisation(kind, -20.0, 140.0, 50.0, 30.0) if kind == "nnunet_ct" else Normalisation(kind, masked=False)
    return Plan(spacing_mm, how, make_topology(spacing_mm, patch), 2)


def plans_file(net="plain_unet", plan=None, forward=(0, 1, 2)):
    """nnUNetPlans.json of our plan, its axes then ordered by `transpose_forward` as nnU-Net does for some data."""
    values = nnunet_plans(plan or our_plan(), NETS[net], FINGERPRINT, "Dataset901_Test")
    one = values["configurations"]["3d_fullres"]
    turned = lambda listed: [listed[axis] for axis in forward]  # noqa: E731
    for key in ("patch_size", "spacing", "median_image_size_in_voxels"):
        one[key] = turned(one[key])
    kwargs = one["architecture"]["arch_kwargs"]
    for key in ("kernel_sizes", "strides"):
        kwargs[key] = [turned(row) for row in kwargs[key]]
    values["transpose_forward"] = list(forward)
    values["transpose_backward"] = [int(axis) for axis in np.argsort(forward)]
    return values


def their_net(values, channels_out, seed=0):
    """The net that nnU-Net builds of a plans file, every weight random, biases and norms too."""
    chosen = PlansManager(values).get_configuration("3d_fullres")
    net = get_network_from_plans(
        chosen.network_arch_class_name,
        chosen.network_arch_init_kwargs,
        chosen.network_arch_init_kwargs_req_import,
        1,
        channels_out,
        deep_supervision=False,
    )
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in net.parameters():
            value.copy_(torch.randn(value.shape, generator=draw) * 0.3 + (0.5 if value.ndim == 1 else 0.0))
    return net.eval()
