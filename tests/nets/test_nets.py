from __future__ import annotations

import numpy as np
import pytest
import torch

from isocenter.findings import Refusal
from isocenter.nets import Topology, build_net, net_names, topology
from isocenter.randomness import generator, global_streams


def random_inputs(count):
    draw = generator(0, "topology test")
    for _ in range(count):
        spacing = np.exp(draw.uniform(np.log(0.3), np.log(10), 3)).round(3)
        if draw.random() < 0.5:
            spacing[draw.integers(3)] = spacing[draw.integers(3)] * draw.choice([1, 2, 3, 4])
        yield tuple(float(step) for step in spacing), tuple(int(edge) for edge in draw.integers(4, 200, 3))


def test_topology_equals_nnunets_on_random_inputs():
    theirs = pytest.importorskip("nnunetv2.experiment_planning.experiment_planners.network_topology")
    for spacing, patch in random_inputs(2000):
        ours = topology(spacing, patch)
        _, strides, kernels, padded, divisor = theirs.get_pool_and_conv_props(spacing, patch, 4, 999999)
        assert ours.strides == tuple(map(tuple, strides)), (spacing, patch)
        assert ours.kernels == tuple(map(tuple, kernels)), (spacing, patch)
        assert ours.patch == tuple(int(edge) for edge in padded), (spacing, patch)
        assert ours.divisor == tuple(int(step) for step in divisor), (spacing, patch)


def test_thick_slices_are_not_looked_across_before_the_spacings_meet():
    shaped = topology((0.8, 0.8, 4.0), (64, 64, 16))
    assert shaped.kernels[:2] == ((3, 3, 1), (3, 3, 1))
    assert shaped.strides[1] == (2, 2, 1)
    assert shaped.reasons[0] == "0.8 x 0.8 x 4 mm: looks along xy, then pools xy"


def test_a_topology_survives_its_dictionary():
    shaped = topology((1, 1, 3), (40, 40, 20))
    assert Topology.from_dict(shaped.as_dict()) == shaped


@pytest.mark.parametrize("name", net_names())
def test_every_net_gives_logits_at_every_resolution_of_any_plan(name):
    for spacing, patch in list(random_inputs(8)):
        shaped = topology(spacing, [min(edge, 24) for edge in patch])
        net = build_net({"name": name, "features": 2}, shaped, 1, 3)
        image = torch.randn(2, 1, *shaped.patch)
        logits = net.train()(image)
        assert logits[0].shape == (2, 3, *shaped.patch)
        sum(one.square().mean() for one in logits).backward()
        assert all(weight.grad is not None for weight in net.parameters())
        with torch.no_grad():
            assert len(net.eval()(image)) == 1


def test_weights_come_from_the_keyed_stream():
    shaped = topology((1, 1, 1), (16, 16, 16))
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
        build_net(config, topology((1, 1, 1), (16, 16, 16)), 1, 2)
