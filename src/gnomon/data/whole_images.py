"""Whole prepared images with their classes, by the same keys as patches."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from gnomon.core.randomness import generator
from gnomon.data.augmentation import Augmentation, draw_augmentation
from gnomon.data.deformation import margin_voxels
from gnomon.data.items import CutPatch
from gnomon.data.sampling import PatchKey, cut_patch
from gnomon.dataset.dataset import Dataset, class_and_patient
from gnomon.io.artifacts import map_array, read_json
from gnomon.settings import DataSettings


class WholeImages(TorchDataset[CutPatch]):
    """Images by key, each as large as the net's input. Nothing is mirrored: a class may be a side."""

    def __init__(self, dataset: Dataset, seed: int, settings: DataSettings, *, training: bool) -> None:
        self._dataset = dataset
        self._seed = seed
        self._settings = settings.augmentation
        self._training = training
        self._opened = functools.lru_cache(maxsize=None)(self._open)

    @staticmethod
    def batch(
        cut: Sequence[CutPatch], images: Sequence[torch.Tensor], _labels: Sequence[torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """A batch of augmented images with their classes, as `gnomon.data` describes it."""
        classes = torch.tensor([item.kind for item in cut], device=images[0].device)
        return {"image": torch.stack(list(images)), "class": classes}

    def __getitem__(self, key: PatchKey) -> CutPatch:
        voxels, background, kind = self._opened(key.case)
        plan = self._dataset.plan
        how = Augmentation()
        if self._training and self._settings.enabled:
            draw = generator(self._seed, "patch", key.epoch, key.position, key.case)
            how = draw_augmentation(draw, self._settings, plan.spacing_mm)
        patch = plan.topology.patch
        margin = margin_voxels(how.deformation, patch, plan.spacing_mm) if how.deformation else (0, 0, 0)
        box = [size + 2 * more for size, more in zip(patch, margin)]
        image = torch.from_numpy(cut_patch(voxels, [-more for more in margin], box, background))
        return CutPatch(key, image, torch.zeros(box, dtype=torch.int8), how, torch.ones(1, dtype=torch.bool), kind)

    def _open(self, name: str) -> tuple[np.ndarray, float, int]:
        place = self._dataset.folder.case(name)
        kind, _ = class_and_patient(self._dataset.folder, name)
        background = float(read_json(place / "case.json", "the prepared data set")["background"])
        return map_array(place / "image.npy"), background, self._dataset.labels.names.index(kind)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._opened = functools.lru_cache(maxsize=None)(self._open)
