from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from gnomon.core.randomness import generator, global_streams
from gnomon.dataset.topology import Topology, make_topology
from gnomon.nets import build_net, step_bytes
from gnomon.nets.zoo.mednext import enlarge_kernels
from gnomon.rules.finding import Refusal
from gnomon.settings.names import net_names


def random_inputs(count):
    draw = generator(0, "topology test")
    for _ in range(count):
        spacing = np.exp(draw.uniform(np.log(0.3), np.log(10), 3)).round(3)
        if draw.random() < 0.5:
            spacing[draw.integers(3)] = spacing[draw.integers(3)] * draw.choice([1, 2, 3, 4])
        yield tuple(float(step) for step in spacing), tuple(int(edge) for edge in draw.integers(4, 200, 3))


def test_topology_equals_nnunets_on_random_inputs():
    theirs = pytest.importorskip("nnunetv2.experiment_planning.experiment_planners.network_topology")
    for spacing, patch in random_inputs(10_000):
        ours = make_topology(spacing, patch)
        _, strides, kernels, padded, divisor = theirs.get_pool_and_conv_props(spacing, patch, 4, 999999)
        assert ours.strides == tuple(map(tuple, strides)), (spacing, patch)
        assert ours.kernels == tuple(map(tuple, kernels)), (spacing, patch)
        assert ours.patch == tuple(int(edge) for edge in padded), (spacing, patch)
        assert ours.divisor == tuple(int(step) for step in divisor), (spacing, patch)


def test_kernels_span_thick_slices_only_once_the_spacings_meet():
    shaped = make_topology((0.8, 0.8, 4.0), (64, 64, 16))
    assert shaped.kernels[:2] == ((3, 3, 1), (3, 3, 1))
    assert shaped.strides[1] == (2, 2, 1)
    assert shaped.reasons[0] == "0.8 x 0.8 x 4 mm: looks along xy, then pools xy"


def test_a_topology_survives_its_dictionary():
    shaped = make_topology((1, 1, 3), (40, 40, 20))
    assert Topology.from_dict(shaped.as_dict()) == shaped


TRANSFORMERS = {"swin_unetr": {"features": 12}, "unetr": {"features": 2, "hidden": 24, "heads": 2}}
SHAPED = [name for name in net_names() if name not in TRANSFORMERS]


def runs_on(name, shaped):
    """Forward, backward, deep supervision, and one output in evaluation."""
    net = build_net({"name": name, "features": 2}, shaped, 1, 3)
    image = torch.randn(2, 1, *shaped.patch)
    logits = net.train()(image)
    assert logits[0].shape == (2, 3, *shaped.patch)
    assert len(logits) == max(1, shaped.n_stages - 1)
    assert all(a.shape[2] >= b.shape[2] for a, b in pairwise(logits))
    sum(one.square().mean() for one in logits).backward()
    assert all(weight.grad is not None for weight in net.parameters())
    with torch.no_grad():
        assert len(net.eval()(image)) == 1


@pytest.mark.parametrize("name", SHAPED)
def test_every_net_gives_logits_at_every_resolution_of_any_plan(name):
    for spacing, patch in random_inputs(6):
        runs_on(name, make_topology(spacing, [min(edge, 24) for edge in patch]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPED)
def test_every_net_runs_on_fifty_anisotropic_plans(name):
    for spacing, patch in random_inputs(50):
        runs_on(name, make_topology(spacing, [min(edge, 24) for edge in patch]))


@pytest.mark.parametrize(
    ("size", "kernel", "millions"), [("S", 3, 5.6), ("B", 3, 10.5), ("M", 3, 17.6), ("L", 3, 61.8), ("S", 5, 6.0)]
)
def test_mednext_has_the_papers_number_of_weights(size, kernel, millions):
    shaped = make_topology((1, 1, 1), (64, 64, 64))  # five stages, as in the paper
    net = build_net({"name": "mednext", "size": size, "kernel": kernel}, shaped, 1, 14)
    assert sum(weight.numel() for weight in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_a_residual_encoder_has_as_many_weights_as_nnunets():
    unets = pytest.importorskip("dynamic_network_architectures.architectures.unet")
    shaped = make_topology((1, 1, 2), (96, 96, 48))
    n = shaped.n_stages
    theirs = unets.ResidualEncoderUNet(
        1,
        n,
        [min(32 * 2**i, 320) for i in range(n)],
        nn.Conv3d,
        [list(k) for k in shaped.kernels],
        [list(s) for s in shaped.strides],
        [1, 3, 4, 6, 6, 6][:n],
        3,
        [1] * (n - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"affine": True},
        nonlin=nn.LeakyReLU,
        deep_supervision=True,
    )
    ours = build_net({"name": "res_enc_unet"}, shaped, 1, 3)
    conv_blocks = {id(m): m for m in theirs.modules() if isinstance(getattr(m, "norm", None), nn.InstanceNorm3d)}
    without_effect = sum(block.conv.bias.numel() for block in conv_blocks.values() if block.conv.bias is not None)
    count = sum(w.numel() for w in theirs.parameters())
    assert sum(w.numel() for w in ours.parameters()) == count - without_effect


def test_a_large_kernel_starts_as_the_small_one_interpolated():
    shaped = make_topology((1, 1, 3), (16, 16, 8))
    small, large = (build_net({"name": "mednext", "features": 2, "kernel": k}, shaped, 1, 2) for k in (3, 5))
    large.load_state_dict(enlarge_kernels(small.state_dict(), large.state_dict()))
    before, after = small.state_dict()["encoder.0.1.layers.0.weight"], large.state_dict()["encoder.0.1.layers.0.weight"]
    assert torch.equal(after[..., ::2, ::2, :], before), "corners and middles are the small kernel's"
    with pytest.raises(ValueError, match="layers"):
        enlarge_kernels({}, large.state_dict())
    with pytest.raises(ValueError, match="depth-wise"):
        enlarge_kernels({"w": torch.ones(4, 2, 1, 3, 3)}, {"w": torch.ones(4, 2, 3, 3, 3)})


def test_weights_come_from_the_keyed_stream():
    shaped = make_topology((1, 1, 1), (16, 16, 16))
    nets = []
    for seed in (1, 1, 2):
        with global_streams(seed, "weights"):
            nets.append(build_net({"name": "plain_unet", "features": 2}, shaped, 1, 2))
    states = [torch.cat([value.flatten() for value in net.state_dict().values()]) for net in nets]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize(
    "config", [{"name": "os"}, {"name": "topology"}, {"name": None}, {"name": "plain_unet", "width": 3}]
)
def test_an_unknown_net_or_setting_is_refused(config):
    with pytest.raises(Refusal, match=r"USE1(10|08)"):
        build_net(config, make_topology((1, 1, 1), (16, 16, 16)), 1, 2)


def isotropic_inputs(count):
    draw = generator(1, "topology test")
    for _ in range(count):
        yield (draw.uniform(0.5, 2) * draw.uniform(1, 1.9, 3)).tolist(), draw.integers(8, 40, 3).tolist()


def transformer_runs_on(name, shaped):
    net = build_net({"name": name, **TRANSFORMERS[name]}, shaped, 1, 3)
    (logits,) = net.train()(torch.randn(2, 1, *shaped.patch))
    assert logits.shape == (2, 3, *shaped.patch)
    logits.square().mean().backward()
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in net.parameters())


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformer_runs_on_plans_whose_voxels_are_about_cubes(name):
    for spacing, patch in isotropic_inputs(2):
        transformer_runs_on(name, make_topology(spacing, patch))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformer_runs_on_fifty_such_plans(name):
    for spacing, patch in isotropic_inputs(50):
        transformer_runs_on(name, make_topology(spacing, patch))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformer_is_refused_for_thick_slices(name):
    with pytest.raises(Refusal, match=r"USE120.*along z"):
        build_net({"name": name, **TRANSFORMERS[name]}, make_topology((1, 1, 2.5), (40, 40, 16)), 1, 3)


def test_the_hybrid_has_kernels_across_thick_slices_only_from_the_bottleneck_on():
    shaped = make_topology((0.8, 0.8, 5.0), (64, 64, 16))
    net = build_net({"name": "hybrid_unet", "features": 2}, shaped, 1, 2)
    kernels = [m.kernel_size for stage in net.encoder[:-1] for m in stage if isinstance(m, nn.Conv3d)]
    assert {kernel[2] for kernel in kernels} == {1}
    assert {m.kernel_size for m in net.encoder[-1] if isinstance(m, nn.Conv3d)} == {(3, 3, 3)}
    assert {m.kernel_size for joint in net.decoder for m in joint if isinstance(m, nn.Conv3d)} == {(3, 3, 3)}


def test_the_receptive_field_is_what_the_kernels_reach():
    shaped = make_topology((1, 1, 1), (16, 16, 16))
    assert shaped.receptive_field_mm((1, 1, 1)) == (23, 23, 23)
    net = build_net({"name": "plain_unet", "features": 1, "convs_per_stage": 2}, shaped, 1, 2)
    convs = nn.Sequential(*(m for stage in net.encoder for m in stage if isinstance(m, nn.Conv3d)))
    for conv in convs:
        nn.init.constant_(conv.weight, 1.0)
    image = torch.zeros(1, 1, 48, 48, 48, requires_grad=True)
    convs(image)[0, 0, 6, 6, 6].backward()
    assert int((image.grad[0, 0, :, 24, 24] != 0).sum()) == 23


@pytest.mark.parametrize("name", SHAPED)
def test_the_memory_of_a_step_grows_with_batch_patch_and_bits(name):
    def bytes_of(batch=2, edge=32, **more):
        return step_bytes({"name": name, "features": 4}, make_topology((1, 1, 1), (edge,) * 3), batch, 1, 3, **more)

    assert bytes_of(half=False) > bytes_of() > bytes_of(activation_checkpointing=True)
    assert bytes_of(batch=4) > bytes_of()
    assert bytes_of(edge=48) > bytes_of()
