"""nnU-Net with its own plan but batch 2, without mirroring, its learning rate falling with the clock.

    python -m benchmarks.peers.nnunet DECATHLON PREDICTIONS --minutes 12

As it comes (batch 9, mirroring) it makes some 150 steps in 12 minutes on two cores, and mirrors anterior into
posterior. The clock runs while the net trains, not while data are planned and preprocessed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAME = "Dataset004_Peer"
BATCH = 2


def raw_data(data: Path, root: Path) -> list[str]:
    """Write the training cases in nnU-Net's layout; the names of the held-out cases."""
    split = json.loads((data / "split.json").read_text())
    described = json.loads((data / "dataset.json").read_text())
    place = root / "raw" / NAME
    for kind in ("imagesTr", "labelsTr", "held_out"):
        (place / kind).mkdir(parents=True)
    for name in split["train"]:
        shutil.copyfile(data / "imagesTr" / f"{name}.nii.gz", place / "imagesTr" / f"{name}_0000.nii.gz")
        shutil.copyfile(data / "labelsTr" / f"{name}.nii.gz", place / "labelsTr" / f"{name}.nii.gz")
    for name in split["val"]:
        shutil.copyfile(data / "imagesTr" / f"{name}.nii.gz", place / "held_out" / f"{name}_0000.nii.gz")
    (place / "dataset.json").write_text(
        json.dumps(
            {
                "channel_names": {"0": "MRI"},
                "labels": {name: int(value) for value, name in described["labels"].items()},
                "numTraining": len(split["train"]),
                "file_ending": ".nii.gz",
            }
        )
    )
    return list(split["val"])


def train(root: Path, minutes: float) -> tuple[object, int]:
    """Plan, preprocess and train; the trainer, and how many steps it made."""
    import torch
    from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring import (
        nnUNetTrainerNoMirroring,
    )

    place = root / "preprocessed" / NAME
    plans = json.loads((place / "nnUNetPlans.json").read_text())
    plans["configurations"]["3d_fullres"]["batch_size"] = BATCH
    plans["continue_training"] = False
    trainer = nnUNetTrainerNoMirroring(
        plans, "3d_fullres", "all", json.loads((place / "dataset.json").read_text()), torch.device("cpu")
    )
    trainer.on_train_start()
    trainer.network.train()
    began, steps = time.monotonic(), 0
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in trainer.optimizer.param_groups:
            group["lr"] = trainer.initial_lr * (1 - share) ** 0.9
        trainer.train_step(next(trainer.dataloader_train))
        steps += 1
    trainer.current_epoch = 1
    trainer.on_train_end()
    return trainer, steps


def predict(trainer: object, root: Path, output: Path) -> None:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(trainer.output_folder_base, ("all",), "checkpoint_final.pth")
    held_out = str(root / "raw" / NAME / "held_out")
    predictor.predict_from_files(
        held_out, str(output), num_processes_preprocessing=1, num_processes_segmentation_export=1
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{name}"] = str(root / name)
        os.environ["nnUNet_n_proc_DA"] = "1"  # noqa: SIM112
        raw_data(asked.data, root)
        planner = str(Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess")
        plan = [planner, "-d", "4", "-c", "3d_fullres", "-npfp", "2", "-np", "2"]
        subprocess.run(plan, check=True, stdout=subprocess.DEVNULL)
        trainer, steps = train(root, asked.minutes)
        predict(trainer, root, asked.output)
    print(json.dumps({"steps": steps}))


if __name__ == "__main__":
    main()
