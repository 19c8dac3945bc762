from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import yaml

from gnomon.commands.launch import launch
from gnomon.core.geometry import ORIENTATIONS, Grid, permute_axes
from gnomon.io.images import images_in_folder, read_grid, read_label, write_image
from gnomon.nnunet import renumber_labels, write_stock_postprocessing
from gnomon.postprocess import read_rule_set, rule_set_from
from gnomon.rules.finding import Refusal
from tests.postprocess.scenes import random_scene, spec_values
from tests.postprocess.toy import LABELS, N_LESIONS, lesions_hit, write_toy

DATASET = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "organ": 1, "lesion": 2},
    "numTraining": 1,
    "file_ending": ".nii.gz",
}
PLANS = {
    "dataset_name": "Dataset900_Toy",
    "plans_name": "nnUNetPlans",
    "image_reader_writer": "SimpleITKIO",
    "label_manager": "LabelManager",
    "configurations": {},
}
SPACINGS = [(1.0, 1.0, 1.0), (1.2, 1.2, 3.0), (0.7, 0.7, 5.0), (0.5, 0.9, 1.3), (2.0, 2.0, 2.0)]
RULES = [
    {"structure": "lesion", "min_volume_mm3": 30.0},
    {"structure": "organ", "keep_k": 2, "exempt_at_edge": True},
    {"structure": "lesion", "parent": "organ", "parent_within_mm": 12.0, "removed_becomes": "organ"},
    {"structure": "organ", "fill_holes": "axial", "max_hole_mm3": 200.0},
]


def write_cases(folder, count=50):
    """Segmentations of mixed spacing and orientation, with nnU-Net's dataset.json and plans.json in the same folder."""
    for i in range(count):
        draw = np.random.default_rng(i)
        organ, lesion, _ = random_scene(draw, (24, 20, 12), 8)
        voxels = np.where(lesion, 2, organ).astype(np.uint8)
        voxels[5:12, 5:12, 3:9] = 1
        voxels[7:9, 7:9, 4:8] = 0
        grid = Grid.from_parts(voxels.shape, SPACINGS[i % 5], (3.0 * i, -20.0, 7.0))
        change = grid.reorientation_to(ORIENTATIONS[(7 * i) % 48])
        write_image(folder / f"case_{i:02d}.nii.gz", change.apply(voxels), grid.reorient(change))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    (folder / "plans.json").write_text(json.dumps(PLANS))
    return folder


def stock_apply(predictions, output, pkl, processes=2):
    """nnU-Net's own command, as its console script runs it."""
    entry = "from nnunetv2.postprocessing.remove_connected_components import entry_point_apply_postprocessing as r; r()"
    command = [sys.executable, "-c", entry, "-i", str(predictions), "-o", str(output), "-pp_pkl_file", str(pkl)]
    return subprocess.run([*command, "-np", str(processes)], check=False, capture_output=True, text=True)


def voxels_of(folder):
    return {name: read_label(path).voxels for name, path in images_in_folder(folder).items()}


def test_nnunets_command_and_gnomons_give_the_same_result_on_fifty_cases(tmp_path):
    source = write_cases(tmp_path / "in")
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(spec_values(*RULES)))
    assert launch("nnunet", ["postprocess", f"rules={rules}", f"output={tmp_path / 'pp'}"]) == 0
    assert (
        launch("postprocess", ["apply", f"rules={rules}", f"predictions={source}", f"output={tmp_path / 'ours'}"]) == 0
    )
    completed = stock_apply(source, tmp_path / "stock", tmp_path / "pp" / "postprocessing.pkl")
    assert completed.returncode == 0, completed.stderr
    before, ours, stock = voxels_of(source), voxels_of(tmp_path / "ours"), voxels_of(tmp_path / "stock")
    assert len(stock) == 50 and ours.keys() == stock.keys()
    for name in ours:
        assert np.array_equal(ours[name], stock[name]), name
        assert read_grid(tmp_path / "stock" / f"{name}.nii.gz") == read_grid(source / f"{name}.nii.gz")
    assert sum(not np.array_equal(before[name], ours[name]) for name in ours) >= 40


def test_rules_that_only_keep_the_largest_component_do_not_need_gnomon(tmp_path):
    source = write_cases(tmp_path / "in", 12)
    rules = tmp_path / "rules.yaml"
    largest = [{"structure": name, "keep_largest": True} for name in ("organ", "lesion", "both")]
    rules.write_text(yaml.safe_dump(spec_values(*largest, regions={"both": ["organ", "lesion"]})))
    assert launch("nnunet", ["postprocess", f"rules={rules}", f"output={tmp_path / 'pp'}"]) == 0
    assert b"gnomon" not in (tmp_path / "pp" / "postprocessing.pkl").read_bytes()
    assert (
        launch("postprocess", ["apply", f"rules={rules}", f"predictions={source}", f"output={tmp_path / 'ours'}"]) == 0
    )
    completed = stock_apply(source, tmp_path / "stock", tmp_path / "pp" / "postprocessing.pkl")
    assert completed.returncode == 0, completed.stderr
    ours, stock = voxels_of(tmp_path / "ours"), voxels_of(tmp_path / "stock")
    assert len(stock) == 12 and all(np.array_equal(ours[name], stock[name]) for name in stock)


def test_rules_called_without_a_file_raise_an_error(tmp_path):
    write_stock_postprocessing(rule_set_from(spec_values(RULES[0]), "t"), tmp_path)
    functions, arguments = pickle.loads((tmp_path / "postprocessing.pkl").read_bytes())
    with pytest.raises(RuntimeError, match="size of a voxel is unknown"):
        functions[0](np.ones((3, 3, 3), np.uint8), **arguments[0])


def test_without_gnomon_nnunets_command_stops_and_writes_nothing(tmp_path):
    source = write_cases(tmp_path / "in", 2)
    pkl = write_own(tmp_path / "pp")
    entry = (
        "import sys; sys.modules['gnomon'] = None\n"
        "from nnunetv2.postprocessing.remove_connected_components import entry_point_apply_postprocessing as r; r()"
    )
    command = [sys.executable, "-c", entry, "-i", str(source), "-o", str(tmp_path / "out"), "-pp_pkl_file", str(pkl)]
    completed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert completed.returncode != 0 and "ModuleNotFoundError" in completed.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.nii.gz"))


def write_own(folder, *rules):
    write_stock_postprocessing(rule_set_from(spec_values(*(rules or RULES)), "t"), folder, "own")
    return folder / "postprocessing.pkl"


def test_rules_read_probabilities_from_the_npz_file_of_a_prediction(tmp_path):
    source = write_cases(tmp_path / "in", 2)
    pkl = write_own(tmp_path / "pp", {"structure": "lesion", "min_mean_probability": 0.5})
    assert "save_probabilities" in stock_apply(source, tmp_path / "out", pkl, 1).stderr
    for name, voxels in voxels_of(source).items():
        share = np.where(voxels == 2, 0.9, 0.0).astype(np.float32)
        share[: len(share) // 2] /= 3
        channels = np.stack([1 - share, np.zeros_like(share), share])
        np.savez_compressed(source / f"{name}.npz", probabilities=permute_axes(channels, (2, 1, 0)))
    completed = stock_apply(source, tmp_path / "out", pkl, 1)
    assert completed.returncode == 0, completed.stderr
    assert any(
        (voxels_of(source)[name] == 2).sum() > (after == 2).sum() for name, after in voxels_of(tmp_path / "out").items()
    )


def test_rules_are_renumbered_to_nnunets_label_values():
    rules = rule_set_from(spec_values(RULES[0], labels={"lesion": 3, "organ": 7}), "t")
    assert dict(renumber_labels(rules, DATASET).labels) == {"organ": 1, "lesion": 2}
    with pytest.raises(Refusal, match="NNU109"):
        renumber_labels(rules, None)
    with pytest.raises(Refusal, match="no label organ"):
        renumber_labels(rules, {"labels": {"background": 0, "lesion": 1}})
    already = rule_set_from(spec_values(RULES[0], labels={"lesion": 2, "organ": 1}), "t")
    assert renumber_labels(already, None) == already


def test_nnunets_own_functions_cannot_express_a_volume(tmp_path):
    with pytest.raises(Refusal, match="NNU104"):
        write_stock_postprocessing(rule_set_from(spec_values(RULES[0]), "t"), tmp_path, "stock")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Toy predictions as nnU-Net leaves them after a cross-validation."""
    base = tmp_path_factory.mktemp("nnunet")
    toy, name = write_toy(base / "toy"), "Dataset900_Toy"
    plans = {**PLANS, "configurations": {"3d_fullres": {"architecture": {}}}}
    description = {**DATASET, "labels": {"background": 0, **LABELS}, "numTraining": 20}
    model = base / "nnUNet_results" / name / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    preprocessed = base / "nnUNet_preprocessed" / name
    names = sorted(images_in_folder(toy / "predictions"))
    folds = [{"train": [n for n in names if n not in names[f::5]], "val": names[f::5]} for f in range(5)]
    for place in (model, preprocessed, base / "nnUNet_raw" / name):
        place.mkdir(parents=True)
        (place / "dataset.json").write_text(json.dumps(description))
    (model / "plans.json").write_text(json.dumps(plans))
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    (preprocessed / "splits_final.json").write_text(json.dumps(folds))
    (preprocessed / "gt_segmentations").symlink_to(toy / "references")
    for fold, sides in enumerate(folds):
        held_out = model / f"fold_{fold}" / "validation"
        held_out.mkdir(parents=True)
        for case in sides["val"]:
            (held_out / f"{case}.nii.gz").symlink_to(toy / "predictions" / f"{case}.nii.gz")
        (held_out / "summary.json").write_text("{}")
    return base


def test_find_best_configuration_runs_with_gnomons_search(results):
    folders = {name: str(results / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    command = [
        sys.executable,
        "-c",
        "from gnomon.nnunet.find_best import main; main()",
        "Dataset900_Toy",
        "-c",
        "3d_fullres",
        "-np",
        "1",
        "--disable_ensembling",
    ]
    completed = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **folders})
    assert completed.returncode == 0, completed.stderr
    model = results / "nnUNet_results" / "Dataset900_Toy"
    held_out = next(model.glob("nnUNetTrainer*/crossval_results_folds_*"))
    assert "tumour: rejected min_volume_mm3" in completed.stdout
    assert lesions_hit(held_out / "postprocessed") == N_LESIONS
    assert read_rule_set(held_out / "rules.yaml").rules == ()
    best = json.loads((model / "inference_information.json").read_text())["best_model_or_ensemble"]
    assert best["postprocessing_file"] == str(held_out / "postprocessing.pkl")
    assert best["result_on_crossval_post_pp"] == pytest.approx(best["result_on_crossval_pre_pp"])
