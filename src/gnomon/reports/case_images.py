"""Images of the cases of a report, from a prepared data set or from files."""

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
from gnomon.reports.case_pictures import CaseImages
from gnomon.reports.evaluation_report import ImageSource
from gnomon.rules.finding import Refusal


def images_of_dataset(dataset: Dataset, predictions: Path) -> ImageSource:
    """Images of a data set's cases, with predictions from a folder."""

    def images_of(name: str) -> CaseImages | None:
        path = predictions / f"{name}.nii.gz"
        if not path.is_file():
            return None
        case = read_case(dataset.folder, name)
        order = case.native.reorientation_to("RAS")
        ordered = case.native.reorient(order)
        image = map_array(dataset.folder.case(name) / "image.npy")[0]
        return CaseImages(
            image=interpolate_values(np.asarray(image), case.canonical, ordered),
            reference=order.apply(read_label(reference_path(dataset.folder, name)).voxels),
            prediction=order.apply(read_label(path).voxels),
            grid=ordered,
        )

    return images_of


def images_of_files(
    references: Mapping[str, Path], predictions: Mapping[str, Path], images: Mapping[str, Path]
) -> ImageSource:
    """Images of label files. A prediction on another grid is resampled by its header; a missing image is black."""

    def images_of(name: str) -> CaseImages | None:
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
        return CaseImages(
            order.apply(image), order.apply(reference.voxels), order.apply(aligned), reference.grid.reorient(order)
        )

    return images_of


def _image(path: Path | None, grid: Grid) -> NDArray[Any]:
    if path is None:
        return np.zeros(grid.shape, np.float32)
    image = read_image(path)
    return resample_voxels(image.voxels, image.grid, grid, float(image.voxels.min()))
