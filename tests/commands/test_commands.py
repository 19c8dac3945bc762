from __future__ import annotations

import json
import os
import re
from pathlib import Path

import hydra
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from gnomon.commands.compose import check_config, configs_folder
from gnomon.commands.launch import DONE, UNPROCESSED, USAGE, launch
from gnomon.commands.sections import COMMANDS
from gnomon.io.images import image_stem, read_grid, read_label
from gnomon.rules.catalogue import all_rules
from gnomon.settings import Config
from tests.conftest import TINY

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted(path.stem for path in (configs_folder() / "experiment").glob("*.yaml"))


def composed(name, overrides=()):
    with initialize_config_dir(str(configs_folder()), version_base="1.3"):
        return compose(name, overrides=list(overrides))


class TestConfigs:
    @pytest.mark.parametrize("experiment", EXPERIMENTS)
    def test_every_experiment_composes_and_fits_the_settings(self, experiment, tmp_path):
        (tmp_path / "table.csv").touch()
        given = ["data.label_names={a: 1}", f"data.classes={tmp_path}/table.csv"]
        config = composed(
            "train", [f"experiment={experiment}", f"data.root={tmp_path}", f"data.labels={tmp_path}", *given]
        )
        assert check_config(Config, config).name == experiment

    @pytest.mark.parametrize("experiment", EXPERIMENTS)
    def test_an_experiment_says_how_it_is_run(self, experiment):
        head = (configs_folder() / "experiment" / f"{experiment}.yaml").read_text().splitlines()[:2]
        assert head[0] == "# @package _global_"
        assert head[1].startswith(f"# python train.py experiment={experiment}")

    def test_no_config_names_a_class_to_be_built(self):
        for path in configs_folder().rglob("*.yaml"):
            assert "_target_" not in path.read_text(), path


class TestMistakes:
    """One clear message, exit code 2, no traceback, nothing half-written."""

    @pytest.mark.parametrize(
        ("command", "arguments", "says"),
        [
            ("train", ["experiment=nope"], "USE133 experiment: found 'nope'; expected .*hippocampus.*phantom"),
            ("train", ["traning.epochs=3"], "USE108 traning: .*expected training, .*--help"),
            ("train", ["training.epochs=many"], r"training\.epochs.*'many'"),
            ("train", ["+training.sped=3"], "Leave out \\+"),
            ("train", ["experiment=hippocampus"], "data.root"),
            ("train", ["experiment=hippocampus", "data.root=/nowhere"], "USE101 /nowhere: found no such file"),
            ("train", ["training=="], "cannot be read; expected KEY=VALUE"),
            ("train", ["training.epochs=0"], "USE115 training.epochs: found 0; expected 1 to 1000000"),
            ("train", ["training.precision=16"], "USE115.*bf16-mixed"),
            ("train", ["training.data.augmentation.scale=0.5"], "USE115.*scale: found 0.5"),
            ("train", ["trackers.wandb=please"], "USE115.*offline, online or off"),
            ("train", ["inference.device=tpu"], "USE115 inference.device.*cpu, auto or cuda"),
            ("train", ["net.features=0"], "USE115 net.features"),
            ("train", ["net.width=3"], "USE108 net.width: found no such setting; expected features"),
            (
                "prepare",
                ["input={tmp}", "output={tmp}/x", "preparation.plan.patch=[8,8]"],
                "USE115 preparation.plan.patch: found 2 values; expected 3 values",
            ),
            (
                "prepare",
                ["input={tmp}", "output={tmp}/x", "preparation.patient_pattern='('"],
                "USE115.*patient_pattern",
            ),
            ("train", ["data.kind=video"], "USE115 data.kind.*phantom, dicom, nifti or prepared"),
            ("prepare", ["input=/nowhere", "output={tmp}/x"], "USE101 /nowhere: found no such folder"),
            ("prepare", ["input={tmp}", "output={tmp}/x"], "USE103.*an empty folder"),
            ("prepare", ["input=/nowhere"], "USE109 output"),
            ("convert", ["input={tmp}", "output={tmp}/x"], "USE102"),
            ("predict", ["run={tmp}", "input={tmp}", "output={tmp}/x"], "ART101"),
            (
                "evaluate",
                ["references=/nowhere", "predictions={tmp}", "output={tmp}/x", "label_names={{a: 1}}"],
                "USE101",
            ),
            ("evaluate", ["references={tmp}", "predictions={tmp}", "output={tmp}/x", "label_names={{a: 0}}"], "USE107"),
            ("destroy", [], "no command 'destroy'"),
        ],
    )
    def test_a_mistake_is_one_message(self, tmp_path, capsys, monkeypatch, command, arguments, says):
        monkeypatch.chdir(tmp_path)
        code = launch(command, [argument.format(tmp=tmp_path) for argument in arguments])
        out, err = capsys.readouterr()
        assert code == USAGE
        assert re.search(says, err, re.DOTALL), err
        assert "Traceback" not in out + err
        assert len(err.strip().splitlines()) <= 2
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_is_one_message(self, decathlon, tmp_path, capsys, monkeypatch):
        def full(_descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        arguments = [
            f"input={decathlon}",
            f"output={tmp_path}/d",
            "preparation.workers=1",
            "preparation.splits.folds=2",
        ]
        assert launch("prepare", arguments) == USAGE
        err = capsys.readouterr().err
        assert "the disk is full" in err
        assert "Traceback" not in err
        assert [path for path in (tmp_path / "d").rglob("*") if path.is_file()] == []

    def test_a_folder_with_another_run_is_not_written_into(self, tiny_run, capsys):
        before = (tiny_run / "config.yaml").read_text()
        code = launch("train", [*TINY, f"workspace={tiny_run.parent}", f"output={tiny_run}", "seed=5"])
        assert code == USAGE
        assert "USE111" in capsys.readouterr().err
        assert (tiny_run / "config.yaml").read_text() == before


class TestCommands:
    def test_help_teaches_every_command(self, capsys):
        for command in COMMANDS:
            assert launch(command, ["--help"]) == DONE
            out = capsys.readouterr().out
            assert out.startswith(f"gnomon {command}")
        launch("train", ["--help"])
        out = capsys.readouterr().out
        assert "learning_rate" in out and "experiment=: acdc, ct, hippocampus, nifti, phantom" in out

    def test_doctor_says_versions_and_decoders(self, capsys):
        assert launch("doctor", []) == DONE
        out = capsys.readouterr().out
        assert "torch" in out and "transfer syntaxes without decoder" in out

    def test_preparing_with_a_stray_ends_with_code_3_unless_it_is_known(self, decathlon, tmp_path, capsys):
        (decathlon / "labelsTr" / "case_001.nii.gz").unlink()
        arguments = [
            f"input={decathlon}",
            f"output={tmp_path}/d",
            "preparation.workers=1",
            "preparation.splits.folds=2",
        ]
        assert launch("prepare", arguments) == UNPROCESSED
        assert "PRP101 case case_001" in capsys.readouterr().out
        assert launch("prepare", [*arguments, "known_findings=[PRP101]"]) == DONE

    def test_converting_with_a_refusal_ends_with_code_3_unless_it_is_known(self, tiny_run, tmp_path, capsys):
        studies = next((tiny_run.parent / "data").iterdir()) / "studies" / "0000"
        arguments = [f"input={studies}", f"output={tmp_path}/v", "conversion.workers=1"]
        assert launch("convert", arguments) == UNPROCESSED
        assert "DCM203 volume" in capsys.readouterr().out
        assert launch("convert", [*arguments, "known_findings=[DCM203]"]) == DONE

    def test_a_run_predicts_converted_volumes_and_is_evaluated(self, tiny_run, tmp_path):
        store = next((tiny_run.parent / "data").iterdir())
        volumes = json.loads((store / "volumes" / "volumes.json").read_text())["volumes"]
        chosen = [row for row in volumes if row["decision"] == "accept"][:2]
        for row in chosen:
            source = store / "volumes" / f"{row['volume_id']}.nii.gz"
            for folder, origin in (("images", source), ("labels", store / "labels" / f"{row['series_uid']}.nii.gz")):
                (tmp_path / folder).mkdir(exist_ok=True)
                (tmp_path / folder / source.name).symlink_to(origin)
        assert launch("predict", [f"run={tiny_run}", f"input={tmp_path}/images", f"output={tmp_path}/p"]) == DONE
        for path in (tmp_path / "images").iterdir():
            assert read_grid(path) == read_grid(tmp_path / "p" / path.name)
        code = launch(
            "evaluate",
            [
                f"references={tmp_path}/labels",
                f"predictions={tmp_path}/p",
                f"output={tmp_path}/e",
                "label_names={liver: 1, spleen: 2, lesion: 3}",
                "evaluation.workers=1",
            ],
        )
        assert code == DONE
        assert json.loads((tmp_path / "e" / "summary.json").read_text())["n_cases"] == 2

    def test_held_out_cases_are_predicted_as_the_predict_command_would(self, tiny_run, tmp_path):
        store = next((tiny_run.parent / "data").iterdir())
        name = image_stem(next((tiny_run / "predictions").iterdir()))
        image = store / "volumes" / f"{name}.nii.gz"
        assert launch("predict", [f"run={tiny_run}", f"input={image}", f"output={tmp_path}/p"]) == DONE
        one, other = (read_label(folder / f"{name}.nii.gz") for folder in (tiny_run / "predictions", tmp_path / "p"))
        assert np.array_equal(one.voxels, other.voxels)
        assert one.grid == other.grid

    def test_hydras_version_is_the_one_the_launcher_was_written_for(self):
        assert hydra.__version__.startswith("1.3")


class TestHouse:
    """What the project says of itself."""

    def test_every_rule_id_in_the_code_is_in_the_catalogue(self):
        named = set()
        for path in (ROOT / "src").rglob("*.py"):
            named |= set(re.findall(r'"([A-Z]{3}\d{3})"', path.read_text()))
        assert named == set(all_rules())

    def test_only_geometry_flips_or_permutes_axes(self):
        forbidden = re.compile(r"\.transpose\(|np\.flip|\.swapaxes\(|\.permute\(|\.T\b|torch\.flip|rot90")
        for path in (ROOT / "src").rglob("*.py"):
            if path.name != "geometry.py":
                assert not forbidden.search(path.read_text()), path

    def test_only_randomness_touches_global_generators(self):
        forbidden = re.compile(
            r"np\.random\.(seed|default_rng|RandomState)|torch\.manual_seed|random\.seed|seed_everything"
        )
        for path in (ROOT / "src").rglob("*.py"):
            if path.name != "randomness.py":
                assert not forbidden.search(path.read_text()), path
