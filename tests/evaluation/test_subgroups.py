from __future__ import annotations

import csv

import numpy as np
import pytest

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.core.randomness import generator
from gnomon.evaluation import all_measures
from gnomon.evaluation.subgroups import columns_not_grouped, read_table, subgroup_rows
from gnomon.io.images import write_image
from gnomon.rules.finding import Refusal


def rows_of(dices):
    return [
        {"case": f"c{i}", "patient": f"p{i // 2}", "label": "a", "status": "found", "dice": dice, "nsd": dice}
        for i, dice in enumerate(dices)
    ]


def test_each_group_has_its_mean_its_size_and_its_difference_to_the_rest():
    dices = [*generator(0, "x").uniform(0.8, 0.9, 30), *generator(1, "x").uniform(0.6, 0.7, 30)]
    table = "case", {f"c{i}": {"vendor": "A" if i < 30 else "B", "site": "one"} for i in range(60)}
    found = {
        (row["column"], row["group"]): row
        for row in subgroup_rows(rows_of(dices), table, ["a"], all_measures())
        if row["measure"] == "dice"
    }
    assert list(found) == [("vendor", "A"), ("vendor", "B")], "a column of one value parts nothing"
    one = found["vendor", "A"]
    assert (one["n"], one["n_patients"], one["few"]) == (30, 15, False)
    assert one["mean"] == pytest.approx(np.mean(dices[:30]))
    assert one["rest_lower"] < np.mean(dices[:30]) - np.mean(dices[30:]) < one["rest_upper"]
    assert one["rest_lower"] > 0


def test_many_numbers_are_cut_at_their_quartiles_and_what_is_not_told_is_unknown():
    table = "patient", {f"p{i}": {"age": "" if i == 0 else str(20 + i)} for i in range(30)}
    found = [
        row for row in subgroup_rows(rows_of([0.5] * 60), table, ["a"], all_measures()) if row["measure"] == "dice"
    ]
    assert [row["group"] for row in found] == ["21 to 28", "28 to 35", "35 to 42", "42 to 49", "unknown"]
    assert sum(row["n"] for row in found) == 60
    assert [row["few"] for row in found] == [True] * 5


def test_many_values_that_are_no_numbers_group_nothing_and_are_named():
    table = "case", {f"c{i}": {"shape": f"{i} x 3", "site": "AB"[i % 2]} for i in range(20)}
    assert {row["column"] for row in subgroup_rows(rows_of([0.5] * 20), table, ["a"], all_measures())} == {"site"}
    (told,) = columns_not_grouped(table)
    assert told.rule == "EVL121"
    assert "shape" in told.where


@pytest.mark.parametrize("text", ["", "x,y\n1,2\n", "case\na\n", "case,site\na,1\na,2\n", "\xff\x00"])
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Refusal, match="EVL120"):
        read_table(path)


def test_the_command_writes_and_draws_the_groups(tmp_path):
    grid = Grid.from_parts((9, 9, 9), (1, 1, 1))
    for i in range(6):
        truth, found = np.zeros((9, 9, 9), np.uint8), np.zeros((9, 9, 9), np.uint8)
        truth[2:6, 2:6, 2:6] = 1
        found[2 + i // 3 : 6 + i // 3, 2:6, 2:6] = 1
        write_image(tmp_path / "r" / f"c{i}.nii.gz", truth, grid)
        write_image(tmp_path / "p" / f"c{i}.nii.gz", found, grid)
    (tmp_path / "t.csv").write_text(
        "case,kernel\n" + "".join(f"c{i},{'soft' if i < 3 else 'sharp'}\n" for i in range(6))
    )
    arguments = [
        f"references={tmp_path / 'r'}",
        f"predictions={tmp_path / 'p'}",
        f"output={tmp_path / 'e'}",
        "label_names={box: 1}",
        f"evaluation.subgroups={tmp_path / 't.csv'}",
    ]
    assert launch("evaluate", arguments) == 0
    with (tmp_path / "e" / "subgroups.csv").open() as stream:
        rows = {(row["group"], row["measure"]): row for row in csv.DictReader(stream)}
    assert float(rows["soft", "dice"]["mean"]) == 1
    assert float(rows["sharp", "dice"]["to_the_rest"]) == -0.25
    first = (tmp_path / "e" / "report.html").read_bytes(), (tmp_path / "e" / "report.pdf").read_bytes()
    assert b"Subgroups" in first[0]
    assert launch("evaluate", arguments) == 0
    again = (tmp_path / "e" / "report.html").read_bytes(), (tmp_path / "e" / "report.pdf").read_bytes()
    assert first == again, "the same bytes twice"
