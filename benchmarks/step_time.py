"""Seconds a training step: ours as it runs, data and all, against the bare step of nnU-Net's trainer.

    python -m benchmarks.step_time DECATHLON [--rounds 3] [--steps 12]

nnU-Net's plain U-Net for the hippocampus (32 features, patch 40 x 56 x 40, batch 9, SGD, deep supervision) on
one machine, in turns, each in a process of its own. nnU-Net's side is `train_step` on a batch that lies ready;
ours is the whole of `isocenter train`: cutting, augmenting, stepping, averaging weights, logging. The share that
waits for data is ours, from profile.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PATCH, BATCH, FEATURES = (40, 56, 40), 9, 32
OURS = {"ours, float32": "32-true", "ours, as it comes": "auto"}


def nnunet_step_s(steps: int) -> float:
    """Median seconds of nnU-Net's own step, float32 as it is on a processor."""
    import numpy as np
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    plans = json.loads(Path(sys.argv[2]).read_text())
    described = {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 160,
                 "file_ending": ".nii.gz"}  # fmt: skip
    trainer = nnUNetTrainer(plans, "3d_fullres", 0, described, torch.device("cpu"))
    trainer.initialize()
    trainer.network.train()
    draw = np.random.default_rng(0)
    scales = trainer._get_deep_supervision_scales()
    label = torch.from_numpy(draw.integers(0, 3, (BATCH, 1, *PATCH))).float()
    targets = [torch.nn.functional.interpolate(label, scale_factor=scale) for scale in scales]
    batch = {"data": torch.from_numpy(draw.normal(size=(BATCH, 1, *PATCH)).astype(np.float32)), "target": targets}
    taken = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        trainer.train_step(batch)
        taken.append(time.perf_counter() - began)
    return median(taken[2:])


def ours_step_s(data: Path, steps: int, precision: str, workspace: Path) -> tuple[float, float]:
    """Mean seconds of our step, and the share of it that waits for data."""
    run = Path(tempfile.mkdtemp(dir=workspace)) / "run"
    command = [
        sys.executable, str(ROOT / "train.py"), "experiment=hippocampus", f"data.root={data}", "debug=profile",
        f"preparation.plan.batch={BATCH}", f"net.features={FEATURES}", f"training.steps_per_epoch={steps + 9}",
        "training.optimiser.kind=sgd", "training.optimiser.learning_rate=0.01", f"training.precision={precision}",
        f"workspace={workspace}", f"output={run}",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = re.search(r"([\d.]+) s a batch, ([\d.]+)%", (run / "profile.txt").read_text())
    assert found
    return float(found[1]), float(found[2]) / 100


def plans_file(folder: Path) -> Path:
    """nnU-Net's plan, as its planner makes it for this data."""
    strides = [[1, 1, 1], [2, 2, 2], [2, 2, 2], [2, 2, 2]]
    net = {
        "n_stages": 4, "features_per_stage": [32, 64, 128, 256], "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * 4, "strides": strides, "n_conv_per_stage": [2] * 4,
        "n_conv_per_stage_decoder": [2] * 3, "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }  # fmt: skip
    configuration = {
        "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor", "batch_size": BATCH,
        "patch_size": list(PATCH), "spacing": [1.0, 1.0, 1.0], "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False], "batch_dice": False,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet", "arch_kwargs": net,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }  # fmt: skip
    plans = {
        "dataset_name": "Dataset004_x", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {}, "configurations": {"3d_fullres": configuration},
        "continue_training": False,
    }  # fmt: skip
    (folder / "Dataset004_x" / "x").mkdir(parents=True)
    (folder / "Dataset004_x" / "x" / "none.b2nd").touch()  # by whose suffix the trainer knows its kind of data
    path = folder / "plans.json"
    path.write_text(json.dumps(plans))
    return path


def main() -> None:
    if sys.argv[1] == "nnunet":  # the other side, in its own process
        print(nnunet_step_s(int(sys.argv[3])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plans = plans_file(Path(folder))
        surroundings = {"nnUNet_raw": folder, "nnUNet_preprocessed": folder, "nnUNet_results": folder}
        theirs, mine, waits = [], {name: [] for name in OURS}, {name: [] for name in OURS}
        for _ in range(asked.rounds):
            command = [sys.executable, "-m", "benchmarks.step_time", "nnunet", str(plans), str(asked.steps)]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **surroundings}
            )
            theirs.append(float(done.stdout.splitlines()[-1]))
            for name, precision in OURS.items():
                step_s, wait = ours_step_s(asked.data.resolve(), asked.steps, precision, Path(folder))
                mine[name].append(step_s)
                waits[name].append(wait)
        print("| side | seconds a step | against nnU-Net, median | the rounds | waits for data |")
        print("| --- | --- | --- | --- | --- |")
        print(f"| nnU-Net, float32 | {median(theirs):.2f} | 1 | | |")
        for name, values in mine.items():
            ratios = [one / other for one, other in zip(values, theirs)]
            each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"| {name} | {median(values):.2f} | {median(ratios):.2f} | {each} | {median(waits[name]):.1%} |")


if __name__ == "__main__":
    main()
