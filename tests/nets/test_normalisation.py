from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from gnomon.core.randomness import global_streams
from gnomon.nets import normalisation
from gnomon.nets.normalisation import InstanceNorm, has_private_operators


def both_ways(shape, kind, slope, layout):
    """Output and gradients: ours, and torch's in float64."""
    with global_streams(0, "norm"):
        norm = InstanceNorm(shape[1], slope)
        with torch.no_grad():
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
        features = (2 * torch.randn(shape) + 0.5).to(kind).to(memory_format=layout)
        gradient = torch.randn(shape)
    exact = features.double().requires_grad_()
    weight, bias = (value.detach().double().requires_grad_() for value in (norm.weight, norm.bias))
    wanted = functional.leaky_relu(functional.instance_norm(exact, weight=weight, bias=bias), slope)
    wanted.backward(gradient.double())
    given = features.clone().requires_grad_()
    out = norm(given)
    out.backward(gradient.to(kind))
    ours = (out, given.grad, norm.weight.grad, norm.bias.grad)
    return zip(ours, (wanted, exact.grad, weight.grad, bias.grad))


@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
@pytest.mark.parametrize("slope", [0.01, 1.0])
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.bfloat16, 0.01), (torch.float32, 1e-5)])
@pytest.mark.parametrize("shape", [(2, 3, 20, 21, 22), (1, 16, 4, 5, 6), (3, 2, 2, 1, 3)])
@pytest.mark.parametrize("fast", [True, False], ids=["fast", "fallback"])
def test_both_paths_are_instance_norm_then_leaky_relu_forward_and_backward(
    monkeypatch, fast, shape, kind, tolerance, slope, layout
):
    monkeypatch.setattr(normalisation, "_FAST", fast)
    for found, wanted in both_ways(shape, kind, slope, layout):
        assert found.isfinite().all()
        assert ((found.double() - wanted).norm() / wanted.norm()).item() < tolerance


def test_the_fast_path_is_left_when_torch_changes_an_operator(monkeypatch):
    assert has_private_operators()
    monkeypatch.setitem(normalisation._SIGNATURES, "native_batch_norm", "(Tensor input) -> Tensor")
    assert not has_private_operators()
    monkeypatch.setattr(normalisation, "_SIGNATURES", {"no_such_operator": ""})
    assert not has_private_operators()


def test_features_keep_their_type_and_layout():
    features = torch.randn(2, 8, 6, 5, 4, dtype=torch.bfloat16).to(memory_format=torch.channels_last_3d)
    out = InstanceNorm(8, 0.01)(features.requires_grad_())
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last_3d)


def test_many_voxels_far_from_zero_cost_no_digits():
    with global_streams(0, "many"):
        features = (3 + 0.05 * torch.randn(1, 4, 64, 64, 64)).to(memory_format=torch.channels_last_3d)
    wanted = functional.instance_norm(features.double())
    off = ((InstanceNorm(4)(features).double() - wanted).norm() / wanted.norm()).item()
    stock = functional.batch_norm(features, None, None, training=True)
    assert off < 3e-6  # one rounding of the mean, 3, in units of the spread
    assert ((stock.double() - wanted).norm() / wanted.norm()).item() > 10 * off
