"""Phase and side distinguish the classes: bright or dark vessels, a bright ball on the left or on the right."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from scipy import stats

from gnomon.commands.launch import launch
from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.dataset.canonicalise import image_in_patch
from gnomon.dataset.dataset import read_dataset
from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.evaluation import judge_classes
from gnomon.io.artifacts import read_json
from gnomon.io.folders import RunFolder
from gnomon.io.images import write_image
from gnomon.nets import build_classifier
from gnomon.preparation import read_classes
from gnomon.reports import write_class_report
from gnomon.rules.finding import Refusal
from tests.conftest import kill_at_first_checkpoint
from tests.postprocess.scenes import ball

TRAIN = [
    "experiment=phases",
    "task=classification",
    "data.kind=nifti",
    "net=tiny",
    "training.epochs=8",
    "training.steps_per_epoch=10",
    "preparation.plan.max_patch_voxels=4000",
    "preparation.plan.batch=4",
    "preparation.splits.folds=3",
    "training.precision=32-true",
    "training.optimiser.learning_rate=0.01",
    "training.optimiser.warmup_steps=2",
    "trackers.wandb=off",
    "trackers.tensorboard=false",
    "training.data.augmentation.brightness_probability=0",
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Thirty images in many orders of axes; the class is the side of the patient that a ball lies on."""
    root = tmp_path_factory.mktemp("sides")
    rows = []
    for i in range(30):
        draw = np.random.default_rng(i)
        grid = Grid.from_parts((24, 20, 10), (2.0, 2.0, 4.0), (-24.0, 0.0, 0.0))
        right = i % 2 == 0
        centre = (12.0 if right else -12.0, 20.0 + draw.uniform(-4, 4), 20.0 + draw.uniform(-4, 4))
        voxels = draw.normal(0, 10, grid.shape).astype(np.float32) + 200 * ball(grid, centre, 7.0)
        change = grid.reorientation_to(ORIENTATIONS[(5 * i) % 48])
        write_image(root / "images" / f"s{i:02d}.nii.gz", change.apply(voxels), grid.reorient(change))
        rows.append({"case": f"s{i:02d}", "class": "right" if right else "left"})
    with (root / "classes.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["case", "class"])
        writer.writeheader()
        writer.writerows(rows)
    return root


def trained(images, workspace, *more):
    arguments = [*TRAIN, f"data.root={images / 'images'}", f"data.classes={images / 'classes.csv'}"]
    return launch("train", [*arguments, f"workspace={workspace}", f"output={workspace / 'run'}", *more])


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    workspace = tmp_path_factory.mktemp("classified")
    assert trained(images, workspace) == 0
    return workspace / "run"


def test_a_side_is_learnt_in_any_order_of_axes(run):
    summary = read_json(run / "evaluation" / "summary.json", "it")
    assert summary["n_cases"] == 10 and summary["accuracy"]["estimate"] == 1.0
    assert summary["classes"]["left"]["auc"] == 1.0 and summary["wrong"] == []
    rows = list(csv.DictReader((run / "predictions" / "classes.csv").open()))
    assert all(abs(float(row["p/left"]) + float(row["p/right"]) - 1) < 1e-9 for row in rows)
    report = (run / "report.html").read_text()
    assert "Accuracy 1.000" in report and "Confusion matrix" in report


def test_the_report_shows_misclassified_images_as_the_net_saw_them(run, tmp_path):
    dataset = read_dataset(next((run.parent / "data").glob("*/dataset")))
    rows = list(csv.DictReader((run / "predictions" / "classes.csv").open()))
    turned = {row["case"]: "left" if row["class"] == "right" else "right" for row in rows[:2]}
    truth = {row["case"]: turned.get(row["case"], row["class"]) for row in rows}
    summary = judge_classes(rows, truth, {name: name for name in truth}, dataset.labels.names)
    assert sorted(summary["wrong"]) == sorted(turned)
    for path in (run / "manifest.json", run / "metrics.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_class_report(RunFolder(tmp_path), dataset, summary, rows)
    assert (tmp_path / "report.html").read_text().count("<img") == 3


def test_ten_correct_of_ten_still_have_a_wide_interval():
    rows = [{"case": str(i), "class": "a", "p/a": 0.9, "p/b": 0.1} for i in range(10)]
    truth, alone = {str(i): "a" for i in range(10)}, {str(i): str(i) for i in range(10)}
    assert judge_classes(rows, truth, alone, ["a", "b"])["accuracy"]["lower"] == pytest.approx(0.025 ** (1 / 10))
    of_two = judge_classes(rows, truth, {str(i): str(i % 2) for i in range(10)}, ["a", "b"])["accuracy"]
    assert of_two["lower"] == pytest.approx(0.025 ** (1 / 2)) and of_two["upper"] == 1.0


def test_the_same_seed_gives_the_same_bits_and_other_folders_the_same_classes(run, images, tmp_path):
    assert trained(images, tmp_path) == 0
    first, second = (read_json(folder / "manifest.json", "it") for folder in (run, tmp_path / "run"))
    assert first["weights_sha256"] == second["weights_sha256"]
    assert launch("predict", [f"run={run}", f"input={images / 'images'}", f"output={tmp_path / 'out'}"]) == 0
    found = {row["case"]: row["class"] for row in csv.DictReader((tmp_path / "out" / "classes.csv").open())}
    truth = {row["case"]: row["class"] for row in csv.DictReader((images / "classes.csv").open())}
    assert len(found) == 30 and sum(found[name] == truth[name] for name in truth) >= 29


def test_an_image_is_centred_in_the_patch_and_padded_with_its_lowest_value():
    plan = Plan((1.0, 1.0, 1.0), Normalisation("window", 0.0, 10.0), make_topology((1, 1, 1), (16, 16, 16)), 2)
    voxels = np.full((10, 20, 16), 10.0, np.float32)
    voxels[0, 0, 0] = 0
    seen, outside = image_in_patch(voxels, Grid.from_parts(voxels.shape, (1.0, 1.0, 1.0)), plan)
    assert seen.shape == (1, 16, 16, 16) and outside == -1.0
    assert (seen[0, 3:13] == 1.0).all() and (seen[0, :3] == -1.0).all() and (seen[0, 13:] == -1.0).all()


@pytest.mark.parametrize("name", ["plain_unet", "res_enc_unet", "mednext", "seg_resnet", "attention_unet"])
def test_every_u_shaped_net_takes_a_classification_head(name):
    shaped = make_topology((1, 1, 3), (16, 16, 8))
    net = build_classifier({"name": name, **({} if name == "mednext" else {"features": 8})}, shaped, 1, 3)
    logits = net(torch.randn(2, 1, *shaped.patch))
    logits.sum().backward()
    assert logits.shape == (2, 3)
    assert all(value.grad is not None for value in net.parameters())


def test_other_nets_are_refused():
    with pytest.raises(Refusal, match="USE126"):
        build_classifier({"name": "unetr"}, make_topology((1, 1, 1), (32, 32, 32)), 1, 2)


def test_auc_equals_mann_whitney_and_recall_is_per_class():
    draw = np.random.default_rng(0)
    truth = {f"c{i}": "abc"[i % 3] for i in range(60)}
    rows = []
    for name, kind in truth.items():
        share = draw.dirichlet([1, 1, 1]) + 0.4 * (np.array(list("abc")) == kind)
        share = np.round(share / share.sum(), 1)
        rows.append({"case": name, "class": "abc"[int(share.argmax())], **{f"p/{k}": s for k, s in zip("abc", share)}})
    summary = judge_classes(rows, truth, dict.fromkeys(truth, "") | {name: name for name in truth}, "abc")
    for kind in "abc":
        mine = [row[f"p/{kind}"] for row in rows if truth[row["case"]] == kind]
        others = [row[f"p/{kind}"] for row in rows if truth[row["case"]] != kind]
        wanted = stats.mannwhitneyu(mine, others).statistic / (len(mine) * len(others))
        assert summary["classes"][kind]["auc"] == pytest.approx(wanted)
        right = sum(row["class"] == kind for row in rows if truth[row["case"]] == kind)
        assert summary["classes"][kind]["recall"] == pytest.approx(right / 20)
    assert np.trace(summary["confusion"]["counts"]) == round(summary["accuracy"]["estimate"] * 60)


def test_images_without_a_class_and_classes_without_an_image_are_reported(images, tmp_path):
    table = tmp_path / "classes.csv"
    table.write_text("case,class\ns00,right\ns01,left\ngone,left\n")
    source = read_classes(images / "images", table, None)
    assert [case.name for case in source.cases] == ["s00", "s01"] and source.classes == ("left", "right")
    assert {finding.rule for finding in source.findings} == {"CLS103", "CLS104"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("case,class\ns00,right\ns02,right\n", "CLS102"),
        ("case,kind\ns00,right\n", "CLS101"),
        ("case,class\ns00,right\ns00,left\n", "CLS101"),
        ("case,class\ns00,\n", "CLS101"),
        ("", "CLS101"),
    ],
)
def test_a_table_without_usable_classes_is_refused(images, tmp_path, text, rule):
    (tmp_path / "classes.csv").write_text(text)
    with pytest.raises(Refusal, match=rule):
        read_classes(images / "images", tmp_path / "classes.csv", None)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["data.classes=null"], "USE109 data.classes"),
        (["data.kind=phantom"], "USE112"),
        (["seed=[]"], "USE115"),
        (["task=guessing"], "guessing"),
        (["net=unetr", "data.root=/nowhere"], "USE101"),
    ],
)
def test_mistakes_are_reported_without_a_traceback(images, tmp_path, capsys, more, message):
    assert trained(images, tmp_path, *more) == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said


def test_a_segmentation_of_a_data_set_with_classes_is_refused(run, images, capsys, tmp_path):
    dataset = next((run.parent / "data").glob("*/dataset"))
    assert json.loads((dataset / "dataset.json").read_text())["task"] == "classification"
    arguments = ["experiment=phases", "data.kind=prepared", f"data.root={dataset}", f"workspace={tmp_path}"]
    assert launch("train", [*arguments, "net=tiny", "task=segmentation"]) == 2
    assert "USE127" in capsys.readouterr().err


def test_every_image_is_classified_by_a_fold_that_held_it_out_and_seeds_give_a_spread(images, tmp_path, capsys):
    more = [
        "training.fold=all",
        "seed=[1,2]",
        "training.epochs=2",
        "preparation.splits.folds=2",
        f"output={tmp_path / 'all'}",
    ]
    assert trained(images, tmp_path, *more) == 0
    assert "between 2 seeds" in capsys.readouterr().out
    summary = read_json(tmp_path / "all" / "summary.json", "the group")
    assert summary["n_cases"] == 30
    assert summary["seeds"] == [1, 2]
    estimates = [one["accuracy"]["estimate"] for one in summary["by_seed"].values()]
    assert summary["accuracy"] == pytest.approx(np.mean(estimates))
    assert summary["between_seeds"] == pytest.approx(np.std(estimates, ddof=1))
    hashes = {one["weights_sha256"] for one in read_json(tmp_path / "all" / "members.json", "the group")["members"]}
    assert len(hashes) == 4
    splits = json.loads(next(tmp_path.glob("data/*/dataset/splits.json")).read_text())
    with (tmp_path / "all" / "predictions" / "seed-1" / "classes.csv").open() as stream:
        pooled = {row["case"]: row["p/left"] for row in csv.DictReader(stream)}
    for number, fold in enumerate(splits["folds"]):
        with (tmp_path / "all" / f"fold-{number}-seed-1" / "predictions" / "classes.csv").open() as stream:
            own = {row["case"]: row["p/left"] for row in csv.DictReader(stream)}
        assert set(own) == set(fold["val"] if isinstance(fold, dict) else fold[1])
        assert all(float(pooled[case]) == float(share) for case, share in own.items())
    assert "Standard deviation between 2 seeds" in (tmp_path / "all" / "report.html").read_text()


def test_a_killed_classification_ends_with_the_same_bits(run, images, tmp_path):
    killed = tmp_path / "killed"
    arguments = [
        *TRAIN,
        f"data.root={images / 'images'}",
        f"data.classes={images / 'classes.csv'}",
        f"workspace={tmp_path}",
        f"output={killed}",
    ]
    assert kill_at_first_checkpoint(arguments, killed) < 80
    assert launch("train", arguments) == 0
    finished, first = (read_json(RunFolder(one).manifest, "the run") for one in (killed, run))
    assert finished["resumed"]
    assert finished["weights_sha256"] == first["weights_sha256"]
