from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import yaml

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.io.images import write_image
from tests.postprocess.toy import LABELS, N_CASES, N_FALSE, N_LESIONS, false_parts, lesions_hit, write_toy

NAMES = "label_names={organ: 1, tumour: 2, rare: 3}"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("toy"))


def fitted(toy, output, *more):
    sides = [f"predictions={toy / 'predictions'}", f"references={toy / 'references'}"]
    code = launch("postprocess", ["fit", *sides, f"output={output}", NAMES, *more])
    rows = json.loads((output / "search.json").read_text())["verdicts"]
    return code, {(row["structure"], row["kind"]): row for row in rows}


def test_without_a_sign_that_tells_them_apart_no_lesion_is_risked(toy, tmp_path, capsys):
    code, verdicts = fitted(toy, tmp_path / "search")
    assert code == 0
    assert not any(row["adopted"] for row in verdicts.values())
    assert yaml.safe_load((tmp_path / "search" / "rules.yaml").read_text())["rules"] == []
    size = verdicts["tumour", "min_volume_mm3"]["reason"]
    assert "not safe" in size and "29 lesions found" in size
    assert "without probabilities" in verdicts["tumour", "min_mean_probability"]["reason"]
    assert "never found" in verdicts["rare", "min_volume_mm3"]["reason"]
    assert "no false part" in verdicts["organ", "keep_k"]["reason"]
    printed = capsys.readouterr().out
    assert "tumour: rejected min_volume_mm3" in printed and "rules.yaml" in printed
    code = launch(
        "postprocess",
        [
            "apply",
            f"rules={tmp_path / 'search' / 'rules.yaml'}",
            f"predictions={toy / 'predictions'}",
            f"output={tmp_path / 'out'}",
        ],
    )
    assert code == 0 and lesions_hit(tmp_path / "out") == N_LESIONS


def test_a_probability_that_separates_them_takes_the_false_ones_and_no_lesion(toy, tmp_path):
    code, verdicts = fitted(toy, tmp_path / "search", f"probabilities={toy / 'probabilities'}")
    assert code == 0
    adopted = {key: row for key, row in verdicts.items() if row["adopted"]}
    assert {structure for structure, _ in adopted} == {"tumour"}
    assert "not safe" in verdicts["tumour", "min_volume_mm3"]["reason"]
    (row,) = adopted.values()
    assert row["gain"]["lower"] > 0 and row["counts"]["lesions_left"] == N_LESIONS
    code = launch(
        "postprocess",
        [
            "apply",
            f"rules={tmp_path / 'search' / 'rules.yaml'}",
            f"predictions={toy / 'predictions'}",
            f"probabilities={toy / 'probabilities'}",
            f"output={tmp_path / 'out'}",
        ],
    )
    assert code == 0
    assert lesions_hit(tmp_path / "out") == N_LESIONS
    assert N_FALSE - false_parts(tmp_path / "out") >= 18
    changes = (tmp_path / "out" / "changes.csv").read_text().splitlines()
    assert len(changes) == 1 + N_FALSE - false_parts(tmp_path / "out")
    assert (tmp_path / "search" / "report.html").stat().st_size > 5000


def test_stock_nnunet_deletes_nine_of_the_lesions(toy, tmp_path):
    """What its own command does with the same predictions, beside which the two tests above stand."""
    command = [
        sys.executable,
        "-c",
        "from nnunetv2.postprocessing.remove_connected_components import "
        "entry_point_determine_postprocessing_folder as run; run()",
        "-i",
        str(toy / "predictions"),
        "-ref",
        str(toy / "references"),
        "-plans_json",
        str(toy / "plans.json"),
        "-dataset_json",
        str(toy / "dataset.json"),
        "-np",
        "1",
    ]
    subprocess.run(command, check=True, capture_output=True)
    after = toy / "predictions" / "postprocessed"
    told = json.loads((toy / "predictions" / "postprocessing.json").read_text())
    before, now = (told[key]["foreground_mean"]["Dice"] for key in ("input_folder", "postprocessed"))
    assert now > before
    assert lesions_hit(toy / "predictions") == N_LESIONS
    assert lesions_hit(after) == 20


def test_a_structure_that_a_patient_has_one_of_needs_no_lesions_to_keep_the_largest(tmp_path):
    grid = Grid.from_parts((20, 20, 10), (1.0, 1.0, 3.0))
    for number in range(12):
        truth = np.zeros(grid.shape, np.uint8)
        truth[4:14, 4:14, 2:8] = 1
        found = truth.copy()
        found[16:18, 16 - number % 4 : 18, 3] = 1
        write_image(tmp_path / "references" / f"{number}.nii.gz", truth, grid)
        write_image(tmp_path / "predictions" / f"{number}.nii.gz", found, grid)
    declared = fitted(tmp_path, tmp_path / "one", "search.organs=[organ]")[1]["organ", "keep_k"]
    assert declared["adopted"] and declared["setting"] == "keep_largest"
    guessed = fitted(tmp_path, tmp_path / "two")[1]["organ", "keep_k"]
    assert not guessed["adopted"] and "12 lesions found" in guessed["reason"]


def test_folds_come_from_the_splits_of_the_data_set_and_what_none_held_out_is_named(toy, tmp_path, capsys):
    names = [f"case_{number:02d}" for number in range(N_CASES)]
    folds = [{"train": names[10:], "val": names[:10]}, {"train": names[:10], "val": names[10:19]}]
    (tmp_path / "splits.json").write_text(json.dumps({"folds": folds, "test": []}))
    code, _ = fitted(toy, tmp_path / "search", f"splits={tmp_path / 'splits.json'}")
    assert code == 0
    rows = (tmp_path / "search" / "parts.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0]: row.split(",")[1] for row in rows} == {
        name: "0" if i < 10 else "1" for i, name in enumerate(names[:19])
    }
    assert "POS107 case case_19" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["fit", NAMES], 2, "USE109 references"),
        (["apply"], 2, "USE109 rules"),
        (["guess"], 2, "USE124"),
        ([], 2, "verb"),
        (["apply", "rules=/nowhere/rules.yaml"], 2, "USE101"),
        (["fit", "references=/nowhere", NAMES], 2, "USE101"),
        (["fit", "references=/nowhere"], 2, "USE101"),
        (["fit", "references=/nowhere", NAMES, "search.kinds=[colour]"], 2, "colour"),
        (["fit", "references=/nowhere", NAMES, "patient_pattern=("], 2, "patient_pattern"),
    ],
)
def test_mistakes_are_told_without_a_traceback(toy, tmp_path, capsys, arguments, code, told):
    more = [f"predictions={toy / 'predictions'}", f"output={tmp_path / 'x'}"]
    assert launch("postprocess", [*arguments, *more]) == code
    said = capsys.readouterr().err
    assert told in said and "Traceback" not in said


def test_the_predictions_themselves_are_never_written_over(toy, tmp_path, capsys):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        yaml.safe_dump(
            {
                "schema": "gnomon/postprocess/1",
                "labels": LABELS,
                "rules": [{"structure": "tumour", "reason": "test", "min_volume_mm3": 1}],
            }
        )
    )
    arguments = [f"rules={rules}", f"predictions={toy / 'predictions'}", f"output={toy / 'predictions'}"]
    assert launch("postprocess", ["apply", *arguments]) == 2
    assert "POS105" in capsys.readouterr().err


def test_a_case_whose_probabilities_are_missing_is_named_and_the_others_are_done(toy, tmp_path, capsys):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        yaml.safe_dump(
            {
                "schema": "gnomon/postprocess/1",
                "labels": LABELS,
                "rules": [{"structure": "tumour", "reason": "test", "min_mean_probability": 0.5}],
            }
        )
    )
    some = tmp_path / "probabilities" / "tumour"
    some.mkdir(parents=True)
    for path in sorted((toy / "probabilities" / "tumour").iterdir())[1:]:
        (some / path.name).symlink_to(path)
    code = launch(
        "postprocess",
        [
            "apply",
            f"rules={rules}",
            f"predictions={toy / 'predictions'}",
            f"probabilities={tmp_path / 'probabilities'}",
            f"output={tmp_path / 'out'}",
        ],
    )
    assert code == 3
    assert "POS103 case case_00" in capsys.readouterr().out
    assert len(list((tmp_path / "out").glob("*.nii.gz"))) == N_CASES - 1
