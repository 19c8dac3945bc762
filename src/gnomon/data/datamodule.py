"""Batches of patches from prepared cases, the same for any number of workers and after any restart."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytorch_lightning as pl
import torch
import torchio as tio
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from gnomon.core.mirroring import safe_mirroring
from gnomon.core.randomness import generator
from gnomon.data.augmentation import Augmentation, augment_patch, draw_augmentation, mirror_patch
from gnomon.data.deformation import margin_voxels
from gnomon.data.items import CutPatch
from gnomon.data.sampling import (
    EpochBatches,
    PatchKey,
    cut_patch,
    epoch_keys,
    foreground_voxel,
    patch_corner,
)
from gnomon.data.torchio_transforms import apply_torchio, build_torchio_transform
from gnomon.data.whole_images import WholeImages
from gnomon.dataset.dataset import Case, Dataset, read_case
from gnomon.io.artifacts import map_array
from gnomon.settings import DataSettings

Batch = dict[str, torch.Tensor]
"""As the docstring of `gnomon.data` describes it."""


class Patches(TorchDataset[CutPatch]):
    """Patches of segmented cases by key. Arrays are memory-mapped: memory does not grow with the number of workers."""

    def __init__(self, dataset: Dataset, seed: int, settings: DataSettings, *, training: bool) -> None:
        self._dataset = dataset
        self._seed = seed
        self._settings = settings
        self._training = training
        self._mirroring = safe_mirroring(dataset.labels)
        self._label_kind = np.int8 if dataset.labels.n_channels < 127 else np.int16
        self._opened = functools.lru_cache(maxsize=None)(self._open)

    @staticmethod
    def batch(cut: Sequence[CutPatch], images: Sequence[torch.Tensor], labels: Sequence[torch.Tensor]) -> Batch:
        """A batch of augmented patches, as `gnomon.data` describes it."""
        annotated = torch.stack([patch.annotated.to(labels[0].device) for patch in cut])
        return {"image": torch.stack(list(images)), "label": torch.stack(list(labels)).long(), "annotated": annotated}

    def __getitem__(self, key: PatchKey) -> CutPatch:
        case, voxels, channels, indices = self._opened(key.case)
        plan, settings = self._dataset.plan, self._settings.augmentation
        stream = "patch" if self._training else "validation"
        draw = generator(self._seed, stream, key.epoch, key.position, key.case)
        patch = plan.topology.patch
        centre = foreground_voxel(draw, case, indices) if key.on_foreground else None
        corner = patch_corner(draw, case.canonical.shape, patch, centre)
        how = Augmentation()
        if self._training and settings.enabled:
            how = draw_augmentation(draw, settings, plan.spacing_mm, self._mirroring.axes)
        margin = margin_voxels(how.deformation, patch, plan.spacing_mm) if how.deformation else (0, 0, 0)
        first = [start - more for start, more in zip(corner, margin)]
        box = [size + 2 * more for size, more in zip(patch, margin)]
        image, label = cut_patch(voxels, first, box, case.background), cut_patch(channels, first, box, 0)
        image, label = mirror_patch(image, label, how.mirror, self._mirroring)
        cut = torch.from_numpy(image), torch.from_numpy(label.astype(self._label_kind))
        return CutPatch(key, *cut, how, self._annotated_channels(case, how.mirror))

    def _annotated_channels(self, case: Case, mirror: tuple[int, ...]) -> torch.Tensor:
        """For each channel whether its structure was annotated in the case; the background always was."""
        count = self._dataset.labels.n_channels
        known = range(count) if case.annotated is None else (0, *case.annotated)
        partner = self._mirroring.channels if 0 in mirror else range(count)
        return torch.tensor([channel in known for channel in (partner[i] for i in range(count))])

    def _open(self, name: str) -> tuple[Case, np.ndarray, np.ndarray, np.ndarray]:
        place = self._dataset.folder.case(name)
        image, label, foreground = (map_array(place / f"{kind}.npy") for kind in ("image", "label", "foreground"))
        return read_case(self._dataset.folder, name), image, label, foreground

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._opened = functools.lru_cache(maxsize=None)(self._open)


Items = type[Patches] | type[WholeImages]
"""What a batch is made of: the class of the torch data set, with its function `batch`."""


class BatchAssembler:
    """Augments cut patches and assembles them into a batch, which `items` (`Patches` or `WholeImages`) lays out."""

    def __init__(self, dataset: Dataset, seed: int, items: Items, transform: tio.Compose | None = None) -> None:
        self._plan = dataset.plan
        self._items = items
        self._seed = seed
        self._transform = transform

    def __call__(self, cut: Sequence[CutPatch]) -> Batch:
        """The batch, on the device that the patches are on."""
        images, labels = zip(*(self._one(patch) for patch in cut))
        return self._items.batch(cut, images, labels)

    def _one(self, cut: CutPatch) -> tuple[torch.Tensor, torch.Tensor]:
        plan, key = self._plan, cut.key
        image, label = augment_patch(cut.image, cut.label, cut.how, plan.topology.patch, plan.spacing_mm)
        if self._transform is None:
            return image, label
        named = (key.epoch, key.position, key.case)
        there = image.device
        image, label = apply_torchio(image.cpu(), label.cpu(), self._transform, plan.spacing_mm, self._seed, named)
        return image.to(there), label.to(there)


class PatchModule(pl.LightningDataModule):
    """Training patches of one fold, and one fixed patch of each validation case.

    Serves Lightning's Trainer, or a training loop of one's own: iterate over `train_dataloader()` once per epoch after
    setting `epoch`. Batches are as the docstring of `gnomon.data` describes.

    Args:
        fold: index of the fold whose cases are left out of training.
        steps_per_epoch: batches in an epoch.
        first_epoch: epoch to start with, after a restart.
        items: `Patches` for segmentation, `WholeImages` for classification.

    Attributes:
        epoch: the epoch whose batches are drawn, where no Trainer says so.

    Raises:
        Refusal: USE116, a TorchIO transform that does not exist or is not safe.
    """

    def __init__(
        self,
        dataset: Dataset,
        fold: int,
        seed: int,
        steps_per_epoch: int,
        settings: DataSettings | None = None,
        first_epoch: int = 0,
        items: Items = Patches,
    ) -> None:
        settings = settings or DataSettings()
        super().__init__()
        self.epoch = first_epoch
        self._dataset = dataset
        self._train, self._val = dataset.splits.folds[fold]
        if settings.cases:
            self._train = self._val = self._train[: settings.cases]
        self._seed = seed
        self._steps = steps_per_epoch
        self._settings = settings
        self._items = items
        chosen = settings.augmentation.torchio if settings.augmentation.enabled else []
        self._finished = BatchAssembler(dataset, seed, items, build_torchio_transform(chosen))

    def train_dataloader(self) -> DataLoader[CutPatch]:
        """Batches of the trainer's current epoch; this process's share of each, where there are several."""
        workers = self._settings.workers
        return DataLoader(
            self._items(self._dataset, self._seed, self._settings, training=True),
            batch_sampler=EpochBatches(self._batches_of, self._current_epoch),
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=list if self._on_device() else self._finished,
        )

    def val_dataloader(self) -> DataLoader[CutPatch]:
        """The same patches every time: on a structure, without augmentation."""
        keys = [PatchKey(0, i, name, True) for i, name in enumerate(self._val)]
        size = self._dataset.plan.batch
        batches = [keys[i : i + size] for i in range(0, len(keys), size)]
        return DataLoader(
            self._items(self._dataset, self._seed, self._settings, training=False),
            batch_sampler=EpochBatches(lambda _epoch: batches, lambda: 0),
            collate_fn=BatchAssembler(self._dataset, self._seed, self._items),
        )

    def transfer_batch_to_device(
        self, batch: Batch | list[CutPatch], device: torch.device, dataloader_idx: int
    ) -> Batch:
        """The batch on the net's device, augmented there if it has not been."""
        if isinstance(batch, dict):
            return {name: value.to(device) for name, value in batch.items()}
        return self._finished([replace(cut, image=cut.image.to(device), label=cut.label.to(device)) for cut in batch])

    def _on_device(self) -> bool:
        wanted = self._settings.augment_on
        if wanted != "auto" or self.trainer is None:
            return wanted == "device"
        return self.trainer.strategy.root_device.type != "cpu"

    def _current_epoch(self) -> int:
        """The epoch whose batches are drawn.

        A resumed run creates its first iterator, and loader workers fetch ahead, while Lightning still names the
        epoch that the checkpoint ended with.
        """
        return max(self.trainer.current_epoch if self.trainer is not None else 0, self.epoch)

    def _batches_of(self, epoch: int) -> list[list[PatchKey]]:
        batch, share = self._dataset.plan.batch, self._settings.foreground_fraction
        batches = epoch_keys(self._seed, epoch, self._train, self._steps, batch, share)
        if self.trainer is None or self.trainer.world_size == 1:
            return batches
        return [keys[self.trainer.global_rank :: self.trainer.world_size] for keys in batches]
