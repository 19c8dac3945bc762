"""The stream of batches is a function of the seed alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torchio as tio

from gnomon.core.provenance import sha256_of_array
from gnomon.data import PatchModule
from gnomon.data.torchio_transforms import apply_torchio, build_torchio_transform
from gnomon.dataset.dataset import read_dataset
from gnomon.rules.finding import Refusal
from gnomon.settings import AugmentationSettings, DataSettings

OURS = AugmentationSettings(elastic_probability=0.5, low_resolution_probability=0.5, noise_probability=0.5)
TORCHIO = replace(
    OURS, torchio=[{"RandomMotion": {"degrees": 5, "num_transforms": 1}}, {"RandomBiasField": {}}, {"RandomGamma": {}}]
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tiny_run):
    return read_dataset(next(tiny_run.parent.glob("data/phantom-*/dataset")))


def hashes(dataset, settings, first_epoch=0, seed=1):
    """Hash of every batch of an epoch as it reaches the net, images and labels."""
    data = PatchModule(dataset, 0, seed, 3, settings, first_epoch)
    batches = [data.transfer_batch_to_device(batch, CPU, 0) for batch in data.train_dataloader()]
    return [sha256_of_array(batch[name].numpy()) for batch in batches for name in ("image", "label")]


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
@pytest.mark.parametrize("augmentation", [OURS, TORCHIO], ids=["ours", "torchio"])
def test_neither_workers_nor_the_place_of_augmentation_change_a_batch(dataset, augmentation):
    wanted = hashes(dataset, DataSettings(augmentation=augmentation))
    assert len(set(wanted)) == len(wanted)
    for workers in (0, 1, 4):
        for where in ("loader", "device"):
            settings = DataSettings(workers=workers, augment_on=where, augmentation=augmentation)
            assert hashes(dataset, settings) == wanted, (workers, where)


@pytest.mark.parametrize("augmentation", [OURS, TORCHIO], ids=["ours", "torchio"])
def test_workers_that_persist_give_what_a_restart_gives(dataset, augmentation):
    class Trainer:
        current_epoch, world_size, global_rank = 0, 1, 0

    data = PatchModule(dataset, 0, 1, 3, DataSettings(workers=1, augment_on="device", augmentation=augmentation))
    data.trainer = Trainer()
    loader = data.train_dataloader()
    for epoch in range(3):
        Trainer.current_epoch = epoch
        batches = [data.transfer_batch_to_device(batch, CPU, 0) for batch in loader]
        lived = [sha256_of_array(batch[name].numpy()) for batch in batches for name in ("image", "label")]
        assert lived == hashes(dataset, DataSettings(augmentation=augmentation), first_epoch=epoch)


def test_processes_share_the_batches_that_one_would_have(dataset):
    dataset = replace(dataset, plan=replace(dataset.plan, batch=4))
    whole = PatchModule(dataset, 0, 1, 3, DataSettings())._batches_of(0)
    parts = []
    for rank in (0, 1):
        data = PatchModule(dataset, 0, 1, 3, DataSettings())
        data.trainer = type("Trainer", (), {"world_size": 2, "global_rank": rank})()
        parts.append(data._batches_of(0))
    assert [sorted(a + b, key=lambda key: key.position) for a, b in zip(*parts)] == whole


@pytest.mark.parametrize(
    "chosen",
    [[{"RandomFlip": {}}], [{"Resample": {}}], [{"os": {}}], [{"RandomMotion": {"nonsense": 1}}]],
)
def test_a_torchio_transform_that_is_unknown_or_unsafe_is_refused(chosen):
    with pytest.raises(Refusal, match="USE116"):
        build_torchio_transform(chosen)


def test_a_torchio_transform_that_changes_the_shape_is_refused():
    image, label = torch.zeros(1, 8, 8, 8), torch.zeros(8, 8, 8, dtype=torch.int8)
    with pytest.raises(Refusal, match="USE116"):
        apply_torchio(image, label, tio.Compose([tio.Crop(1)]), (1, 1, 1), 0, ("a",))
