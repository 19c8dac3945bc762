from __future__ import annotations

import csv

import pytest
import yaml

from gnomon.commands.launch import launch
from gnomon.io.artifacts import write_rows
from gnomon.io.folders import PredictionsFolder, RunFolder
from gnomon.postprocess.folder import CHANGE_COLUMNS
from gnomon.tasks.segmentation import gather_changes
from tests.conftest import TINY


def test_a_group_lists_the_changes_of_the_predictions_that_it_took(tmp_path):
    runs = [RunFolder(tmp_path / f"fold-{i}") for i in range(2)]
    for i, run in enumerate(runs):
        rows = [{"case": case, "structure": "lesion", "done": "removed", "why": f"fold {i}"} for case in "ab"]
        write_rows(PredictionsFolder(run.predictions).changes, rows, ("case", *CHANGE_COLUMNS))
    output = PredictionsFolder(tmp_path / "group")
    gather_changes({"a": runs[0], "b": runs[1], "c": runs[1]}, output)
    rows = list(csv.DictReader(output.changes.open()))
    assert [(row["case"], row["why"]) for row in rows] == [("a", "fold 0"), ("b", "fold 1")]


def test_rules_that_cannot_be_read_stop_a_training_before_it_begins(tmp_path, capsys):
    rules = tmp_path / "rules.yaml"
    arguments = [*TINY, f"workspace={tmp_path}", f"inference.postprocess={rules}"]
    assert launch("train", arguments) == 2
    assert "POS101" in capsys.readouterr().err
    rules.write_text(yaml.safe_dump({"schema": "gnomon/postprocess/1", "rules": [{"structure": "liver"}]}))
    assert launch("train", arguments) == 2
    assert "rule 1" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("kept", [True, False])
def test_a_training_with_rules_predicts_by_them(tmp_path, kept):
    """The liver of a net that has hardly learnt is in many parts; one of each case stays."""
    rules = tmp_path / "rules.yaml"
    rule = {"structure": "liver", "reason": "one liver", "keep_largest": True, "removed_becomes": "background"}
    rules.write_text(yaml.safe_dump({"schema": "gnomon/postprocess/1", "rules": [rule]}))
    more = [f"inference.postprocess={rules}"] if kept else []
    assert launch("train", [*TINY, f"workspace={tmp_path}", f"output={tmp_path / 'run'}", *more]) == 0
    assert PredictionsFolder(tmp_path / "run" / "predictions").changes.is_file() == kept
