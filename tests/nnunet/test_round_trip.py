"""Real images to nnU-Net and back: its planner, its training, its commands; then its model and its plan here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from gnomon.commands.launch import launch
from gnomon.io.artifacts import read_json
from gnomon.io.images import images_in_folder, read_image, read_label
from gnomon.preparation import read_nnunet_plan
from tests.nnunet.test_stock import stock_apply

N_TRAIN, N_HELD = 16, 4
TRAIN = """
import json, os, sys, torch
from pathlib import Path
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
place, plans, epochs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
read = lambda name: json.loads((place / name).read_text())
trainer = nnUNetTrainer({**read(plans), "continue_training": False}, "3d_fullres", 0, read("dataset.json"),
                        torch.device("cpu"))
trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = epochs, 10, 1
trainer.run_training()
print(trainer.output_folder_base)
"""
PREDICT = """
import sys, torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
if __name__ == "__main__":
    one = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), perform_everything_on_device=False)
    one.initialize_from_trained_model_folder(sys.argv[1], (0,), "checkpoint_final.pth")
    one.predict_from_files(sys.argv[2], sys.argv[3], save_probabilities=True, num_processes_preprocessing=1,
                           num_processes_segmentation_export=1)
"""


@pytest.fixture(scope="module")
def subset(shared_data, tmp_path_factory):
    """A Decathlon folder of 16 cases, and images of 4 others."""
    source, root = shared_data("hippocampus"), tmp_path_factory.mktemp("real")
    description = read_json(source / "dataset.json", "the data")
    names = sorted(images_in_folder(source / "imagesTr"))[: N_TRAIN + N_HELD]
    for i, name in enumerate(names):
        images, labels = ("data/imagesTr", "data/labelsTr") if i < N_TRAIN else ("held", "references")
        for kind, target in (("imagesTr", images), ("labelsTr", labels)):
            (root / target).mkdir(parents=True, exist_ok=True)
            suffix = "_0000" if target == "held" else ""
            (root / target / f"{name}{suffix}.nii.gz").symlink_to(source / kind / f"{name}.nii.gz")
            if target == "held":
                (root / "images").mkdir(exist_ok=True)
                (root / "images" / f"{name}.nii.gz").symlink_to(source / kind / f"{name}.nii.gz")
    (root / "data" / "dataset.json").write_text(json.dumps({**description, "training": []}))
    return root


def run_command(command, environment):
    done = subprocess.run(
        [str(one) for one in command], check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def nnunet(name, *arguments, environment):
    return run_command([Path(sys.executable).parent / f"nnUNetv2_{name}", *arguments], environment)


def dice(one, other):
    total = int((one > 0).sum() + (other > 0).sum())
    return 2 * int(((one == other) & (one > 0)).sum()) / total


@pytest.mark.slow
def test_hippocampus_is_exported_trained_by_nnunet_and_its_model_imported(subset, tmp_path, capsys):
    base, script, predictor = tmp_path / "nnunet", tmp_path / "train.py", tmp_path / "predict.py"
    script.write_text(TRAIN)
    predictor.write_text(PREDICT)
    assert launch("prepare", [f"input={subset / 'data'}", f"output={tmp_path / 'dataset'}"]) == 0
    assert (
        launch(
            "nnunet",
            [
                "export",
                f"root={subset / 'data'}",
                f"prepared={tmp_path / 'dataset'}",
                f"output={base}",
                "name=Hippocampus",
                "dataset_id=904",
                "orientation=canonical",
                "net.features=8",
            ],
        )
        == 0
    )
    environment = {name: str(base / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    environment |= {"nnUNet_n_proc_DA": "1", "nnUNet_def_n_proc": "1"}
    place = base / "nnUNet_preprocessed" / "Dataset904_Hippocampus"

    nnunet("plan_and_preprocess", "-d", "904", "-c", "3d_fullres", "-np", "1", "-npfp", "1", environment=environment)
    model = run_command([sys.executable, script, place, "nnUNetPlans.json", 2], environment).strip().splitlines()[-1]
    run_command([sys.executable, predictor, model, subset / "held", tmp_path / "theirs"], environment)
    theirs = images_in_folder(tmp_path / "theirs")
    assert len(theirs) == N_HELD

    rules = tmp_path / "rules.yaml"
    labels = {"Anterior": 1, "Posterior": 2}
    rules.write_text(
        yaml.safe_dump(
            {
                "schema": "gnomon/postprocess/1",
                "labels": labels,
                "rules": [
                    {"structure": "Anterior", "reason": "specks", "min_volume_mm3": 40, "min_peak_probability": 0.5},
                    {"structure": "Posterior", "reason": "one of it", "keep_largest": True, "fill_holes": "3d"},
                ],
            }
        )
    )
    arguments = [f"rules={rules}", f"dataset_json={place / 'dataset.json'}", f"output={tmp_path / 'pp'}"]
    assert launch("nnunet", ["postprocess", *arguments]) == 0
    applied = stock_apply(tmp_path / "theirs", tmp_path / "clean", tmp_path / "pp" / "postprocessing.pkl", 1)
    assert applied.returncode == 0, applied.stderr
    assert (
        launch(
            "evaluate",
            [
                f"references={subset / 'references'}",
                f"predictions={tmp_path / 'clean'}",
                f"output={tmp_path / 'evaluation'}",
                "label_names={Anterior: 1, Posterior: 2}",
                "evaluation.workers=1",
            ],
        )
        == 0
    )
    assert read_json(tmp_path / "evaluation" / "summary.json", "it")["n_cases"] == N_HELD

    assert launch("nnunet", ["import", f"model={model}", f"output={tmp_path / 'imported'}"]) == 0
    assert (
        launch(
            "predict",
            [
                f"run={tmp_path / 'imported'}",
                f"input={subset / 'images'}",
                f"output={tmp_path / 'ours'}",
            ],
        )
        == 0
    )
    for name, path in images_in_folder(tmp_path / "ours").items():
        mine, stock = read_label(path), read_label(theirs[name])
        assert mine.grid.corner_displacement_mm(stock.grid) < 1e-3
        assert dice(mine.voxels, stock.voxels) >= 0.999, name

    assert (
        launch(
            "nnunet",
            [
                "import",
                f"predictions={tmp_path / 'theirs'}",
                f"dataset_json={place / 'dataset.json'}",
                f"output={tmp_path / 'back'}",
            ],
        )
        == 0
    )
    for name in theirs:
        share = read_image(tmp_path / "back" / "probabilities" / "Anterior" / f"{name}.nii.gz").voxels
        found = read_label(tmp_path / "back" / f"{name}.nii.gz").voxels
        assert (share[found == 1] > 1 / 3 - 1e-3).all()

    nnunet(
        "preprocess", "-d", "904", "-plans_name", "gnomonPlans", "-c", "3d_fullres", "-np", "1", environment=environment
    )
    run_command([sys.executable, script, place, "gnomonPlans.json", 1], environment)

    theirs_plan = read_json(place / "nnUNetPlans.json", "it")
    wanted = read_nnunet_plan(theirs_plan, "3d_fullres", "it").plan
    run = tmp_path / "run"
    assert (
        launch(
            "train",
            [
                "experiment=hippocampus",
                f"data.root={subset / 'data'}",
                f"output={run}",
                f"workspace={tmp_path / 'ws'}",
                f"preparation.plan.file={place / 'nnUNetPlans.json'}",
                f"preparation.splits.file={place / 'splits_final.json'}",
                f"training.start_from={tmp_path / 'imported'}",
                "net=plain_unet",
                "net.features=32",
                "training.epochs=1",
                "training.steps_per_epoch=1",
                "training.max_minutes=null",
                "trackers.wandb=off",
                "trackers.tensorboard=false",
            ],
        )
        == 0
    )
    plan = read_json(run / "plan.json", "it")["plan"]
    assert plan["topology"]["kernels"] == [list(one) for one in wanted.topology.kernels]
    assert plan["topology"]["strides"] == [list(one) for one in wanted.topology.strides]
    assert plan["topology"]["patch"] == list(wanted.topology.patch) and plan["batch"] == wanted.batch
    assert np.allclose(plan["spacing_mm"], wanted.spacing_mm, rtol=0, atol=0)
    assert "keeps its initial weights" not in capsys.readouterr().out
