from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from gnomon.dataset.canonicalise import canonical_image, normalise_as_nnunet
from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.nets import stage_widths
from gnomon.nnunet import nnunet_plans
from gnomon.preparation import read_nnunet_plan
from gnomon.preparation.planner import make_plan
from gnomon.rules.finding import Refusal
from gnomon.settings import PlanSettings
from tests.nnunet.nets import FINGERPRINT, NETS, our_plan, plans_file
from tests.postprocess.scenes import GRID

STEPS = st.sampled_from([0.5, 0.8, 1.0, 1.5, 2.5, 5.0])


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(STEPS, STEPS, STEPS),
    st.tuples(*[st.integers(12, 96)] * 3),
    st.permutations([0, 1, 2]),
    st.sampled_from(sorted(NETS)),
)
def test_a_plan_survives_export_and_import(spacing, patch, forward, net):
    plan = our_plan(spacing, patch)
    read = read_nnunet_plan(plans_file(net, plan, forward), "3d_fullres", "plans.json")
    assert read.plan.spacing_mm == plan.spacing_mm
    for name in ("patch", "strides", "kernels", "divisor"):
        assert getattr(read.plan.topology, name) == getattr(plan.topology, name)
    assert read.plan.batch == plan.batch and read.plan.orientation == "native"
    widths = [stage_widths(plan.topology, one["features"], one["max_features"]) for one in (read.net, NETS[net])]
    assert widths[0] == widths[1]
    assert {**read.net, "max_features": 12} == NETS[net]


def test_nnunets_axes_are_z_y_x():
    chosen = PlansManager(plans_file()).get_configuration("3d_fullres")
    plan = our_plan()
    assert chosen.spacing == [2.5, 0.9, 0.8]
    assert chosen.patch_size == list(plan.topology.patch)[::-1]


def test_a_training_uses_nnunets_plan_exactly(tmp_path):
    (tmp_path / "nnUNetPlans.json").write_text(json.dumps(plans_file()))
    plan = make_plan(None, "MR", PlanSettings(file=str(tmp_path / "nnUNetPlans.json")))
    assert plan.topology.kernels == our_plan().topology.kernels
    assert plan.topology.patch == our_plan().topology.patch and plan.spacing_mm == (0.8, 0.9, 2.5)
    assert plan.orientation == "RAS" and plan.normalisation.kind == "nnunet_z_score"
    (tmp_path / "plan.json").write_text(json.dumps({"schema": "gnomon/plan/1", "plan": plan.as_dict()}))
    assert make_plan(None, "MR", PlanSettings(file=str(tmp_path / "plan.json"))) == plan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["configurations"]["3d_fullres"].update(patch_size=[8, 8]), "2D"),
        (lambda v: v["configurations"].clear(), "no configuration"),
        (lambda v: v["configurations"]["3d_fullres"].update(normalization_schemes=["RGBTo01Normalization"]), "RGBTo01"),
        (
            lambda v: v["configurations"]["3d_fullres"].update(normalization_schemes=["CTNormalization"] * 2),
            "2 channels",
        ),
        (lambda v: v["configurations"]["3d_fullres"]["architecture"].update(network_class_name="x.Other"), "Other"),
        (
            lambda v: v["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"].update(
                features_per_stage=[4, 5, 6, 7]
            ),
            "features",
        ),
        (
            lambda v: v["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"].update(
                n_conv_per_stage=[1, 2, 2, 2]
            ),
            "convolutions",
        ),
        (lambda v: v["configurations"]["3d_fullres"].pop("spacing"), "cannot be read"),
    ],
)
def test_a_plan_without_a_counterpart_is_refused_by_name(change, message):
    values = plans_file()
    change(values)
    with pytest.raises(Refusal, match="PRP308") as caught:
        read_nnunet_plan(values, "3d_fullres", "plans.json")
    assert message in str(caught.value)


def test_a_net_that_nnunet_does_not_have_is_refused():
    with pytest.raises(Refusal, match="NNU107"):
        nnunet_plans(our_plan(), {"name": "seg_resnet"}, FINGERPRINT, "Dataset901_Test")


def test_a_window_becomes_nnunets_ct_normalisation():
    plan = Plan((1.0, 1.0, 1.0), Normalisation("window", -20.0, 140.0), make_topology((1, 1, 1), (16, 16, 16)), 2)
    values = nnunet_plans(plan, NETS["plain_unet"], FINGERPRINT, "Dataset901_Test")
    read = read_nnunet_plan(values, "3d_fullres", "plans.json").plan.normalisation
    assert (read.kind, read.lower, read.upper, read.mean, read.std) == ("nnunet_ct", -20.0, 140.0, 50.0, 30.0)


@pytest.mark.parametrize("masked", [False, True])
def test_normalisation_equals_that_of_nnunet(masked):
    from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
    from nnunetv2.preprocessing.normalization.default_normalization_schemes import CTNormalization, ZScoreNormalization

    image = np.zeros((12, 10, 8), np.float32)
    image[2:9, 3:9, 1:7] = np.random.default_rng(0).normal(60, 40, (7, 6, 6))
    image[2, 3, 1] = image[5, 5, 5] = 0  # a corner outside the body, and a hole in it
    cropped, seg, box = crop_to_nonzero(image[None])
    inside = tuple(slice(a, b) for a, b in box)
    theirs = ZScoreNormalization(masked, {}).run(cropped[0].copy(), seg[0])
    ours = normalise_as_nnunet(image, Normalisation("nnunet_z_score", masked=masked))
    assert np.allclose(ours[inside], theirs, atol=1e-5)
    known = {"mean": 50.0, "std": 30.0, "percentile_00_5": -20.0, "percentile_99_5": 140.0}
    ct = CTNormalization(False, known).run(image.copy())
    assert np.allclose(normalise_as_nnunet(image, Normalisation("nnunet_ct", -20.0, 140.0, 50.0, 30.0)), ct, atol=1e-5)


def test_a_native_plan_leaves_the_axes_as_they_are():
    voxels = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    turned = GRID.reorient(GRID.reorientation_to("LPI"))
    plan = Plan(GRID.spacing_mm, Normalisation("nnunet_z_score", masked=False), our_plan().topology, 2, "native")
    image, grid = canonical_image(voxels, turned, plan)
    assert grid == turned
    assert np.allclose(image[0], (voxels - voxels.mean()) / voxels.std(), atol=1e-5)
