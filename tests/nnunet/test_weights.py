from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from gnomon.core.geometry import permute_axes
from gnomon.nets import build_net
from gnomon.nnunet.weights import convert_weights, read_checkpoint
from gnomon.preparation import read_nnunet_plan
from gnomon.rules.finding import Refusal
from tests.nnunet.nets import NETS, plans_file, their_net


@pytest.mark.parametrize("net", sorted(NETS))
@pytest.mark.parametrize("forward", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_converted_weights_give_the_same_logits(net, forward):
    values = plans_file(net, forward=forward)
    theirs = their_net(values, 3)
    read = read_nnunet_plan(values, "3d_fullres", "plans.json")
    ours = build_net(read.net, read.plan.topology, 1, 3).eval()
    ours.load_state_dict(convert_weights(theirs.state_dict(), net, read.axes))
    image = torch.randn(1, 1, *read.plan.topology.patch)
    with torch.inference_mode():
        found = ours(image)[0]
        wanted = theirs(permute_axes(image, np.argsort(read.axes).tolist()))
    assert torch.allclose(found, permute_axes(wanted, read.axes), atol=2e-4 * float(wanted.abs().max()))


def test_a_tensor_without_a_counterpart_is_named():
    with pytest.raises(Refusal, match=r"NNU102 encoder\.extra\.weight"):
        convert_weights({"encoder.extra.weight": torch.zeros(2)}, "plain_unet", (2, 1, 0))


def test_a_checkpoint_with_numpy_scalars_is_read_without_running_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    good = {
        "network_weights": {"a": torch.ones(2)},
        "logging": {"dice": [np.float64(0.5), np.float32(0.25)]},
        "init_args": {"device": torch.device("cpu")},
        "_best_ema": np.float64(0.3),
    }
    torch.save(good, tmp_path / "good.pth")
    assert torch.equal(read_checkpoint(tmp_path / "good.pth")["network_weights"]["a"], torch.ones(2))
    torch.save({**good, "extra": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(Refusal, match="NNU101"):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "plain.pth").write_bytes(pickle.dumps([1, 2]))
    for name in ("plain.pth", "none.pth"):
        with pytest.raises(Refusal, match="NNU101"):
            read_checkpoint(tmp_path / name)
