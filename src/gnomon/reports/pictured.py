"""Where the cases of a report come from: a prepared data set, or plain files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.geometry import Grid, resample_voxels
from gnomon.core.regrid import interpolate_values
from gnomon.dataset.dataset import Dataset, read_case, reference_path
from gnomon.evaluation import align_prediction
from gnomon.io.artifacts import map_array
from gnomon.io.images import read_image, read_label
from gnomon.reports.cases import PicturedCase
from gnomon.reports.evaluation_report import Pictured
from gnomon.rules.finding import Refusal


def of_dataset(dataset: Dataset, predictions: Path) -> Pictured:
    """Cases of a data set, each with its own image."""

    def pictured(name: str) -> PicturedCase | None:
        path = predictions / f"{name}.nii.gz"
        if not path.is_file():
            return None
        case = read_case(dataset.folder, name)
        order = case.native.reorientation_to("RAS")
        ordered = case.native.reorient(order)
        image = map_array(dataset.folder.case(name) / "image.npy")[0]
        return PicturedCase(
            image=interpolate_values(np.asarray(image), case.canonical, ordered),
            reference=order.apply(read_label(reference_path(dataset.folder, name)).voxels),
            prediction=order.apply(read_label(path).voxels),
            grid=ordered,
        )

    return pictured


def of_files(references: Mapping[str, Path], predictions: Mapping[str, Path], images: Mapping[str, Path]) -> Pictured:
    """Cases of label files; a prediction on another grid is drawn where its header puts it, a missing image black."""

    def pictured(name: str) -> PicturedCase | None:
        if name not in references or name not in predictions:
            return None
        try:
            reference, prediction = read_label(references[name]), read_label(predictions[name])
            aligned = align_prediction(name, prediction.voxels, prediction.grid, reference.grid, "resample").voxels
            image = _image(images.get(name), reference.grid)
        except Refusal:
            return None
        assert aligned is not None
        order = reference.grid.reorientation_to("RAS")
        return PicturedCase(
            order.apply(image), order.apply(reference.voxels), order.apply(aligned), reference.grid.reorient(order)
        )

    return pictured


def _image(path: Path | None, grid: Grid) -> NDArray[Any]:
    if path is None:
        return np.zeros(grid.shape, np.float32)
    image = read_image(path)
    return resample_voxels(image.voxels, image.grid, grid, float(image.voxels.min()))
