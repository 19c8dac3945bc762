"""Conversion of nnU-Net's weights to the net with the same layout; kernels are put in the order x, y, z."""

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
# An instance norm cancels the bias before it; the other tensors are duplicates under a second name.
_NOT_NEEDED = re.compile(r"\.all_modules\.|^decoder\.encoder\.|\.conv[12]?\.conv\.bias$|\.conv\.bias$")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net's trainer. No code in it is executed; NumPy scalars are allowed.

    Raises:
        Refusal: NNU101, no such file, or one with more than tensors and plain values.
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


def convert_weights(state: Mapping[str, torch.Tensor], net: str, axes: Sequence[int]) -> dict[str, torch.Tensor]:
    """nnU-Net's state dict under the names of the net here.

    Args:
        net: `plain_unet` or `res_enc_unet`.
        axes: the axis of nnU-Net's arrays for each of x, y, z.

    Raises:
        Refusal: NNU102, a tensor without a counterpart.
    """
    table = (*(_PLAIN if net == "plain_unet" else _RESIDUAL), *_DECODER)
    converted: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        plain = name.removeprefix("module.").removeprefix("_orig_mod.")
        if _NOT_NEEDED.search(plain):
            continue
        converted[_rename(plain, table)] = (
            (permute_axes(value, axes) if value.ndim == 5 else value).float().contiguous()
        )
    return converted


def _rename(name: str, table: Sequence[tuple[str, Any]]) -> str:
    for pattern, place in table:
        if match := re.fullmatch(pattern, name):
            return str(place(*(int(part) if part.isdigit() else part for part in match.groups())))
    raise UNKNOWN_TENSOR.refusal(name, found="a tensor that has no counterpart in the net")


def _numpy_scalars() -> list[Any]:
    """Types with which NumPy scalars are pickled."""
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    return [np._core.multiarray.scalar, np._core.multiarray._reconstruct, *kinds]  # type: ignore[attr-defined]
