"""Prepared cases -> batches of patches, the same for any number of workers and after any restart."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from isocenter.artifacts import map_array
from isocenter.data.augmentation import (
    AugmentationSettings,
    apply_augmentation,
    draw_augmentation,
    mirrored_patch,
)
from isocenter.data.sampling import (
    EpochBatches,
    PatchKey,
    cut_patch,
    epoch_keys,
    foreground_voxel,
    patch_corner,
)
from isocenter.mirroring import mirroring
from isocenter.preparation import Case, Dataset, read_case
from isocenter.randomness import generator
from isocenter.settings import bounded

Patch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class DataSettings:
    """How patches are drawn.

    Attributes:
        foreground_share: share of patches that are put on a structure.
        workers: loader processes; the stream does not depend on it.
    """

    foreground_share: float = 0.5
    workers: int = 0
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        bounded(self, foreground_share=(0, 1), workers=(0, 256))


class Patches(TorchDataset[Patch]):
    """Patches by key. Arrays are memory-mapped, so memory does not grow with the number of workers."""

    def __init__(self, dataset: Dataset, seed: int, settings: DataSettings, *, training: bool) -> None:
        self._dataset = dataset
        self._seed = seed
        self._settings = settings
        self._training = training
        self._mirroring = mirroring(dataset.labels)
        self._opened = functools.lru_cache(maxsize=None)(self._open)

    def __getitem__(self, key: PatchKey) -> Patch:
        case, voxels, channels, indices = self._opened(key.case)
        stream = "patch" if self._training else "validation"
        draw = generator(self._seed, stream, key.epoch, key.position, key.case)
        patch = self._dataset.plan.topology.patch
        centre = foreground_voxel(draw, case, indices) if key.on_foreground else None
        corner = patch_corner(draw, case.canonical.shape, patch, centre)
        image = cut_patch(voxels, corner, patch, case.background)
        label = cut_patch(channels, corner, patch, 0).astype(np.int64)
        if not (self._training and self._settings.augmentation.enabled):
            return {"image": torch.from_numpy(image), "label": torch.from_numpy(label)}
        spacing_mm = self._dataset.plan.spacing_mm
        how = draw_augmentation(draw, self._settings.augmentation, spacing_mm, self._mirroring.axes)
        image, label = mirrored_patch(image, label, how.mirror, self._mirroring)
        out_image, out_label = apply_augmentation(torch.from_numpy(image), torch.from_numpy(label), how, spacing_mm)
        return {"image": out_image, "label": out_label}

    def _open(self, name: str) -> tuple[Case, np.ndarray, np.ndarray, np.ndarray]:
        place = self._dataset.folder.case(name)
        image, label, foreground = (map_array(place / f"{kind}.npy") for kind in ("image", "label", "foreground"))
        return read_case(self._dataset.folder, name), image, label, foreground

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._opened = functools.lru_cache(maxsize=None)(self._open)


class PatchModule(pl.LightningDataModule):
    """Training patches of one fold, and one fixed patch of each validation case."""

    def __init__(
        self, dataset: Dataset, fold: int, seed: int, steps_per_epoch: int, settings: DataSettings, first_epoch: int = 0
    ) -> None:
        super().__init__()
        self._first_epoch = first_epoch
        self._dataset = dataset
        self._train, self._val = dataset.splits.folds[fold]
        self._seed = seed
        self._steps = steps_per_epoch
        self._settings = settings

    def train_dataloader(self) -> DataLoader[Patch]:
        """Batches of the trainer's current epoch."""
        batches = EpochBatches(self._batches_of, self._current_epoch)
        patches = Patches(self._dataset, self._seed, self._settings, training=True)
        workers = self._settings.workers
        return DataLoader(
            patches, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0, generator=None
        )

    def val_dataloader(self) -> DataLoader[Patch]:
        """The same patches every time: on a structure, without augmentation."""
        keys = [PatchKey(0, i, name, True) for i, name in enumerate(self._val)]
        size = self._dataset.plan.batch
        batches = [keys[i : i + size] for i in range(0, len(keys), size)]
        return DataLoader(
            Patches(self._dataset, self._seed, self._settings, training=False),
            batch_sampler=EpochBatches(lambda _epoch: batches, lambda: 0),
        )

    def _current_epoch(self) -> int:
        """The epoch whose batches are asked for.

        A run that goes on makes its first iterator, and loader workers fetch ahead, while Lightning still
        names the epoch that the checkpoint ended with.
        """
        return max(self.trainer.current_epoch if self.trainer is not None else 0, self._first_epoch)

    def _batches_of(self, epoch: int) -> list[list[PatchKey]]:
        batch, share = self._dataset.plan.batch, self._settings.foreground_share
        return epoch_keys(self._seed, epoch, self._train, self._steps, batch, share)
