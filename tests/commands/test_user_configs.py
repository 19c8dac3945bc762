"""A user's own configs/: found beside the command or by --config-dir, and composed with those of Gnomon."""

from __future__ import annotations

import pytest
import yaml

from gnomon.commands.compose import compose, configs_folder, read_request
from gnomon.commands.launch import DONE, USAGE, launch
from gnomon.rules.finding import Refusal
from gnomon.settings import Config

EXPERIMENT = """# @package _global_
defaults:
  - override /net: mine
name: my_experiment
data: {kind: phantom}
training: {epochs: 7}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with an experiment and a net of its own, in which the command runs."""
    for group, name, text in (
        ("experiment", "my_experiment", EXPERIMENT),
        ("net", "mine", "name: plain_unet\nfeatures: 6\nmax_features: 24\nconvs_per_stage: 1\n"),
    ):
        path = tmp_path / "configs" / group / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_of(*arguments):
    return compose("train", Config, read_request(Config, arguments))


def test_experiments_and_nets_beside_the_command_compose_with_ours(project):
    config = config_of("experiment=my_experiment", "debug=fast")
    assert (config.name, config.net["features"]) == ("my_experiment", 6)
    assert config.training.epochs == 1  # debug=fast is ours
    assert config.values["training"]["loss"]["overlap"] == "dice"


def test_a_folder_can_be_named(project, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(Refusal, match="USE133 experiment"):
        config_of("experiment=my_experiment")
    assert config_of("--config-dir", str(project / "configs"), "experiment=my_experiment").training.epochs == 7
    assert config_of(f"--config-dir={project}/configs", "experiment=my_experiment").training.epochs == 7


def test_a_folder_that_does_not_exist_is_refused(capsys):
    assert launch("train", ["--config-dir=/nowhere", "experiment=phantom"]) == USAGE
    assert "USE101 /nowhere: found no such folder" in capsys.readouterr().err


def test_an_unknown_experiment_lists_ours_and_the_users(project):
    with pytest.raises(Refusal, match=r"expected my_experiment, .*hippocampus"):
        config_of("experiment=my_experimnt")


def test_a_file_with_the_name_of_one_of_ours_is_refused_unless_it_is_a_copy(project):
    ours = configs_folder() / "experiment" / "phantom.yaml"
    theirs = project / "configs" / "experiment" / "phantom.yaml"
    theirs.write_bytes(ours.read_bytes())
    assert config_of("experiment=phantom").name == "phantom"
    theirs.write_text(ours.read_text().replace("name: phantom", "name: other"))
    with pytest.raises(Refusal, match=r"USE134 .*phantom\.yaml"):
        config_of("experiment=my_experiment")


def test_a_wrong_setting_in_a_users_experiment_is_named(project):
    path = project / "configs" / "experiment" / "my_experiment.yaml"
    path.write_text(EXPERIMENT.replace("epochs", "epoch"))
    with pytest.raises(Refusal, match=r"USE108 training\.epoch: .*expected epochs"):
        config_of("experiment=my_experiment")


def test_an_experiment_without_its_first_line_is_explained(project):
    path = project / "configs" / "experiment" / "my_experiment.yaml"
    path.write_text("name: my_experiment\n")
    with pytest.raises(Refusal, match="@package _global_"):
        config_of("experiment=my_experiment")


def test_the_resolved_values_need_none_of_the_files(project):
    values = config_of("experiment=my_experiment").values
    assert values["net"] == {"name": "plain_unet", "features": 6, "max_features": 24, "convs_per_stage": 1}
    assert yaml.safe_load(yaml.safe_dump(values)) == values


def test_help_lists_the_users_experiments(project, capsys):
    assert launch("train", ["--help"]) == DONE
    assert "my_experiment" in capsys.readouterr().out
