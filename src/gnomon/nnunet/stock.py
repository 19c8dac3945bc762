"""Rules inside stock nnU-Net: what its postprocessing.pkl names, and nothing else.

`nnUNetv2_apply_postprocessing` gives a function an array without spacing. Its pickle names `class_aware` of this
module, so that opening it imports the module, which puts a function that knows the file in the place of nnU-Net's
`load_postprocess_save`. nnU-Net looks that name up when it starts its processes, and sends them ours. Where it does
not, `class_aware` itself is called, and refuses: without spacing there is no volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.postprocessing import remove_connected_components as nnunet
from numpy.typing import NDArray

from gnomon.io import nifti
from gnomon.nnunet.predictions import read_npz
from gnomon.postprocess import Spec, apply, spec_from

_STOCK = nnunet.load_postprocess_save


def class_aware(segmentation: NDArray[Any], rules: Mapping[str, Any]) -> NDArray[Any]:
    """Stands for rules in a postprocessing.pkl; never to be called.

    Raises:
        RuntimeError: always. It was given an array, and volumes need its spacing.
    """
    raise RuntimeError(
        "gnomon's rules were called without the file they are for, so voxels have no size. Use "
        "nnUNetv2_apply_postprocessing of nnunetv2 2.8, or `gnomon postprocess apply`."
    )


def load_postprocess_save(
    segmentation_file: str,
    output_fname: str,
    image_reader_writer: Any,
    pp_fns: Sequence[Callable[..., Any]],
    pp_fn_kwargs: Sequence[Mapping[str, Any]],
) -> None:
    """nnU-Net's function of this name, for rules; anything else is left to nnU-Net's own.

    Raises:
        RuntimeError: rules beside other functions, or a file that is no NIfTI.
    """
    ours = [function is class_aware for function in pp_fns]
    if not any(ours):
        _STOCK(segmentation_file, output_fname, image_reader_writer, list(pp_fns), [dict(one) for one in pp_fn_kwargs])
        return
    if not all(ours):
        raise RuntimeError("gnomon's rules stand beside other functions in this postprocessing.pkl; keep them apart")
    path, output = Path(segmentation_file), Path(output_fname)
    if not path.name.endswith(nifti.SUFFIXES):
        raise RuntimeError(f"{path.name}: gnomon's rules are applied to NIfTI files")
    image = nifti.read_label(path)
    voxels = image.voxels
    for given in pp_fn_kwargs:
        spec = spec_from(given["rules"], "postprocessing.pkl")
        voxels, _ = apply(spec, voxels, image.grid, _probabilities(spec, path, voxels.shape))
    kind = np.uint8 if voxels.max(initial=0) < 256 else np.uint16
    nifti.write_like(output, voxels.astype(kind), image.header)


def _probabilities(spec: Spec, path: Path, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """What the rules read, from the .npz that nnU-Net writes beside a prediction."""
    if not spec.reads_probability:
        return {}
    beside = path.with_name(nifti.stem(path) + ".npz")
    if not beside.is_file():
        raise RuntimeError(f"{path.name}: the rules read probabilities; predict with --save_probabilities")
    channels = read_npz(beside, shape)
    return {name: channels[value] for name, value in spec.labels if name in spec.reads_probability}


nnunet.load_postprocess_save = load_postprocess_save
