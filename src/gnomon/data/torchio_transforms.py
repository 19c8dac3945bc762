"""Transforms of TorchIO and of installed packages, drawing from a keyed stream instead of the global generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torchio as tio

from gnomon.core.extensions import extension_names, load_extension
from gnomon.core.randomness import global_streams
from gnomon.rules.catalogue.usage import INVALID_TORCHIO_TRANSFORM

_WHERE = "training.data.augmentation.torchio"
_UNSAFE = ("RandomFlip",)  # would leave left and right names as they were


def build_torchio_transform(chosen: Sequence[Mapping[str, Mapping[str, Any]]]) -> tio.Compose | None:
    """The transforms that `[{name: arguments}, ...]` names, one after the other; None for none.

    Raises:
        Refusal: USE116, a name or an argument that TorchIO does not know, or a transform that is not safe.
    """
    made = [_build_transform(name, arguments or {}) for entry in chosen for name, arguments in entry.items()]
    return tio.Compose(made) if made else None


def apply_torchio(
    image: torch.Tensor,
    label: torch.Tensor,
    transform: tio.Compose,
    spacing_mm: Sequence[float],
    seed: int,
    key: Sequence[str | int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Image (channels, x, y, z) and label (x, y, z) after the transform, drawn from the stream of `key`.

    Raises:
        Refusal: USE116, the transform changed the patch's shape.
    """
    affine = np.diag([*spacing_mm, 1.0])
    subject = tio.Subject(
        image=tio.ScalarImage(tensor=image, affine=affine), label=tio.LabelMap(tensor=label[None], affine=affine)
    )
    with global_streams(seed, "torchio", *key):
        out = transform(subject)
    if out.spatial_shape != tuple(label.shape):
        raise INVALID_TORCHIO_TRANSFORM.refusal(
            _WHERE,
            found=f"a patch of shape {tuple(label.shape)} that became {out.spatial_shape}",
            expected="transforms that keep the shape of the patch",
            remedy="Remove the transforms that crop, pad or resample.",
        )
    return out.get_image("image").data, out.get_image("label").data[0].to(label.dtype)


def _build_transform(name: str, arguments: Mapping[str, Any]) -> tio.Transform:
    kind = _find_transform(name)
    if kind is None:
        raise INVALID_TORCHIO_TRANSFORM.refusal(
            _WHERE,
            found=repr(name),
            expected="the name of a random transform of TorchIO, for example RandomMotion, "
            f"or of an installed package ({', '.join(extension_names('transforms')) or 'there is none'})",
        )
    if name in _UNSAFE:
        raise INVALID_TORCHIO_TRANSFORM.refusal(
            _WHERE,
            found=name,
            expected="a transform that keeps left and right",
            remedy="Set training.data.augmentation.mirror_probability, which exchanges left and right labels.",
        )
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise INVALID_TORCHIO_TRANSFORM.refusal(
            f"{_WHERE}: {name}", found=str(error), expected="arguments of the transform"
        ) from None


def _find_transform(name: str) -> type[tio.Transform] | None:
    """The class of a transform: a random one of TorchIO, or of an installed package (`gnomon.transforms`)."""
    known = getattr(tio.transforms, name, None)
    if known is not None:
        random = tio.transforms.augmentation.RandomTransform
        return known if isinstance(known, type) and issubclass(known, random) else None
    return load_extension("transforms", name, _is_transform, "a subclass of torchio.Transform")


def _is_transform(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, tio.Transform)
