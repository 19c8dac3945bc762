"""Plans against those of nnU-Net's own planner."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

from gnomon.core.randomness import generator
from gnomon.preparation.fingerprint import CaseStatistics, compute_fingerprint
from gnomon.preparation.planner import make_plan
from gnomon.settings import PlanSettings


def random_cases(seed):
    """Cases of one modality: isotropic, thick or in between, small or large, in the order x, y, z."""
    draw = generator(seed, "fingerprint")
    plane_mm = draw.uniform(0.3, 2.0)
    slice_mm = plane_mm * draw.choice([1.0, 1.0, draw.uniform(1, 2.5), draw.uniform(2.5, 12)])
    spacing = np.array([plane_mm, plane_mm, slice_mm])[draw.permutation(3)]
    size = draw.uniform(20, 420, 3) * np.where(spacing > 2 * plane_mm, draw.uniform(0.05, 1), 1)
    cases = []
    for i in range(int(draw.integers(4, 60))):
        steps = np.round(spacing * draw.uniform(0.7, 1.4), 4)
        shape = np.maximum(8, np.round(size * draw.uniform(0.8, 1.2, 3))).astype(int)
        cases.append(CaseStatistics(f"c{i:03d}", tuple(shape.tolist()), tuple(steps.tolist()), (0.0,), {"a": 1}))
    return cases


def nnunet_plan(cases, labels, memory_gb):
    """Spacing, patch, batch, kernels and strides that nnU-Net plans, xyz to the order x, y, z."""
    planner = ExperimentPlanner.__new__(ExperimentPlanner)
    with torch.device("meta"):
        for name, value in {
            "anisotropy_threshold": 3,
            "UNet_base_num_features": 32,
            "UNet_reference_val_3d": 560000000,
            "UNet_reference_val_corresp_GB": 8,
            "UNet_reference_val_corresp_bs_3d": 2,
            "UNet_featuremap_min_edge_length": 4,
            "UNet_blocks_per_stage_encoder": (2,) * 14,
            "UNet_blocks_per_stage_decoder": (2,) * 13,
            "UNet_min_batch_size": 2,
            "UNet_max_features_3d": 320,
            "max_dataset_covered": 0.05,
            "UNet_vram_target_GB": memory_gb,
            "preprocessor_name": "DefaultPreprocessor",
            "suppress_transpose": False,
            "overwrite_target_spacing": None,
        }.items():
            setattr(planner, name, value)
        from dynamic_network_architectures.architectures.unet import PlainConvUNet

        planner.UNet_class = PlainConvUNet
        backwards = [(case.shape[::-1], case.spacing_mm[::-1]) for case in cases]
        planner.dataset_json = {
            "channel_names": {"0": "MRI"},
            "labels": {str(i): i for i in range(labels)},
            "numTraining": len(cases),
        }
        planner.dataset_fingerprint = {
            "spacings": [list(spacing) for _, spacing in backwards],
            "shapes_after_crop": [list(shape) for shape, _ in backwards],
            "median_relative_size_after_cropping": 1.0,
        }
        forward, backward = planner.determine_transpose()
        target = planner.determine_fullres_target_spacing()
        shapes = [compute_new_shape(shape, spacing, target) for shape, spacing in backwards]
        median = np.median(shapes, 0)[forward]
        voxels = float(np.prod(median, dtype=np.float64) * len(cases))
        plan = planner.get_plans_for_configuration(target[forward], median, "x", voxels, {})
    xyz = [backward[i] for i in (2, 1, 0)]
    net = plan["architecture"]["arch_kwargs"]
    return {
        "spacing": np.asarray(plan["spacing"])[xyz],
        "patch": tuple(int(plan["patch_size"][i]) for i in xyz),
        "batch": int(plan["batch_size"]),
        "kernels": tuple(tuple(one[i] for i in xyz) for one in net["kernel_sizes"]),
        "strides": tuple(tuple(one[i] for i in xyz) for one in net["strides"]),
    }


def check_plan(seed):
    cases = random_cases(seed)
    draw = generator(seed, "wish")
    labels, memory_gb = int(draw.integers(2, 20)), float(draw.choice([4.0, 8.0, 8.0, 11.0, 24.0]))
    expected = nnunet_plan(cases, labels, memory_gb)
    settings = PlanSettings(planner="nnunet", memory_gib=memory_gb)
    plan = make_plan(compute_fingerprint(cases), "MRI", settings, labels)
    assert np.abs(np.asarray(plan.spacing_mm) - expected["spacing"]).max() < 2e-5
    found = plan.topology
    assert (found.patch, plan.batch, found.kernels, found.strides) == (
        expected["patch"],
        expected["batch"],
        expected["kernels"],
        expected["strides"],
    ), seed


@pytest.mark.parametrize("seed", range(20))
def test_plans_equal_those_of_nnunet(seed):
    check_plan(seed)


@pytest.mark.slow
def test_plans_equal_those_of_nnunet_on_two_hundred_fingerprints():
    for seed in range(200):
        check_plan(seed)
