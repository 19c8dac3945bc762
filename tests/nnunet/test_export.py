from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gnomon.commands.launch import launch
from gnomon.core.geometry import ORIENTATIONS, Grid, permute_axes
from gnomon.io.images import read_image, read_label, write_image
from gnomon.nnunet.dataset import label_scheme_from

NAMES = {"background": 0, "organ": 7, "lesion": 3}


@pytest.fixture
def decathlon(tmp_path):
    """Five cases in five orders of axes, labels 7 and 3, 9 ignored; the image is the place along x of the patient."""
    root = tmp_path / "data"
    for i in range(5):
        grid = Grid.from_parts((14, 12, 8), (1.0, 1.5, 3.0), (-5.0, 10.0 * i, 4.0))
        image = np.broadcast_to(np.arange(14.0)[:, None, None], grid.shape).astype(np.int16)
        label = np.zeros(grid.shape, np.uint8)
        label[2:6, 3:9, 2:6], label[4, 5, 3], label[0, 0, 0] = 7, 3, 9
        change = grid.reorientation_to(ORIENTATIONS[11 * i % 48])
        turned = grid.reorient(change)
        write_image(root / "imagesTr" / f"c{i}.nii.gz", change.apply(image), turned)
        write_image(root / "labelsTr" / f"c{i}.nii.gz", change.apply(label), turned)
    (root / "dataset.json").write_text(
        json.dumps(
            {
                "channel_names": {"0": "MRI"},
                "labels": {**NAMES, "ignore": 9},
                "numTraining": 5,
                "file_ending": ".nii.gz",
            }
        )
    )
    return root


def export(root, output, *more):
    code = launch("nnunet", ["export", f"root={root}", f"output={output}", "name=Test", "dataset_id=902", *more])
    return code, output / "nnUNet_raw" / "Dataset902_Test"


def test_a_native_export_copies_images_and_numbers_labels_from_one(decathlon, tmp_path, capsys):
    code, raw = export(decathlon, tmp_path / "out")
    assert code == 0 and "nnUNetv2_plan_and_preprocess -d 902" in capsys.readouterr().out
    description = json.loads((raw / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "organ": 1, "lesion": 2, "ignore": 3}
    assert dict(zip(label_scheme_from(description).names, label_scheme_from(description).values)) == {
        "organ": 7,
        "lesion": 3,
    }
    for i in range(5):
        source = decathlon / "imagesTr" / f"c{i}.nii.gz"
        assert (raw / "imagesTr" / f"c{i}_0000.nii.gz").read_bytes() == source.read_bytes()
        before = read_label(decathlon / "labelsTr" / f"c{i}.nii.gz")
        after = read_label(raw / "labelsTr" / f"c{i}.nii.gz")
        assert after.grid == before.grid
        assert np.array_equal(after.voxels, np.select([before.voxels == v for v in (7, 3, 9)], [1, 2, 3]))


def test_a_canonical_export_is_in_ras_order(decathlon, tmp_path):
    _, raw = export(decathlon, tmp_path / "out", "orientation=canonical")
    for i in range(5):
        image, label = (
            read_image(path)
            for path in (
                raw / "imagesTr" / f"c{i}_0000.nii.gz",
                raw / "labelsTr" / f"c{i}.nii.gz",
            )
        )
        assert image.grid.orientation == "RAS" and image.grid.shape == (14, 12, 8)
        assert np.array_equal(image.voxels[:, 0, 0], np.arange(14.0))
        assert label.voxels[4, 5, 3] == 2 and label.voxels[2, 3, 2] == 1


def test_an_export_passes_nnunets_integrity_check(decathlon, tmp_path):
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    _, raw = export(decathlon, tmp_path / "out", "orientation=canonical")
    verify_dataset_integrity(str(raw), 1)


def prepare_copy(decathlon, tmp_path):
    code = launch(
        "prepare",
        [
            f"input={decathlon}",
            f"output={tmp_path / 'dataset'}",
            "preparation.splits.folds=2",
            "preparation.splits.test_fraction=0.2",
        ],
    )
    assert code == 0
    return tmp_path / "dataset"


def test_the_splits_and_the_plan_of_a_prepared_data_set_are_exported(decathlon, tmp_path, capsys):
    dataset = prepare_copy(decathlon, tmp_path)
    code, raw = export(decathlon, tmp_path / "out", f"prepared={dataset}", "orientation=canonical")
    assert code == 0 and "nnUNetv2_train 902 3d_fullres 0 -p gnomonPlans" in capsys.readouterr().out
    ours = json.loads((dataset / "splits.json").read_text())
    theirs = json.loads((raw / "splits_final.json").read_text())
    assert theirs == [{"train": fold["train"], "val": fold["val"]} for fold in ours["folds"]]
    (held,) = ours["test"]
    assert not (raw / "imagesTr" / f"{held}_0000.nii.gz").exists(), "the test set stays unseen"
    preprocessed = tmp_path / "out" / "nnUNet_preprocessed" / "Dataset902_Test"
    plans = json.loads((preprocessed / "gnomonPlans.json").read_text())
    plan = json.loads((dataset / "dataset.json").read_text())["plan"]
    one = plans["configurations"]["3d_fullres"]
    assert one["patch_size"] == plan["topology"]["patch"][::-1] and one["spacing"] == plan["spacing_mm"][::-1]
    splits = f"preparation.splits.file={raw / 'splits_final.json'}"
    code = launch("prepare", [f"input={raw}", f"output={tmp_path / 'back'}", splits])
    assert code == 0
    back = json.loads((tmp_path / "back" / "splits.json").read_text())
    assert [fold["val"] for fold in back["folds"]] == [fold["val"] for fold in ours["folds"]]


def test_a_plan_is_not_exported_with_files_whose_axes_are_in_another_order(decathlon, tmp_path, capsys):
    dataset = prepare_copy(decathlon, tmp_path)
    code, _ = export(decathlon, tmp_path / "out", f"prepared={dataset}")
    assert code == 2 and "NNU108" in capsys.readouterr().err


def test_imported_predictions_get_their_original_values_and_probabilities(tmp_path):
    grid = Grid.from_parts((14, 12, 8), (1.0, 1.5, 3.0)).reorient(
        Grid.from_parts((14, 12, 8), (1.0, 1.5, 3.0)).reorientation_to("LPS")
    )
    channels = np.random.default_rng(0).dirichlet([1, 1, 1], grid.shape)
    share = np.stack([channels[..., i] for i in range(3)]).astype(np.float32)
    write_image(tmp_path / "in" / "c1.nii.gz", share.argmax(0).astype(np.uint8), grid)
    np.savez_compressed(tmp_path / "in" / "c1.npz", probabilities=permute_axes(share, (2, 1, 0)))
    description = {
        "labels": {"background": 0, "organ": 1, "lesion": 2},
        "gnomon_label_values": {"labels": {"organ": 7, "lesion": 3}},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    arguments = ["import", f"predictions={tmp_path / 'in'}", f"dataset_json={tmp_path / 'dataset.json'}"]
    assert launch("nnunet", [*arguments, f"output={tmp_path / 'out'}"]) == 0
    values = read_label(tmp_path / "out" / "c1.nii.gz")
    assert np.array_equal(values.voxels, np.array([0, 7, 3])[share.argmax(0)]) and values.grid == grid
    for i, name in enumerate(("organ", "lesion"), start=1):
        found = read_image(tmp_path / "out" / "probabilities" / name / "c1.nii.gz")
        assert np.abs(found.voxels - share[i]).max() < 1e-4 and found.grid == grid
    np.savez_compressed(tmp_path / "in" / "c1.npz", probabilities=share[:, :5])
    assert launch("nnunet", [*arguments, f"output={tmp_path / 'out2'}"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export"], "USE109 root"),
        (["export", "root=/nowhere"], "USE101"),
        (["export", "dataset_id=5000"], "USE115 dataset_id"),
        (["import", f"predictions={Path(__file__).parent}"], "USE109 dataset_json"),
        (["import"], "USE125"),
        (["import", "predictions=/nowhere"], "USE101 /nowhere"),
        (["import", "model=/nowhere"], "USE101 /nowhere"),
        (["postprocess"], "USE109 rules"),
        (["postprocess", "route=magic"], "magic"),
        (["teleport"], "USE124"),
    ],
)
def test_mistakes_are_reported_without_a_traceback(tmp_path, capsys, arguments, message):
    assert launch("nnunet", [*arguments, f"output={tmp_path / 'x'}"]) == 2
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed
