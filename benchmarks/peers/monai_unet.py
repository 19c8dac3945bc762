"""A MONAI U-Net as a careful user writes it: cached data, AdamW with a cosine, bfloat16, channels last.

    python -m benchmarks.peers.monai_unet DECATHLON PREDICTIONS --minutes 3 [--seed 1]

DECATHLON is a Medical Decathlon folder with a split.json. Writes a prediction for each case of `val`, on its
own grid. The clock runs while the net trains, not while data are read.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from monai import transforms as t
from monai.data import CacheDataset, DataLoader, Dataset, decollate_batch
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from monai.utils import set_determinism

# Per data set: spacing (mm; None leaves it), patch, strides of the net.
SHAPES: dict[str, tuple[tuple[float, float, float] | None, tuple[int, int, int], list[tuple[int, int, int]]]] = {
    "hippocampus": (None, (48, 64, 48), [(2, 2, 2)] * 4),
    "acdc": ((1.5, 1.5, 8.0), (160, 160, 16), [(2, 2, 1), (2, 2, 1), (2, 2, 2), (2, 2, 2)]),
}
BATCH, RATE, WARMUP = 2, 1e-3, 30


def files(data: Path) -> tuple[list[dict[str, Path]], list[dict[str, Path]], int]:
    """Training and validation files, and the number of channels."""
    split = json.loads((data / "split.json").read_text())
    labels = json.loads((data / "dataset.json").read_text())["labels"]
    sets = [
        [
            {"image": data / "imagesTr" / f"{name}.nii.gz", "label": data / "labelsTr" / f"{name}.nii.gz"}
            for name in split[part]
        ]
        for part in ("train", "val")
    ]
    return sets[0], sets[1], len(labels)


def preprocessing(spacing_mm: tuple[float, float, float] | None, keys: list[str]) -> list[Any]:
    modes = ["bilinear", "nearest"][: len(keys)]
    steps = [t.LoadImaged(keys), t.EnsureChannelFirstd(keys), t.Orientationd(keys, "RAS", labels=None)]
    if spacing_mm:
        steps.append(t.Spacingd(keys, spacing_mm, mode=modes))
    return [*steps, t.NormalizeIntensityd("image")]


def training_set(cases: list[dict[str, Path]], data: str) -> CacheDataset:
    spacing_mm, patch, _ = SHAPES[data]
    both = ["image", "label"]
    return CacheDataset(
        cases,
        t.Compose(
            [
                *preprocessing(spacing_mm, both),
                t.SpatialPadd(both, patch),
                t.RandCropByPosNegLabeld(both, "label", patch, pos=1, neg=1, num_samples=1),
                t.RandAffined(
                    both,
                    prob=0.3,
                    rotate_range=(0.26,) * 3,
                    scale_range=(0.15,) * 3,
                    mode=["bilinear", "nearest"],
                    padding_mode="border",
                ),
                t.RandGaussianNoised("image", prob=0.1, std=0.1),
                t.RandScaleIntensityd("image", 0.2, prob=0.2),
                t.RandShiftIntensityd("image", 0.2, prob=0.2),
                t.ToTensord(both, track_meta=False),
            ]
        ),
        progress=False,
    )


def train(net: torch.nn.Module, cases: CacheDataset, minutes: float) -> int:
    """Train for so long; the number of steps."""
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=1e-2)
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)
    loader = DataLoader(cases, batch_size=BATCH, shuffle=True, drop_last=True)
    began, steps = time.monotonic(), 0
    while True:
        for batch in loader:
            share = (time.monotonic() - began) / (60 * minutes)
            if share >= 1:
                return steps
            for group in optimiser.param_groups:
                group["lr"] = RATE * min(1, (steps + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * share))
            image = batch["image"].contiguous(memory_format=torch.channels_last_3d)
            with torch.autocast("cpu", torch.bfloat16):
                logits = net(image)
            optimiser.zero_grad()
            loss_of(logits.float(), batch["label"]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 12.0)
            optimiser.step()
            steps += 1


@torch.inference_mode()
def predict(net: torch.nn.Module, cases: list[dict[str, Path]], data: str, output: Path) -> None:
    spacing_mm, patch, _ = SHAPES[data]
    before = t.Compose(preprocessing(spacing_mm, ["image"]))
    after = t.Compose(
        [
            t.Invertd("found", before, "image", nearest_interp=False, to_tensor=True),
            t.AsDiscreted("found", argmax=True),
            t.SaveImaged(
                "found", output_dir=output, output_postfix="", separate_folder=False, print_log=False, resample=False
            ),
        ]
    )
    net.eval()
    for batch in DataLoader(Dataset([{"image": case["image"]} for case in cases], before), batch_size=1):
        with torch.autocast("cpu", torch.bfloat16):
            logits = sliding_window_inference(batch["image"], patch, 2, net, overlap=0.5, mode="gaussian")
        batch["found"] = logits.float().softmax(1)
        for one in decollate_batch(batch):
            after(one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    set_determinism(asked.seed)
    kind = asked.data.name
    train_files, val_files, channels = files(asked.data)
    net = UNet(3, 1, channels, (16, 32, 64, 128, 256), SHAPES[kind][2], num_res_units=2, norm="INSTANCE")
    net = net.to(memory_format=torch.channels_last_3d)
    steps = train(net, training_set(train_files, kind), asked.minutes)
    predict(net, val_files, kind, asked.output)
    print(json.dumps({"steps": steps, "parameters": sum(value.numel() for value in net.parameters())}))


if __name__ == "__main__":
    main()
