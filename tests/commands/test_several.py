"""Several folds and seeds in one command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gnomon.commands.launch import launch
from gnomon.io.images import images_in_folder, read_image, read_label
from gnomon.tasks.segmentation import SEGMENTATION
from tests.conftest import TINY

SHORT = ["training.epochs=1", "net.features=2"]


@pytest.fixture(scope="module")
def group(tiny_run):
    output = tiny_run.parent / "group"
    arguments = [*TINY, *SHORT, f"workspace={tiny_run.parent}", f"output={output}", "training.fold=all", "seed=[1,2]"]
    arguments += ["preparation.splits.test_fraction=0", "inference.probabilities=true"]
    assert launch("train", arguments) == 0
    return output, arguments


def test_every_case_is_predicted_by_a_run_that_did_not_see_it(group):
    output, _ = group
    splits = json.loads(next(output.parent.glob("data/*/dataset/splits.json")).read_text())
    folders = [
        path
        for path in output.parent.glob("data/*/dataset")
        if not json.loads((path / "splits.json").read_text())["test"]
    ]
    splits = json.loads((folders[0] / "splits.json").read_text())
    for seed in (1, 2):
        found = images_in_folder(output / "predictions" / f"seed-{seed}")
        assert sorted(found) == sorted(name for fold in splits["folds"] for name in fold["val"])
        for number, fold in enumerate(splits["folds"]):
            for name in fold["val"]:
                own = output / f"fold-{number}-seed-{seed}" / "predictions" / f"{name}.nii.gz"
                assert own.read_bytes() == found[name].read_bytes()


def test_probabilities_are_kept_agree_with_the_labels_and_are_calibrated(group):
    output, _ = group
    folder = output / "predictions" / "seed-1"
    for name, path in images_in_folder(folder).items():
        label = read_label(path).voxels
        shares = [
            read_image(folder / "probabilities" / one / f"{name}.nii.gz").voxels
            for one in ("liver", "spleen", "lesion")
        ]
        channels = np.stack([1 - sum(shares), *shares])
        highest, second = np.sort(channels, axis=0)[[-1, -2]]
        sure = highest - second > 1e-3
        assert np.array_equal(channels.argmax(0)[sure], label[sure]), "values 1, 2, 3 in the channels' order"
    summary = json.loads((output / "evaluation" / "seed-1" / "summary.json").read_text())
    assert summary["labels"]["liver"]["calibration"]["voxels"] > 0
    assert "<h2>Calibration</h2>" in (output / "evaluation" / "seed-1" / "report.html").read_text()


def test_the_summary_tells_the_spread_between_seeds(group):
    output, _ = group
    summary = json.loads((output / "summary.json").read_text())
    dices = [summary["by_seed"][seed]["mean_dice"] for seed in ("1", "2")]
    assert summary["mean_dice"] == pytest.approx(np.mean(dices))
    assert summary["between_seeds"] == pytest.approx(np.std(dices, ddof=1))
    assert f"{summary['between_seeds']:.4f}" in (output / "report.html").read_text()
    members = json.loads((output / "members.json").read_text())["members"]
    assert len({member["weights_sha256"] for member in members}) == len(members) == 4


def test_a_check_of_the_code_judges_each_run_on_what_it_saw(tiny_run):
    output = tiny_run.parent / "group-fast"
    arguments = [*TINY, *SHORT, f"workspace={tiny_run.parent}", f"output={output}", "debug=fast", "training.fold=all"]
    assert launch("train", arguments) == 0
    summary = json.loads((output / "summary.json").read_text())
    assert 0 < summary["n_cases"] == len(images_in_folder(output / "predictions" / "seed-1"))


def test_a_group_that_is_run_again_trains_nothing(group, capsys):
    output, arguments = group
    before = {path: path.stat().st_mtime_ns for path in output.glob("*/checkpoints/weights.safetensors")}
    assert launch("train", arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "between 2 seeds" in capsys.readouterr().out


def test_a_group_predicts_as_an_ensemble(group, tmp_path):
    output, _ = group
    source = next(output.parent.glob("data/*/volumes/*.nii.gz"))
    images = tmp_path / "images"
    images.mkdir()
    (images / "case.nii.gz").write_bytes(source.read_bytes())
    assert launch("predict", [f"run={output}", f"input={images}", f"output={tmp_path / 'all'}"]) == 0
    assert read_label(tmp_path / "all" / "case.nii.gz").grid.shape == read_image(source).grid.shape


def test_a_test_set_is_predicted_by_all_folds_together(tiny_run):
    output = tiny_run.parent / "tested"
    arguments = [*TINY, *SHORT, f"workspace={tiny_run.parent}", f"output={output}", "training.fold=all"]
    assert launch("train", arguments) == 0
    summary = json.loads((output / "summary.json").read_text())
    assert summary["between_seeds"] is None
    assert summary["n_cases"] == len(images_in_folder(output / "predictions" / "seed-1")) > 0


@pytest.mark.parametrize(
    ("setting", "rule"),
    [("training.fold=some", "USE115"), ("training.fold=9", "USE113"), ("seed=[1,1]", "USE115"), ("seed=[]", "USE115")],
)
def test_folds_and_seeds_that_are_none_are_refused(tiny_run, setting, rule, capsys):
    assert launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={tiny_run.parent / 'no'}", setting]) == 2
    assert rule in capsys.readouterr().err


def test_a_label_that_no_seed_could_measure_has_no_mean():
    one = {"mean_dice": None, "n_cases": 1, "labels": {"a": {"dice": None}}}
    found = SEGMENTATION.summarise_seeds({1: one, 2: one})
    assert found["mean_dice"] is None
    assert found["labels"]["a"] == {"dice": None, "between_seeds": None}
