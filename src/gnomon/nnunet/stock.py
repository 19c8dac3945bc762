"""Rules inside an unmodified nnU-Net: the functions that postprocessing.pkl names.

`nnUNetv2_apply_postprocessing` gives postprocessing functions an array without spacing. The pickle names `class_aware`
of this module, so opening it imports the module, which replaces nnU-Net's `load_postprocess_save` by a function that
knows the file. nnU-Net looks up that name when it starts its processes and passes the replacement to them. Should it
not, `class_aware` itself is called and raises an error: without spacing there is no volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.postprocessing import remove_connected_components as nnunet
from numpy.typing import NDArray

from gnomon.io.images import NIFTI_ENDINGS, image_stem, read_label, write_like
from gnomon.nnunet.predictions import read_npz
from gnomon.postprocess import RuleSet, apply_rules, rule_set_from

_STOCK = nnunet.load_postprocess_save


def class_aware(segmentation: NDArray[Any], rules: Mapping[str, Any]) -> NDArray[Any]:
    """Placeholder for rules in a postprocessing.pkl; it is never called in normal use.

    Raises:
        RuntimeError: always, because an array has no spacing and so no volume in mm3.
    """
    raise RuntimeError(
        "gnomon's rules were called without a file, so the size of a voxel is unknown. Use "
        "nnUNetv2_apply_postprocessing of nnunetv2 2.8, or `gnomon postprocess apply`."
    )


def load_postprocess_save(
    segmentation_file: str,
    output_fname: str,
    image_reader_writer: Any,
    pp_fns: Sequence[Callable[..., Any]],
    pp_fn_kwargs: Sequence[Mapping[str, Any]],
) -> None:
    """Replacement for nnU-Net's function of this name: applies rules, and leaves anything else to the original.

    Raises:
        RuntimeError: rules mixed with other functions, or a file that is not NIfTI.
    """
    is_placeholder = [function is class_aware for function in pp_fns]
    if not any(is_placeholder):
        _STOCK(segmentation_file, output_fname, image_reader_writer, list(pp_fns), [dict(one) for one in pp_fn_kwargs])
        return
    if not all(is_placeholder):
        raise RuntimeError(
            "this postprocessing.pkl mixes gnomon's rules with other functions; keep them in separate files"
        )
    path, output = Path(segmentation_file), Path(output_fname)
    if not path.name.endswith(NIFTI_ENDINGS):
        raise RuntimeError(f"{path.name}: gnomon's rules are applied to NIfTI files")
    image = read_label(path)
    voxels = image.voxels
    for given in pp_fn_kwargs:
        spec = rule_set_from(given["rules"], "postprocessing.pkl")
        voxels, _ = apply_rules(spec, voxels, image.grid, _probabilities(spec, path, voxels.shape))
    kind = np.uint8 if voxels.max(initial=0) < 256 else np.uint16
    write_like(output, voxels.astype(kind), image.header)


def _probabilities(spec: RuleSet, path: Path, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Probabilities that the rules need, from the .npz file that nnU-Net writes with a prediction."""
    if not spec.reads_probability:
        return {}
    npz = path.with_name(image_stem(path) + ".npz")
    if not npz.is_file():
        raise RuntimeError(f"{path.name}: the rules need probabilities; predict with --save_probabilities")
    channels = read_npz(npz, shape)
    return {name: channels[value] for name, value in spec.labels if name in spec.reads_probability}


nnunet.load_postprocess_save = load_postprocess_save
