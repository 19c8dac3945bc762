"""Export to a raw data set of nnU-Net, and the meaning of its label values."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme
from gnomon.io.artifacts import atomic_replacement, write_json
from gnomon.io.console import show_progress
from gnomon.io.images import Image, read_grid, read_image, read_label, write_image, write_like
from gnomon.preparation import RawDataset
from gnomon.rules.catalogue.nnunet import INVALID_DATASET_NAME, MODEL_MISMATCH
from gnomon.rules.catalogue.preparation import UNKNOWN_LABEL_VALUE
from gnomon.rules.finding import Finding, Refusal

ORIENTATIONS = ("native", "canonical")
LABEL_VALUES_KEY = "gnomon_label_values"
"""Key of dataset.json that keeps the label values before the export."""


@dataclass(frozen=True)
class NnunetFolders:
    """The three folders of nnU-Net inside one, and one data set in them."""

    base: Path
    name: str

    @property
    def raw_folder(self) -> Path:
        """nnUNet_raw/DatasetXXX_Name."""
        return self.base / "nnUNet_raw" / self.name

    @property
    def preprocessed_folder(self) -> Path:
        """nnUNet_preprocessed/DatasetXXX_Name."""
        return self.base / "nnUNet_preprocessed" / self.name

    @property
    def environment(self) -> dict[str, str]:
        """The variables that nnU-Net reads."""
        folders = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
        return {name: str((self.base / name).resolve()) for name in folders}


def dataset_name(number: int, name: str) -> str:
    """nnU-Net's name of a data set. Raises Refusal NNU105 if the number or name is not allowed."""
    if not 1 <= number <= 999 or not name.isidentifier():
        raise INVALID_DATASET_NAME.refusal("dataset_id, name", found=f"dataset_id={number} name={name!r}")
    return f"Dataset{number:03d}_{name}"


def export_dataset(
    source: RawDataset, folders: NnunetFolders, orientation: str, only: Collection[str] | None = None
) -> list[Finding]:
    """Write imagesTr, labelsTr and dataset.json; labels get the values 1, 2, ..., `ignore` the highest value.

    Args:
        orientation: `native` keeps voxels and headers as they are; `canonical` reorients to RAS+ without loss, which
            nnU-Net itself does not do.
        only: names of cases; None exports all.

    Returns:
        Findings about the cases that were left out.
    """
    cases = [case for case in source.cases if only is None or case.name in only]
    findings: list[Finding] = []
    written = 0
    for case in show_progress(cases, len(cases), "exporting"):
        try:
            _export_image(case.image, folders.raw_folder / "imagesTr" / f"{case.name}_0000.nii.gz", orientation)
            _export_label(
                case.label, folders.raw_folder / "labelsTr" / f"{case.name}.nii.gz", orientation, source.labels
            )
            written += 1
        except Refusal as refusal:
            findings += refusal.findings
    write_json(folders.raw_folder / "dataset.json", dataset_description(source, written))
    return findings


def dataset_description(source: RawDataset, count: int) -> dict[str, Any]:
    """Contents of dataset.json."""
    labels = {"background": 0, **{name: i for i, name in enumerate(source.labels.names, start=1)}}
    if source.labels.ignore is not None:
        labels["ignore"] = source.labels.n_channels
    return {
        "channel_names": {"0": source.modality},
        "labels": labels,
        "numTraining": count,
        "file_ending": ".nii.gz",
        LABEL_VALUES_KEY: source.labels.as_dict(),
    }


def label_scheme_from(description: Mapping[str, Any]) -> LabelScheme:
    """Labels and values of a dataset.json: those before an export from here, or nnU-Net's own.

    Raises:
        Refusal: NNU103, regions, which overlap and have no single value.
    """
    if LABEL_VALUES_KEY in description:
        return LabelScheme.from_dict(description[LABEL_VALUES_KEY])
    labels = dict(description.get("labels", {}))
    try:
        return LabelScheme.from_names(labels)
    except ValueError:
        raise MODEL_MISMATCH.refusal(
            "dataset.json",
            found=f"labels {labels}",
            expected="one value for each label; regions are not supported",
            remedy="Train nnU-Net on labels instead of regions.",
        ) from None


def _export_image(source: Path, target: Path, orientation: str) -> None:
    if orientation == "native" and source.name.endswith(".nii.gz"):
        read_grid(source)
        with atomic_replacement(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    image = read_image(source)
    _write(target, _compact(image.voxels), image, orientation)


def _export_label(source: Path, target: Path, orientation: str, labels: LabelScheme) -> None:
    image = read_label(source)
    if unknown := sorted(set(np.unique(image.voxels).tolist()) - set(labels.known_values)):
        raise UNKNOWN_LABEL_VALUE.refusal(
            target.name, found=f"label value(s) {unknown}", expected=f"values among {sorted(labels.known_values)}"
        )
    channels = labels.channels_from_values(image.voxels)
    _write(target, channels.astype(np.uint8 if labels.n_channels < 255 else np.uint16), image, orientation)


def _write(target: Path, voxels: NDArray[Any], image: Image, orientation: str) -> None:
    if orientation == "native":
        write_like(target, voxels, image.header)
        return
    reorientation = image.grid.reorientation_to("RAS")
    write_image(target, reorientation.apply(voxels), image.grid.reorient(reorientation))


def _compact(voxels: NDArray[np.float32]) -> NDArray[Any]:
    """Whole numbers, as in CT, as int16."""
    whole = np.array_equal(voxels, np.rint(voxels)) and voxels.min() >= -32768 and voxels.max() <= 32767
    return voxels.astype(np.int16) if whole else voxels
