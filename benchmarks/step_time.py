"""Seconds per training step: ours against the trainer of nnU-Net, on a batch in memory.

    python -m benchmarks.step_time [--rounds 3] [--steps 6]

nnU-Net's plain U-Net for the hippocampus (32 features, patch 40 x 56 x 40, batch 9, SGD, deep supervision) on
one machine, in turns, each side in a process of its own. nnU-Net's side is its `train_step`, float32 as it is on
a processor; ours is the step of a Lightning training with averaged weights, in float32 and as it comes.
"""

from __future__ import annotations

import argparse
import json
import os
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
    """Median seconds of a step of nnU-Net, float32 as it is on a CPU."""
    import numpy as np
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    plans = json.loads(Path(sys.argv[2]).read_text())
    described = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "a": 1, "b": 2},
        "numTraining": 160,
        "file_ending": ".nii.gz",
    }
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


def ours_step_s(steps: int, precision: str) -> float:
    """Median seconds of our training step: Lightning, loss, clipping, SGD, averaged weights; the batch is in memory."""
    import numpy as np
    import pytorch_lightning as pl
    import torch

    from gnomon.dataset.plan import Normalisation, Plan
    from gnomon.dataset.topology import make_topology
    from gnomon.nets import build_net
    from gnomon.settings import LossSettings, OptimiserSettings, TrainSettings
    from gnomon.training.callbacks import weight_averaging
    from gnomon.training.losses import build_loss
    from gnomon.training.module_parts import ModuleParts
    from gnomon.training.precision import lightning_precision
    from gnomon.training.schedule import progress_by_steps
    from gnomon.training.segmentation_module import SegmentationModule

    class Clock(pl.Callback):
        """Seconds of each step."""

        taken: list[float] = []  # noqa: RUF012 - one training a process

        def on_train_batch_start(self, *_: object) -> None:
            self._began = time.perf_counter()

        def on_train_batch_end(self, *_: object) -> None:
            self.taken.append(time.perf_counter() - self._began)

    draw, clock = np.random.default_rng(0), Clock()
    batch = {
        "image": torch.from_numpy(draw.normal(size=(BATCH, 1, *PATCH)).astype(np.float32)),
        "label": torch.from_numpy(draw.integers(0, 3, (BATCH, *PATCH))),
        "annotated": torch.ones(BATCH, 3, dtype=torch.bool),
    }
    topology = make_topology((1.0, 1.0, 1.0), PATCH)
    parts = ModuleParts(
        net=build_net({"name": "plain_unet", "features": FEATURES}, topology, 1, 3),
        labels=("a", "b"),
        loss=build_loss(LossSettings(), (1.0, 1.0, 1.0)),
        optimiser=OptimiserSettings(kind="sgd", learning_rate=0.01, weight_decay=3e-5, schedule="poly"),
        progress=progress_by_steps(steps + 2),
        plan=Plan((1.0, 1.0, 1.0), Normalisation("window", 0.0, 1.0), topology, BATCH),
    )
    torch.utils.deterministic.fill_uninitialized_memory = False  # as in a run
    trainer = pl.Trainer(
        accelerator="cpu",
        precision=lightning_precision(TrainSettings(precision=precision)),
        deterministic=True,
        max_epochs=1,
        gradient_clip_val=12.0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        callbacks=[weight_averaging(0.99), clock],
    )
    batches = torch.utils.data.DataLoader([batch] * (steps + 2), batch_size=None)
    trainer.fit(SegmentationModule(parts), batches)
    return median(clock.taken[2:])


def plans_file(folder: Path) -> Path:
    """The plan of nnU-Net for this data, by its own planner."""
    strides = [[1, 1, 1], [2, 2, 2], [2, 2, 2], [2, 2, 2]]
    net = {
        "n_stages": 4,
        "features_per_stage": [32, 64, 128, 256],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * 4,
        "strides": strides,
        "n_conv_per_stage": [2] * 4,
        "n_conv_per_stage_decoder": [2] * 3,
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    configuration = {
        "data_identifier": "x",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": BATCH,
        "patch_size": list(PATCH),
        "spacing": [1.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "batch_dice": False,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": net,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }
    plans = {
        "dataset_name": "Dataset004_x",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {},
        "configurations": {"3d_fullres": configuration},
        "continue_training": False,
    }
    (folder / "Dataset004_x" / "x").mkdir(parents=True)
    (folder / "Dataset004_x" / "x" / "none.b2nd").touch()  # by whose suffix the trainer knows its kind of data
    path = folder / "plans.json"
    path.write_text(json.dumps(plans))
    return path


def side_step_s(arguments: list[str], surroundings: dict[str, str]) -> float:
    """One side in a separate process."""
    command = [sys.executable, "-m", "benchmarks.step_time", *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **surroundings}
    )
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["nnunet"]:
        print(nnunet_step_s(int(sys.argv[3])))
        return
    if sys.argv[1:2] == ["ours"]:
        print(ours_step_s(int(sys.argv[3]), sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    asked = parser.parse_args()
    steps = str(asked.steps)
    with tempfile.TemporaryDirectory() as folder:
        plans = str(plans_file(Path(folder)))
        surroundings = {"nnUNet_raw": folder, "nnUNet_preprocessed": folder, "nnUNet_results": folder}
        theirs, mine = [], {name: [] for name in OURS}
        for _ in range(asked.rounds):
            theirs.append(side_step_s(["nnunet", plans, steps], surroundings))
            for name, precision in OURS.items():
                mine[name].append(side_step_s(["ours", precision, steps], surroundings))
    print("| side | seconds a step | against nnU-Net, median | the rounds |")
    print("| --- | --- | --- | --- |")
    print(f"| nnU-Net, float32 | {median(theirs):.2f} | 1 | |")
    for name, values in mine.items():
        ratios = [one / other for one, other in zip(values, theirs)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {name} | {median(values):.2f} | {median(ratios):.2f} | {each} |")


if __name__ == "__main__":
    main()
