"""Twenty patients on whom keeping the largest component raises Dice and deletes lesions.

Each has an organ with a tumour on it; patient 0 has nine satellites besides, all of them predicted; in each of the
others one spurious blob of a satellite's size is predicted. A rare structure is there once, and missed.
"""

from __future__ import annotations

import json

import numpy as np

from gnomon.core.components import label_components
from gnomon.core.geometry import Grid
from gnomon.io.images import read_label, write_image

LABELS = {"organ": 1, "tumour": 2, "rare": 3}
SHAPE, SPACING_MM = (48, 40, 24), (1.0, 1.0, 2.0)
N_CASES, N_LESIONS, N_FALSE = 20, 29, 19


def toy_case(number):
    """Reference, prediction and the tumour's probability of a case."""
    draw = np.random.default_rng(number)
    truth = np.zeros(SHAPE, np.uint8)
    truth[6:22, 8:28, 6:18] = 1
    truth[22 : 28 + int(draw.integers(0, 4)), 12:20, 8:15] = 2
    if number == 0:
        for i in range(9):
            x, y = 36 + 5 * (i % 2), 3 + 8 * (i // 2)
            truth[x : x + 3, y : y + 3, 8:11] = 2
    found = truth.copy()
    found[6] = 0
    if number == 1:
        truth[6:9, 32:35, 4:7] = 3
    if number:
        x, y = 36 + int(draw.integers(0, 6)), 6 + int(draw.integers(0, 20))
        found[x : x + 3, y : y + 3, 14:17] = 2
    share = np.zeros(SHAPE, np.float32)
    numbered, count = label_components(found == 2)
    for part in range(1, count + 1):
        inside = numbered == part
        share[inside] = draw.uniform(0.7, 0.95) if (truth[inside] == 2).any() else draw.uniform(0.1, 0.3)
    return truth, found, share


def write_toy(folder):
    """Folders `references`, `predictions` and `probabilities/tumour`, and nnU-Net's two descriptions."""
    grid = Grid.from_parts(SHAPE, SPACING_MM)
    for number in range(N_CASES):
        truth, found, share = toy_case(number)
        name = f"case_{number:02d}"
        write_image(folder / "references" / f"{name}.nii.gz", truth, grid)
        write_image(folder / "predictions" / f"{name}.nii.gz", found, grid)
        write_image(folder / "probabilities" / "tumour" / f"{name}.nii.gz", share, grid)
    (folder / "dataset.json").write_text(
        json.dumps(
            {
                "channel_names": {"0": "CT"},
                "labels": {"background": 0, **LABELS},
                "numTraining": N_CASES,
                "file_ending": ".nii.gz",
                "overwrite_image_reader_writer": "SimpleITKIO",
            }
        )
    )
    (folder / "plans.json").write_text(
        json.dumps(
            {
                "dataset_name": "Dataset900_Toy",
                "plans_name": "nnUNetPlans",
                "image_reader_writer": "SimpleITKIO",
                "label_manager": "LabelManager",
                "configurations": {},
            }
        )
    )
    return folder


def lesions_hit(folder):
    """How many of the tumours of all patients some predicted tumour voxel hits."""
    hit = 0
    for number in range(N_CASES):
        truth = toy_case(number)[0]
        found = read_label(folder / f"case_{number:02d}.nii.gz").voxels
        numbered, count = label_components(truth == 2)
        hit += sum(bool(((numbered == n) & (found == 2)).any()) for n in range(1, count + 1))
    return hit


def false_parts(folder):
    """How many predicted tumours hit nothing."""
    false = 0
    for number in range(N_CASES):
        truth = toy_case(number)[0]
        numbered, count = label_components(read_label(folder / f"case_{number:02d}.nii.gz").voxels == 2)
        false += sum(not (truth[numbered == n] == 2).any() for n in range(1, count + 1))
    return false
