"""Export of a plan, so that nnU-Net trains with the same patch, strides, kernels, spacing and batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.dataset.plan import Normalisation, Plan
from gnomon.nets import net_settings, stage_widths
from gnomon.rules.catalogue.nnunet import NET_NOT_IN_NNUNET

PLANS_NAME = "gnomonPlans"
_BLOCKS = (1, 3, 4, 6)


def nnunet_plans(
    plan: Plan, net: Mapping[str, Any], fingerprint: Mapping[str, Any], dataset: str, configuration: str = "3d_fullres"
) -> dict[str, Any]:
    """Contents of a plans file. Axes are (z, y, x), in which SimpleITK reads files whose axes are x, y, z.

    Args:
        net: the configuration of `plain_unet` or `res_enc_unet`.
        fingerprint: of the prepared data set; nnU-Net takes the intensities from it.

    Raises:
        Refusal: NNU107, a net that nnU-Net does not have.
    """
    topology, spacing = plan.topology, list(plan.spacing_mm)
    median = [
        round(size * old / new)
        for size, old, new in zip(fingerprint["median_shape"], fingerprint["median_spacing_mm"], spacing)
    ]
    scheme, intensities = _normalisation(plan.normalisation, fingerprint["intensity"])
    resampling = {"order": 3, "order_z": 0, "force_separate_z": None}
    chosen = {
        "data_identifier": f"{PLANS_NAME}_{configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": plan.batch,
        "patch_size": list(topology.patch)[::-1],
        "median_image_size_in_voxels": median[::-1],
        "spacing": spacing[::-1],
        "normalization_schemes": [scheme],
        "use_mask_for_norm": [bool(plan.normalisation.masked)],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, **resampling},
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {"is_seg": True, **resampling, "order": 1},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, **resampling, "order": 1},
        "architecture": _architecture(plan, net),
        "batch_dice": True,
    }
    return {
        "dataset_name": dataset,
        "plans_name": PLANS_NAME,
        "original_median_spacing_after_transp": list(fingerprint["median_spacing_mm"])[::-1],
        "original_median_shape_after_transp": list(fingerprint["median_shape"])[::-1],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {configuration: chosen},
        "experiment_planner_used": "gnomon",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }


def _architecture(plan: Plan, net: Mapping[str, Any]) -> dict[str, Any]:
    settings, topology = net_settings(net), plan.topology
    stages = topology.n_stages
    base = {
        "n_stages": stages,
        "features_per_stage": stage_widths(topology, settings.features, settings.max_features),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [list(one)[::-1] for one in topology.kernels],
        "strides": [list(one)[::-1] for one in topology.strides],
    }
    if net["name"] == "plain_unet":
        kind, convs = "PlainConvUNet", settings.convs_per_stage
        depth = {"n_conv_per_stage": [convs] * stages, "n_conv_per_stage_decoder": [convs] * (stages - 1)}
    elif net["name"] == "res_enc_unet":
        kind = "ResidualEncoderUNet"
        blocks = [max(1, round(_BLOCKS[min(i, 3)] * settings.depth)) for i in range(stages)]
        convs = settings.convs_per_decoder_stage
        depth = {"n_blocks_per_stage": blocks, "n_conv_per_stage_decoder": [convs] * (stages - 1)}
    else:
        raise NET_NOT_IN_NNUNET.refusal("net", found=str(net["name"]))
    rest = {
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
        "arch_kwargs": {**base, **depth, **rest},
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _normalisation(how: Normalisation, intensity: Mapping[str, float]) -> tuple[str, dict[str, float]]:
    """nnU-Net's closest normalisation scheme, and the foreground intensities that it reads."""
    properties = {
        "mean": intensity["mean"],
        "median": intensity["mean"],
        "std": intensity["std"],
        "min": intensity["p00_5"],
        "max": intensity["p99_5"],
        "percentile_00_5": intensity["p00_5"],
        "percentile_99_5": intensity["p99_5"],
    }
    return ("CTNormalization" if how.kind in ("window", "nnunet_ct") else "ZScoreNormalization"), properties
