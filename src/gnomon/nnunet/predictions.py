"""Import of nnU-Net's predictions: label values as before the export, probabilities from the .npz files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import permute_axes
from gnomon.core.labels import LabelScheme
from gnomon.io.console import show_progress
from gnomon.io.folders import PredictionsFolder
from gnomon.io.images import image_stem, images_in_folder, read_label, write_like, write_probabilities
from gnomon.nnunet.dataset import label_scheme_from
from gnomon.rules.catalogue.nnunet import UNUSABLE_PREDICTION
from gnomon.rules.catalogue.usage import MISSING_FOLDER
from gnomon.rules.finding import Finding, Refusal

ZYX = (2, 1, 0)
"""Axes of nnU-Net's arrays, by which they are put in the order x, y, z."""


def import_predictions(predictions: Path, description: Mapping[str, Any], output: Path) -> list[Finding]:
    """Write a predictions folder. `description` is the dataset.json of nnU-Net's training.

    Returns:
        Findings about the cases that could not be read.

    Raises:
        Refusal: USE101, no predictions; NNU103, labels without a counterpart.
    """
    labels = label_scheme_from(description)
    files = images_in_folder(predictions) if predictions.is_dir() else {}
    if not files:
        raise MISSING_FOLDER.refusal(str(predictions), found="no NIfTI file", expected="a folder of predictions")
    findings: list[Finding] = []
    for name, path in show_progress(files.items(), len(files), "importing"):
        try:
            _import(name, path, labels, PredictionsFolder(output))
        except Refusal as refusal:
            findings += refusal.findings
    return findings


def read_npz(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Probabilities (channels, x, y, z) from the .npz file of a prediction of shape (x, y, z).

    Raises:
        Refusal: NNU106, a file that cannot be read, or of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found: NDArray[np.float32] = permute_axes(stored["probabilities"], ZYX).astype(np.float32)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UNUSABLE_PREDICTION.refusal(
            path.name, found=f"a file that cannot be read ({error})", expected="probabilities as nnU-Net writes them"
        ) from None
    if found.shape[1:] != shape:
        raise UNUSABLE_PREDICTION.refusal(
            path.name,
            found=f"an array of shape {found.shape[1:]}",
            expected=f"the shape of the prediction, {shape}",
            remedy="Predict again with SimpleITKIO; NibabelIOWithReorient orders the axes of probabilities otherwise.",
        )
    return found


def _import(name: str, path: Path, labels: LabelScheme, output: PredictionsFolder) -> None:
    image = read_label(path)
    if image.voxels.max(initial=0) >= labels.n_channels:
        raise UNUSABLE_PREDICTION.refusal(
            path.name,
            found=f"label value {image.voxels.max()}",
            expected=f"values from 0 to {labels.n_channels - 1}",
            remedy="Set dataset_json= to the dataset.json of the training that made this prediction.",
        )
    npz = path.with_name(f"{image_stem(path)}.npz")
    if npz.is_file():
        for label, share in zip(labels.names, read_npz(npz, image.voxels.shape)[1:]):
            write_probabilities(output.probability(label, name), share, image.header)
    values = labels.values_from_channels(image.voxels)
    kind = np.uint8 if max(labels.values) < 256 else np.uint16
    write_like(output.path / f"{name}.nii.gz", values.astype(kind), image.header)
