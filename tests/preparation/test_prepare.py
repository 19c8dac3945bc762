from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchio as tio

from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.core.labels import LabelScheme
from gnomon.data.datamodule import Patches
from gnomon.data.sampling import PatchKey
from gnomon.dataset.canonicalise import canonical_image, canonical_label, normalise
from gnomon.dataset.dataset import read_case, read_dataset
from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.evaluation import evaluate
from gnomon.io.artifacts import map_array
from gnomon.io.images import read_image, read_label, write_image
from gnomon.preparation import prepare, read_raw_dataset
from gnomon.rules.finding import Refusal
from gnomon.settings import DataSettings, EvaluateSettings, PrepareSettings, SplitSettings
from tests.conftest import write_decathlon

ONE = PrepareSettings(splits=SplitSettings(folds=2), workers=1)
SCHEME = LabelScheme(("a", "b"), (1, 2))


def prepare_folder(root, output, settings=ONE):
    return prepare(read_raw_dataset(root, None, None, settings.patient_pattern), output, settings)


def found_rules(dataset):
    return [finding.rule for finding in dataset.findings]


def plan(spacing, kind="z_score"):
    return Plan(spacing, Normalisation(kind, -100.0, 200.0), make_topology(spacing, (16, 16, 16)), 2)


class TestCanonicalisation:
    def test_window_clips_before_it_rescales(self):
        image = tio.ScalarImage(tensor=torch.tensor([-2000.0, -100, 50, 200, 3000]).reshape(1, 5, 1, 1))
        out = normalise(image, Normalisation("window", -100.0, 200.0)).numpy().ravel()
        assert np.allclose(out, [-1, -1, 0, 1, 1])

    def test_z_score_is_robust_to_a_few_extreme_voxels(self):
        values = np.random.default_rng(0).normal(100, 10, (1, 20, 20, 20)).astype(np.float32)
        values[0, 0, 0, :5] = 1.7e6
        out = normalise(tio.ScalarImage(tensor=torch.from_numpy(values)), Normalisation("z_score")).numpy()
        assert abs(np.median(out)) < 0.05
        assert out.max() < 4

    @pytest.mark.parametrize("code", ORIENTATIONS)
    def test_every_orientation_of_one_image_gives_the_same_input(self, code):
        grid = Grid.from_parts((9, 8, 7), (1.0, 1.5, 2.0), (3.0, 4.0, 5.0))
        voxels = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
        change = grid.reorientation_to(code)
        expected, target = canonical_image(voxels, grid, plan((1.2, 1.2, 2.0)))
        found, there = canonical_image(change.apply(voxels), grid.reorient(change), plan((1.2, 1.2, 2.0)))
        assert there.corner_displacement_mm(target) < 1e-9
        assert np.allclose(found, expected, atol=1e-5)

    def test_resampling_keeps_the_positions_of_a_ramp(self):
        grid = Grid.from_parts((20, 22, 12), (1.0, 1.0, 3.0), (7.0, -4.0, 2.0))
        indices = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
        values = grid.points_mm(indices) @ [1.0, 2.0, 3.0]
        out, target = canonical_image(
            values,
            grid,
            Plan((0.7, 1.0, 2.0), Normalisation("window", -500.0, 500.0), make_topology((1, 1, 1), (8, 8, 8)), 2),
        )
        there = np.stack(np.meshgrid(*map(np.arange, target.shape), indexing="ij"), -1)
        expected = target.points_mm(there) @ [1.0, 2.0, 3.0] / 500
        assert np.abs(out[0] - expected)[2:-2, 2:-2, 2:-2].max() < 1e-4

    def test_resampling_keeps_the_positions_of_a_ramp_on_a_sheared_grid(self):
        affine = np.diag([1.0, 1.0, 3.0, 1.0])
        affine[1, 2] = 0.8
        grid = Grid((20, 22, 12), affine)
        values = grid.points_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)) @ [1.0, 2.0, 3.0]
        out, target = canonical_image(
            values,
            grid,
            Plan((0.7, 1.0, 2.0), Normalisation("window", -500.0, 500.0), make_topology((1, 1, 1), (8, 8, 8)), 2),
        )
        there = np.stack(np.meshgrid(*map(np.arange, target.shape), indexing="ij"), -1)
        expected = target.points_mm(there) @ [1.0, 2.0, 3.0] / 500
        assert np.abs(out[0] - expected)[2:-2, 2:-2, 2:-2].max() < 1e-4

    def test_a_label_on_the_target_grid_is_only_reordered(self):
        grid = Grid.from_parts((5, 6, 7), (1, 1, 2)).reorient(
            Grid.from_parts((5, 6, 7), (1, 1, 2)).reorientation_to("LPI")
        )
        channels = np.random.default_rng(0).integers(0, 3, grid.shape)
        out = canonical_label(channels, grid, SCHEME, plan((1.0, 1.0, 2.0)))
        assert np.array_equal(out, grid.reorientation_to("RAS").apply(channels))

    def test_a_resampled_label_keeps_its_volume_and_adds_no_channel(self):
        grid = Grid.from_parts((24, 24, 12), (1.0, 1.0, 3.0))
        places = grid.points_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)) - [12, 12, 17]
        channels = np.where(np.linalg.norm(places, axis=-1) < 9, 2, 0)
        out = canonical_label(channels, grid, SCHEME, plan((1.0, 1.0, 1.0)))
        assert set(np.unique(out)) == {0, 2}
        assert (out == 2).sum() == pytest.approx((channels == 2).sum() * 3, rel=0.05)


class TestCases:
    def test_a_prepared_case_keeps_its_native_grid_header_and_reference(self, decathlon, tmp_path):
        dataset = prepare_folder(decathlon, tmp_path / "d")
        assert found_rules(dataset) == []
        name = "case_003"
        case, place = read_case(dataset.folder, name), dataset.folder.case(name)
        image = read_image(decathlon / "imagesTr" / f"{name}.nii.gz")
        assert case.native == image.grid
        assert bytes(case.header.binaryblock) == bytes(image.header.binaryblock)
        label = map_array(place / "label.npy")
        indices = map_array(place / "foreground.npy")
        assert (label.reshape(-1)[indices] == 1).all()
        assert case.foreground == {1: int((label == 1).sum())}
        assert (place / "reference.nii.gz").read_bytes() == (decathlon / "labelsTr" / f"{name}.nii.gz").read_bytes()

    def test_unpaired_files_are_reported_and_the_other_cases_are_prepared(self, decathlon, tmp_path):
        (decathlon / "imagesTr" / "case_000.nii.gz").unlink()
        (decathlon / "labelsTr" / "case_001.nii.gz").unlink()
        for side in ("imagesTr", "labelsTr"):
            (decathlon / side / "case_002.nii.gz").unlink()
        (decathlon / "imagesTr" / "case_003.nii.gz").write_bytes(b"junk")
        dataset = prepare_folder(decathlon, tmp_path / "d")
        assert sorted(found_rules(dataset)) == ["NII101", "PRP101", "PRP102", "PRP103"]
        assert {finding.where[:13] for finding in dataset.findings} == {f"case case_00{i}" for i in range(4)}
        assert len(list((tmp_path / "d" / "cases").iterdir())) == 4

    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            (lambda voxels: voxels + 5, "PRP202"),
            (lambda voxels: np.where(voxels > 0, np.nan, 0.0).astype(np.float32), "NII106"),
            (lambda voxels: voxels * 0.5, "NII107"),
        ],
        ids=["value without a name", "NaN", "fractions"],
    )
    def test_an_invalid_label_excludes_only_its_own_case(self, decathlon, tmp_path, change, rule):
        path = decathlon / "labelsTr" / "case_004.nii.gz"
        label = read_image(path)
        write_image(path, change(label.voxels).astype(np.float32), label.grid)
        dataset = prepare_folder(decathlon, tmp_path / "d")
        assert found_rules(dataset) == [rule]
        assert "case_004" in dataset.findings[0].where
        assert len(list((tmp_path / "d" / "cases").iterdir())) == 7

    def test_a_label_on_another_grid_excludes_its_case_and_reports_the_distance(self, decathlon, tmp_path):
        path = decathlon / "labelsTr" / "case_005.nii.gz"
        label = read_label(path)
        moved = np.array(label.grid.affine)
        moved[0, 3] += 0.5
        write_image(path, label.voxels, Grid(label.grid.shape, moved))
        dataset = prepare_folder(decathlon, tmp_path / "d")
        assert found_rules(dataset) == ["PRP201"]
        assert "corners 0.5 mm apart" in dataset.findings[0].found

    def test_a_sheared_image_is_prepared_with_a_warning(self, decathlon, tmp_path):
        for folder in ("imagesTr", "labelsTr"):
            path = sorted((decathlon / folder).glob("*.nii.gz"))[0]
            read = read_image if folder == "imagesTr" else read_label
            image = read(path)
            affine = np.array(image.grid.affine)
            affine[:3, 2] += 0.3 * affine[:3, 1]
            write_image(path, image.voxels, Grid(image.grid.shape, affine))
        dataset = prepare_folder(decathlon, tmp_path / "out")
        assert found_rules(dataset) == ["PRP204"]

    def test_float32_rounding_in_a_header_is_not_another_grid(self, decathlon, tmp_path):
        path = decathlon / "labelsTr" / "case_005.nii.gz"
        label = read_label(path)
        moved = np.array(label.grid.affine)
        moved[:3, 3] += 1e-5
        write_image(path, label.voxels, Grid(label.grid.shape, moved))
        assert found_rules(prepare_folder(decathlon, tmp_path / "d")) == []

    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            ({"labels": {"background": 0, "box": "one"}}, "PRP106"),
            ({"labels": ["box"]}, "PRP106"),
            ({"training": ["case_000"]}, "PRP106"),
            ({"modality": None}, "PRP106"),
            ({"modality": {"0": "T1", "1": "T2"}}, "PRP105"),
        ],
    )
    def test_an_invalid_dataset_json_is_refused(self, decathlon, change, rule):
        path = decathlon / "dataset.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(Refusal, match=rule):
            read_raw_dataset(decathlon, None, None, None)

    def test_a_data_set_without_a_valid_case_is_refused(self, decathlon, tmp_path):
        for path in (decathlon / "labelsTr").iterdir():
            path.unlink()
        with pytest.raises(Refusal, match="PRP104"):
            prepare_folder(decathlon, tmp_path / "d")
        assert not (tmp_path / "d" / "dataset.json").exists()

    def test_unpaired_files_of_a_real_data_set_are_reported(self, tmp_path, shared_data):
        real, outliers = shared_data("hippocampus"), shared_data("hippocampus_outliers")
        root = tmp_path / "set"
        names = [f"hippocampus_{i}" for i in ("001", "003", "004", "006", "007")]
        for side in ("imagesTr", "labelsTr"):
            (root / side).mkdir(parents=True)
            for name in names:
                (root / side / f"{name}.nii.gz").symlink_to(real / side / f"{name}.nii.gz")
            for path in (outliers / side).iterdir():
                (root / side / path.name).symlink_to(path)
        # the 512 x 512 label of another anatomy, given a hippocampus for an image
        (root / "imagesTr" / "hippocampus_281.nii.gz").symlink_to(real / "imagesTr" / "hippocampus_008.nii.gz")
        (root / "dataset.json").write_text((real / "dataset.json").read_text())
        dataset = prepare_folder(root, tmp_path / "d")
        found = {(f.rule, f.where) for f in dataset.findings if f.rule != "PRP103"}
        assert found == {
            ("PRP101", "case hippocampus_118"),
            ("PRP102", "case hippocampus_010"),
            ("PRP201", "case hippocampus_281"),
        }
        assert sorted(path.name for path in (tmp_path / "d" / "cases").iterdir()) == names


class TestRerun:
    def test_the_data_set_is_the_same_for_any_number_of_workers(self, decathlon, tmp_path):
        contents = {
            prepare_folder(
                decathlon, tmp_path / f"d{workers}", PrepareSettings(splits=SplitSettings(folds=2), workers=workers)
            ).content_sha256
            for workers in (1, 2)
        }
        assert len(contents) == 1

    def test_a_second_run_rewrites_no_case(self, decathlon, tmp_path):
        prepare_folder(decathlon, tmp_path / "d")
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "d" / "cases").glob("*/*")}
        prepare_folder(decathlon, tmp_path / "d")
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "d" / "cases").glob("*/*")} == before

    def test_a_changed_image_changes_its_case_and_the_content_hash(self, decathlon, tmp_path):
        first = prepare_folder(decathlon, tmp_path / "d")
        path = decathlon / "imagesTr" / "case_002.nii.gz"
        image = read_image(path)
        image.voxels[0, 0, 0] += 1
        write_image(path, image.voxels, image.grid)
        assert prepare_folder(decathlon, tmp_path / "d").content_sha256 != first.content_sha256

    def test_a_kill_leaves_a_folder_that_the_same_command_finishes(self, tmp_path):
        root = write_decathlon(tmp_path / "decathlon", 24, (40, 40, 30))
        whole = prepare_folder(root, tmp_path / "whole")
        output = tmp_path / "killed"
        command = [
            sys.executable,
            "-m",
            "gnomon",
            "prepare",
            f"input={root}",
            f"output={output}",
            "preparation.workers=1",
            "preparation.splits.folds=2",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(list(output.glob("cases/case_*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        written = list(output.glob("cases/case_*"))
        assert written, "killed too early to prove anything"
        assert not (output / "dataset.json").exists(), "killed too late to prove anything"
        for place in written:
            assert {path.name for path in place.iterdir()} >= {"image.npy", "label.npy", "foreground.npy", "case.json"}
            json.loads((place / "case.json").read_text())
        with pytest.raises(Refusal, match="ART101"):
            read_dataset(output)
        assert prepare_folder(root, output).content_sha256 == whole.content_sha256


class TestAnnotated:
    def test_annotated_structures_stay_with_the_case_and_reach_the_batch(self, tmp_path, decathlon):
        (tmp_path / "annotated.json").write_text('{"case_000": [], "case_001": ["box"]}')
        settings = replace(ONE, annotated=str(tmp_path / "annotated.json"))
        dataset = prepare_folder(decathlon, tmp_path / "out", settings)
        assert read_case(dataset.folder, "case_000").annotated == ()
        assert read_case(dataset.folder, "case_001").annotated == (1,)
        assert read_case(dataset.folder, "case_002").annotated is None
        assert dataset.content_sha256 != prepare_folder(decathlon, tmp_path / "all").content_sha256
        patches = Patches(dataset, 1, DataSettings(), training=True)
        annotated = [patches[PatchKey(0, 0, f"case_00{i}", True)].annotated.tolist() for i in range(3)]
        assert annotated == [[True, False], [True, True], [True, True]]

    @pytest.mark.parametrize("text", ['{"case_000": ["liver"]}', '{"nobody": ["box"]}'])
    def test_unknown_annotated_names_are_refused(self, tmp_path, decathlon, text):
        (tmp_path / "annotated.json").write_text(text)
        with pytest.raises(Refusal, match="PRP305"):
            prepare_folder(decathlon, tmp_path / "out", replace(ONE, annotated=str(tmp_path / "annotated.json")))

    def test_structures_that_were_not_annotated_are_not_evaluated(self, tmp_path):
        grid = Grid.from_parts((4, 4, 4), (1, 1, 1))
        label = np.zeros((4, 4, 4), np.uint8)
        label[:2] = 1
        for kind in ("truth", "found"):
            for name in ("x", "y"):
                write_image(tmp_path / kind / f"{name}.nii.gz", label * (2 if kind == "found" else 1), grid)
        truth = {name: tmp_path / "truth" / f"{name}.nii.gz" for name in ("x", "y")}
        done = evaluate(truth, tmp_path / "found", SCHEME, tmp_path / "out", EvaluateSettings(workers=1), {"x": ["a"]})
        assert [(row["case"], row["label"]) for row in done.rows] == [("x", "a"), ("y", "a"), ("y", "b")]


class TestDescriptions:
    def read_description(self, decathlon, **description):
        (decathlon / "dataset.json").write_text(json.dumps(description))
        return read_raw_dataset(decathlon, None, None, None)

    def test_nnunets_dataset_json_and_file_names_are_read(self, decathlon):
        for path in sorted((decathlon / "imagesTr").iterdir()):
            path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
        source = self.read_description(
            decathlon, channel_names={"0": "CT"}, labels={"background": 0, "box": 1, "ignore": 2}, file_ending=".nii.gz"
        )
        assert (source.modality, source.labels.names, source.labels.ignore) == ("CT", ("box",), 2)
        assert [case.name for case in source.cases] == [f"case_{i:03d}" for i in range(8)]
        assert not source.findings

    def test_regions_are_refused(self, decathlon):
        with pytest.raises(Refusal, match="regions"):
            self.read_description(decathlon, channel_names={"0": "MRI"}, labels={"background": 0, "whole": [1, 2]})
