"""Weights of nnU-Net's nets -> those of ours with the same layout. Kernels are put in our order of axes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gnomon.core.geometry import permute_axes
from gnomon.rules.catalogue.nnunet import UNKNOWN_TENSOR, UNUSABLE_CHECKPOINT

_PLAIN = (
    (r"encoder\.stages\.(\d+)\.0\.convs\.(\d+)\.conv\.weight", lambda s, c: f"encoder.{s}.{2 * c}.weight"),
    (r"encoder\.stages\.(\d+)\.0\.convs\.(\d+)\.norm\.(weight|bias)", lambda s, c, k: f"encoder.{s}.{2 * c + 1}.{k}"),
)
_RESIDUAL = (
    (r"encoder\.stem\.convs\.0\.conv\.weight", lambda: "encoder.0.0.0.weight"),
    (r"encoder\.stem\.convs\.0\.norm\.(weight|bias)", lambda k: f"encoder.0.0.1.{k}"),
    (
        r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.conv([12])\.conv\.weight",
        lambda s, b, n: f"encoder.{s}.{1 + b}.convolutions.{2 * n - 2}.weight",
    ),
    (
        r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.conv([12])\.norm\.(weight|bias)",
        lambda s, b, n, k: f"encoder.{s}.{1 + b}.convolutions.{2 * n - 1}.{k}",
    ),
    (
        r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.(\d+)\.conv\.weight",
        lambda s, b, n: f"encoder.{s}.{1 + b}.shortcut.{n}.weight",
    ),
    (
        r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.(\d+)\.norm\.(weight|bias)",
        lambda s, b, n, k: f"encoder.{s}.{1 + b}.shortcut.{n + 1}.{k}",
    ),
)
_DECODER = (
    (r"decoder\.transpconvs\.(\d+)\.(weight|bias)", lambda i, k: f"upward.{i}.{k}"),
    (r"decoder\.seg_layers\.(\d+)\.(weight|bias)", lambda i, k: f"heads.{i}.{k}"),
    (r"decoder\.stages\.(\d+)\.convs\.(\d+)\.conv\.weight", lambda i, c: f"decoder.{i}.{2 * c}.weight"),
    (r"decoder\.stages\.(\d+)\.convs\.(\d+)\.norm\.(weight|bias)", lambda i, c, k: f"decoder.{i}.{2 * c + 1}.{k}"),
)
# A bias before an instance norm is taken away by it; the others are the same tensors under a second name.
_WITHOUT = re.compile(r"\.all_modules\.|^decoder\.encoder\.|\.conv[12]?\.conv\.bias$|\.conv\.bias$")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of nnU-Net's trainer. Nothing in it is executed; NumPy's plain numbers are let through.

    Raises:
        Refusal: NNU101, no such file, or one that holds more than tensors and plain values.
    """
    if not path.is_file():
        raise UNUSABLE_CHECKPOINT.refusal(str(path), found="no such file")
    plain = [np.dtype, np.ndarray, *_numpy_scalars()]
    try:
        with torch.serialization.safe_globals(plain):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch errors all mean the same here
        raise UNUSABLE_CHECKPOINT.refusal(
            str(path),
            found=f"a file that cannot be read safely ({str(error).splitlines()[0]})",
            remedy="Save the checkpoint again with nnunetv2 2.x, from its own training.",
        ) from None
    if not isinstance(found, dict) or "network_weights" not in found:
        raise UNUSABLE_CHECKPOINT.refusal(str(path), found="no network weights")
    return found


def our_weights(theirs: Mapping[str, torch.Tensor], net: str, axes: Sequence[int]) -> dict[str, torch.Tensor]:
    """nnU-Net's state dict under our names.

    Args:
        net: `plain_unet` or `res_enc_unet`.
        axes: for each of our axes (x, y, z) the axis of nnU-Net's arrays.

    Raises:
        Refusal: NNU102, a tensor that has no place in our net.
    """
    table = (*(_PLAIN if net == "plain_unet" else _RESIDUAL), *_DECODER)
    ours: dict[str, torch.Tensor] = {}
    for name, value in theirs.items():
        plain = name.removeprefix("module.").removeprefix("_orig_mod.")
        if _WITHOUT.search(plain):
            continue
        ours[_named(plain, table)] = (permute_axes(value, axes) if value.ndim == 5 else value).float().contiguous()
    return ours


def _named(name: str, table: Sequence[tuple[str, Any]]) -> str:
    for pattern, place in table:
        if match := re.fullmatch(pattern, name):
            return str(place(*(int(part) if part.isdigit() else part for part in match.groups())))
    raise UNKNOWN_TENSOR.refusal(name, found="a tensor that has no counterpart in the net")


def _numpy_scalars() -> list[Any]:
    """What NumPy's numbers are pickled with."""
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    return [np._core.multiarray.scalar, np._core.multiarray._reconstruct, *kinds]  # type: ignore[attr-defined]
