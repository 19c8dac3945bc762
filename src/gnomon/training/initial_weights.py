"""Fine-tuning: initial weights from another run."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from gnomon.io.console import say
from gnomon.io.folders import RunFolder
from gnomon.nets import enlarge_kernels
from gnomon.rules.catalogue.usage import INVALID_START_WEIGHTS, NO_WEIGHTS

_HEADS = "heads."
_WHERE = "training.start_from"


def weights_file(place: Path) -> Path:
    """The file with the weights of a run.

    Args:
        place: folder of a run, or the file itself.

    Raises:
        Refusal: USE105, there are none.
    """
    path = RunFolder(place).weights if place.is_dir() else place
    if not path.is_file():
        raise NO_WEIGHTS.refusal(
            str(path),
            found="no such file",
            remedy="Set training.start_from to the folder of a finished run, or to its weights.",
        )
    return path


def load_initial_weights(net: nn.Module, place: Path) -> nn.Module:
    """Load weights of another run into a net: kernels are enlarged, heads for other labels keep their initial weights.

    Raises:
        Refusal: USE105, no weights; USE118, a file that holds none, or weights of another net.
    """
    path = weights_file(place)
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise INVALID_START_WEIGHTS.refusal(
            f"{_WHERE} {path}", found=f"a file that cannot be read ({error})", expected="weights in safetensors"
        ) from None
    own = net.state_dict()
    for name in [name for name in own if name.startswith(_HEADS)]:
        if name in found and found[name].shape != own[name].shape:
            found[name] = own[name]
            say(f"training: {name} keeps its initial weights: the labels of {place} differ")
    try:
        net.load_state_dict(enlarge_kernels(found, own))
    except ValueError as error:
        raise INVALID_START_WEIGHTS.refusal(
            f"{_WHERE} {path}",
            found=f"weights of another net: {error}",
            expected="weights of this net; only its heads may differ",
        ) from None
    return net
