"""What must hold against someone who wants a better number, and against files that are broken."""

from __future__ import annotations

import csv
import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from gnomon.commands.launch import launch
from gnomon.core.geometry import Grid
from gnomon.core.randomness import generator
from gnomon.evaluation import MaskPair, all_measures
from gnomon.evaluation.options import options_for
from gnomon.evaluation.scoring import score_structure, worst_scores
from gnomon.evaluation.summary import summarise
from gnomon.io.images import write_image
from gnomon.settings import EvaluateSettings, LesionSettings

LABELS = ("organ", "lesion")
MATCHING = LesionSettings(["lesion"], rule="iou")
SETTINGS = EvaluateSettings(lesions=MATCHING, boundary_mm=1.5, tubes=["organ"])
MEASURES = all_measures()
BEST = {measure.name: measure.best for measure in MEASURES}


def random_mask(draw, shape):
    kind = draw.integers(0, 5)
    mask = np.zeros(shape, bool)
    if kind == 0:
        return mask
    for _ in range(draw.integers(1, 4)):
        low = [draw.integers(0, size - 1) for size in shape]
        mask[tuple(slice(one, one + draw.integers(1, 4)) for one in low)] = True
    return mask


def row_of(case, patient, label, truth, found, grid, deleted=False):
    options = options_for(SETTINGS, label)
    name = {"case": case, "patient": patient, "label": label}
    if deleted:
        scores = dict.fromkeys(BEST) | worst_scores(grid, options, MEASURES)
        return {**name, "status": "missing", **scores, "reference_mm3": 0.0}
    return {**name, **score_structure(MaskPair(truth, found, grid, options), MEASURES).row}


def aggregates(rows):
    summary = summarise(rows, LABELS, LABELS, len({row["case"] for row in rows}), SETTINGS, MEASURES)
    found = {("mean", "mean Dice"): summary["mean_dice"]}
    for label, values in summary["labels"].items():
        found |= {(label, name): values[name] for name in BEST}
        medians = values["medians"].items()
        found |= {(label, f"median {name}"): None if one is None else one["median"] for name, one in medians}
    return found


def check_not_predicting_never_pays(seed):
    draw = generator(seed, "hostile")
    grid = Grid.from_parts((6, 5, 4), tuple(draw.uniform(0.5, 5, 3)))
    count = int(draw.integers(2, 6))
    masks = {
        (i, label): (random_mask(draw, grid.shape), random_mask(draw, grid.shape))
        for i in range(count)
        for label in LABELS
    }
    patients = [f"p{draw.integers(0, count)}" for _ in range(count)]

    def rows(emptied=None, deleted=None):
        return [
            row_of(
                f"c{i}",
                patients[i],
                label,
                truth,
                np.zeros_like(found) if emptied == (i, label) else found,
                grid,
                deleted=deleted == i,
            )
            for (i, label), (truth, found) in masks.items()
        ]

    before = aggregates(rows())
    victims = [key for key, (truth, _) in masks.items() if truth.any()]
    changed = [aggregates(rows(deleted=int(draw.integers(0, count))))]
    if victims:
        changed.append(aggregates(rows(emptied=victims[int(draw.integers(0, len(victims)))])))
    for after in changed:
        for key, value in before.items():
            name = key[1].removeprefix("median ")
            if value is None or after[key] is None:
                assert after[key] is not None or value is None, key
                continue
            better = after[key] > value + 1e-9 if BEST.get(name, 1.0) else after[key] < value - 1e-9
            assert not better, (seed, key, value, after[key])


def test_not_predicting_never_pays():
    for seed in range(150):
        check_not_predicting_never_pays(seed)


@pytest.mark.slow
def test_not_predicting_never_pays_in_ten_thousand_data_sets():
    for seed in range(10_000):
        check_not_predicting_never_pays(seed)


GRID = Grid.from_parts((12, 14, 20), (1.0, 1.0, 3.0))


def box():
    label = np.zeros(GRID.shape, np.uint8)
    label[3:9, 4:10, 5:15] = 1
    return label


def half_values(path):
    write_image(path, box() * np.float32(0.5), GRID)


def mask_of_255(path):
    write_image(path, box() * np.uint8(255), GRID)


def four_dimensions(path):
    nib.save(nib.Nifti1Image(np.stack([box(), box()], -1), np.array(GRID.affine)), path)


def no_spacing(path):
    write_image(path, box(), GRID)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[80:92] = np.zeros(3, "<f4").tobytes()  # pixdim[1..3]
    content[252:256] = np.array([1, 0], "<i2").tobytes()  # qform alone, which needs them
    path.write_bytes(gzip.compress(bytes(content)))


def flat_affine(path):
    write_image(path, box(), GRID)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[252:254] = np.array([0], "<i2").tobytes()
    content[312:328] = np.zeros(4, "<f4").tobytes()  # the last row of sform
    path.write_bytes(gzip.compress(bytes(content)))


def cut_short(path):
    write_image(path, generator(0, "noise").integers(0, 2, GRID.shape).astype(np.uint8), GRID)
    path.write_bytes(path.read_bytes()[:-200])


def one_slice(path):
    grid = Grid.from_parts((12, 14, 1), (1.0, 1.0, 3.0))
    write_image(path, box()[:, :, 8:9], grid)


def not_finite(path):
    write_image(path, np.where(box() > 0, np.float32("nan"), np.float32(0)), GRID)


def nothing_at_all(path):
    path.write_bytes(b"")


BROKEN = {
    half_values: "NII107",
    mask_of_255: "EVL104",
    four_dimensions: "NII102",
    no_spacing: "NII105",
    flat_affine: "NII105",
    cut_short: "NII101",
    one_slice: "EVL201",
    not_finite: "NII106",
    nothing_at_all: "NII101",
}


@pytest.mark.parametrize("side", ["predictions", "references"])
def test_a_broken_file_has_its_message_and_its_row_and_the_others_finish(tmp_path, capsys, side):
    for name in ("good", "fine", *(make.__name__ for make in BROKEN)):
        for folder in ("references", "predictions"):
            write_image(tmp_path / folder / f"{name}.nii.gz", box(), GRID)
    for make in BROKEN:
        make(tmp_path / side / f"{make.__name__}.nii.gz")
    arguments = [
        f"references={tmp_path / 'references'}",
        f"predictions={tmp_path / 'predictions'}",
        f"output={tmp_path / 'e'}",
        "label_names={box: 1}",
        "evaluation.workers=1",
    ]
    assert launch("evaluate", arguments) == 3
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    with (tmp_path / "e" / "cases.csv").open() as stream:
        rows = {row["case"]: row for row in csv.DictReader(stream)}
    assert len(rows) == 2 + len(BROKEN)
    assert {rows["good"]["dice"], rows["fine"]["dice"]} == {"1.0"}
    findings = [json.loads(line) for line in (tmp_path / "e" / "findings.jsonl").read_text().splitlines()]
    for make, rule in BROKEN.items():
        name = make.__name__
        own = [found["rule"] for found in findings if name in found["where"]]
        if side == "references" and make in (mask_of_255,):
            assert rows[name]["status"] == "spurious", "no label's voxel in the reference"
            continue
        assert rule in own, (name, own)
        expected = "unreadable" if side == "references" and rule.startswith("NII") else ("missed", "refused")
        assert rows[name]["status"] in expected, rows[name]
        if rows[name]["status"] != "unreadable":
            assert float(rows[name]["dice"]) == 0
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())["labels"]["box"]
    assert summary["unreadable"] == sum(row["status"] == "unreadable" for row in rows.values())
    assert (tmp_path / "e" / "report.html").is_file()
