"""Augmented patches per second: ours against TorchIO, MONAI and batchgeneratorsv2, alternating in one process.

    pip install -e .[peers]
    python -m benchmarks.augmentation [--rounds 5] [--seconds 2]

An image and its label of three structures. Everyone turns, scales, adds noise, blurs, changes brightness,
contrast and gamma and simulates low resolution: at nnU-Net's probabilities, or all of it (and an elastic warp,
where the peer has one) on every patch. Labels stay labels. Ours and batchgeneratorsv2 read from a larger
block, so that no border is made up; TorchIO and MONAI are given the patch.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
import torchio as tio
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from monai import transforms as monai

from gnomon.core.randomness import generator
from gnomon.data.augmentation import augment_patch, draw_augmentation
from gnomon.data.deformation import margin_voxels
from gnomon.data.sampling import cut_patch
from gnomon.settings import AugmentationSettings

Shape = tuple[int, int, int]
RARE = {
    "rotation": 0.2,
    "scale": 0.2,
    "elastic": 0.0,
    "noise": 0.1,
    "blur": 0.1,
    "brightness": 0.15,
    "contrast": 0.15,
    "low_resolution": 0.125,
    "gamma": 0.37,
}
ALWAYS = dict.fromkeys(RARE, 1.0)
SPACING_MM = (1.0, 1.0, 1.0)


def volume(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """A block 1.5 times the size of the patch, with three structures in it."""
    block = tuple(round(1.7 * edge) for edge in shape)
    label = np.zeros(block, np.int8)
    for value, share in ((1, 0.4), (2, 0.25), (3, 0.1)):
        label[tuple(slice(int(n * (0.5 - share / 2)), int(n * (0.5 + share / 2))) for n in block)] = value
    return generator(0, "volume").normal(size=(1, *block)).astype(np.float32), label


def centre(shape: Shape, block: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice((n - edge) // 2, (n - edge) // 2 + edge) for n, edge in zip(block, shape))


def ours(shape: Shape, chance: dict[str, float]) -> Callable[[int], Any]:
    image, label = volume(shape)
    settings = AugmentationSettings(
        **{f"{kind}_probability": p for kind, p in chance.items()}, rotation_deg=30, scale=1.4
    )
    first = [(n - edge) // 2 for n, edge in zip(label.shape, shape)]

    def work(i: int) -> Any:
        how = draw_augmentation(generator(0, "patch", i), settings, SPACING_MM)
        margin = margin_voxels(how.deformation, shape, SPACING_MM) if how.deformation else (0, 0, 0)
        corner, box = [a - m for a, m in zip(first, margin)], [n + 2 * m for n, m in zip(shape, margin)]
        cut = [torch.from_numpy(cut_patch(one, corner, box, 0)) for one in (image, label)]
        return augment_patch(cut[0], cut[1], how, shape, SPACING_MM)

    return work


def torchios(shape: Shape, chance: dict[str, float]) -> Callable[[int], Any]:
    image, label = (one[(..., *centre(shape, one.shape[-3:]))] for one in volume(shape))
    moves = 1 - (1 - chance["rotation"]) * (1 - chance["scale"])
    transform = tio.Compose(
        [
            tio.RandomAffine(scales=(0.7, 1.4), degrees=30, isotropic=True, p=moves),
            tio.RandomElasticDeformation(num_control_points=7, max_displacement=5, p=chance["elastic"]),
            tio.RandomNoise(std=(0, 0.3), p=chance["noise"]),
            tio.RandomBlur(std=(0.5, 1), p=chance["blur"]),
            tio.RandomAnisotropy(downsampling=(1, 2), p=chance["low_resolution"]),
            tio.RandomBiasField(p=chance["brightness"]),
            tio.RescaleIntensity((0, 1), p=chance["contrast"]),
            tio.RandomGamma(p=chance["gamma"]),
        ]
    )

    def work(_: int) -> Any:
        return transform(
            tio.Subject(
                image=tio.ScalarImage(tensor=torch.from_numpy(image)),
                label=tio.LabelMap(tensor=torch.from_numpy(label)[None]),
            )
        )

    return work


def monais(shape: Shape, chance: dict[str, float]) -> Callable[[int], Any]:
    image, label = (one[(..., *centre(shape, one.shape[-3:]))] for one in volume(shape))
    moves = 1 - (1 - chance["rotation"]) * (1 - chance["scale"])
    both, turn = ["image", "label"], np.deg2rad(30)
    if chance["elastic"]:
        spatial = monai.Rand3DElasticd(
            both,
            (5, 8),
            (20, 60),
            prob=moves,
            rotate_range=(turn,) * 3,
            scale_range=(0.3,) * 3,
            mode=["bilinear", "nearest"],
            padding_mode="border",
            spatial_size=shape,
        )
    else:
        spatial = monai.RandAffined(
            both,
            prob=moves,
            rotate_range=(turn,) * 3,
            scale_range=(0.3,) * 3,
            mode=["bilinear", "nearest"],
            padding_mode="border",
            spatial_size=shape,
            cache_grid=True,
        )
    transform = monai.Compose(
        [
            spatial,
            monai.RandGaussianNoised("image", prob=chance["noise"], std=0.3),
            monai.RandGaussianSmoothd("image", (0.5, 1), (0.5, 1), (0.5, 1), prob=chance["blur"]),
            monai.RandScaleIntensityd("image", 0.25, prob=chance["brightness"]),
            monai.RandAdjustContrastd("image", prob=chance["gamma"]),
            monai.RandShiftIntensityd("image", 0.3, prob=chance["contrast"]),
            monai.RandSimulateLowResolutiond("image", prob=chance["low_resolution"], zoom_range=(0.5, 1.0)),
        ]
    )
    return lambda _: transform({"image": torch.from_numpy(image), "label": torch.from_numpy(label)[None].float()})


def batchgenerators(shape: Shape, chance: dict[str, float]) -> Callable[[int], Any]:
    image, label = (torch.from_numpy(one) for one in volume(shape))
    turn = np.deg2rad(30)
    transform = ComposeTransforms(
        [
            SpatialTransform(
                shape,
                patch_center_dist_from_border=0,
                random_crop=False,
                p_elastic_deform=chance["elastic"],
                p_rotation=chance["rotation"],
                rotation=(-turn, turn),
                p_scaling=chance["scale"],
                scaling=(0.7, 1.4),
                p_synchronize_scaling_across_axes=1,
                bg_style_seg_sampling=False,
                border_mode_seg="constant",
                padding_value_seg=-1,
            ),
            RandomTransform(GaussianNoiseTransform(noise_variance=(0, 0.1), p_per_channel=1), chance["noise"]),
            RandomTransform(
                GaussianBlurTransform(blur_sigma=(0.5, 1.0), p_per_channel=1, benchmark=True), chance["blur"]
            ),
            RandomTransform(
                MultiplicativeBrightnessTransform(
                    BGContrast((0.75, 1.25)), synchronize_channels=False, p_per_channel=1
                ),
                chance["brightness"],
            ),
            RandomTransform(
                ContrastTransform(BGContrast((0.75, 1.25)), True, synchronize_channels=False, p_per_channel=1),
                chance["contrast"],
            ),
            RandomTransform(
                SimulateLowResolutionTransform((0.5, 1), False, True, None, None, p_per_channel=1),
                chance["low_resolution"],
            ),
            RandomTransform(GammaTransform(BGContrast((0.7, 1.5)), 0, False, 1, p_retain_stats=1), chance["gamma"]),
        ]
    )
    return lambda _: transform(image=image.clone(), segmentation=label[None].to(torch.int16))


SIDES = {"ours": ours, "TorchIO": torchios, "MONAI": monais, "batchgeneratorsv2": batchgenerators}


def speed(work: Callable[[int], Any], first: int, seconds: float) -> float:
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or done < 2:
        work(first + done)
        done += 1
    return done / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"| patch | transforms | {' | '.join(SIDES)} | ours against the best |")
    for shape in ((40, 56, 40), (96, 96, 96)):
        for name, chance in (("at nnU-Net's probabilities", RARE), ("all, every time", ALWAYS)):
            works = {side: make(shape, chance) for side, make in SIDES.items()}
            for work in works.values():
                work(0)
            turns = [
                {side: speed(work, i * 100_000, asked.seconds) for side, work in works.items()}
                for i in range(asked.rounds)
            ]
            found = {side: median(turn[side] for turn in turns) for side in SIDES}
            best = max(value for side, value in found.items() if side != "ours")
            cells = " | ".join(f"{value:.1f}" for value in found.values())
            print(f"| {' x '.join(map(str, shape))} | {name} | {cells} | {found['ours'] / best:.2f} |", flush=True)


if __name__ == "__main__":
    main()
