"""Foreground patches per second: our sampler against LabelSampler of TorchIO, alternating.

    python -m benchmarks.sampler [--patches 200]

One case of the given size with three structures; both give the corner and cut the patch out of image and
label; the median of five rounds, taken in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import nibabel as nib
import numpy as np
import torch
import torchio as tio

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.randomness import generator
from gnomon.data.sampling import cut_patch, foreground_voxel, patch_corner
from gnomon.dataset.dataset import Case
from gnomon.preparation.written_cases import foreground_indices

PATCH = (40, 56, 40)


def volume(edge: int) -> tuple[np.ndarray, np.ndarray]:
    label = np.zeros((edge, edge, edge), np.uint8)
    for value, share in ((1, 0.5), (2, 0.25), (3, 0.05)):
        size = max(2, int(edge * share / 2))
        first = edge // 2 - size // 2  # in the middle: near a border LabelSampler finds nothing and raises
        label[first : first + size, first : first + size, first : first + size] = value
    return generator(0, "volume").normal(size=(1, edge, edge, edge)).astype(np.float32), label


def ours(image: np.ndarray, label: np.ndarray, patches: int) -> Callable[[], None]:
    indices, counts = foreground_indices(label, LabelScheme(("a", "b", "c"), (1, 2, 3)))
    grid = Grid.from_parts(label.shape, (1, 1, 1))
    case = Case("x", grid, grid, nib.Nifti1Header(), 0.0, counts)

    def work() -> None:
        for i in range(patches):
            draw = generator(0, "patch", i)
            corner = patch_corner(draw, label.shape, PATCH, foreground_voxel(draw, case, indices))
            cut_patch(image, corner, PATCH, 0.0)
            cut_patch(label, corner, PATCH, 0)

    return work


def theirs(image: np.ndarray, label: np.ndarray, patches: int) -> Callable[[], None]:
    subject = tio.Subject(
        image=tio.ScalarImage(tensor=torch.from_numpy(image)),
        label=tio.LabelMap(tensor=torch.from_numpy(label)[None]),
    )
    sampler = tio.data.LabelSampler(PATCH, "label", {0: 0, 1: 1, 2: 1, 3: 1})

    def work() -> None:
        for _ in sampler(subject, patches):
            pass

    return work


def draws_each(image: np.ndarray, label: np.ndarray, patches: int) -> Callable[[], None]:
    """TorchIO as its queue uses it over many subjects: the map is computed again for every subject."""
    work = theirs(image, label, 1)

    def many() -> None:
        for _ in range(patches):
            work()

    return many


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patches", type=int, default=200)
    patches = parser.parse_args().patches
    few = max(1, patches // 20)
    print("| edge, voxels | ours, patches/s | LabelSampler, one subject | ratio | a subject each | ratio |")
    for edge in (64, 128, 192):
        image, label = volume(edge)
        works = (ours(image, label, patches), theirs(image, label, few), draws_each(image, label, few))
        rounds = [[seconds(work) for work in works] for _ in range(5)]
        mine, one, each = (median(column) for column in zip(*rounds))
        speed, theirs_one, theirs_each = patches / mine, few / one, few / each
        print(
            f"| {edge} | {speed:.0f} | {theirs_one:.0f} | {speed / theirs_one:.0f} | {theirs_each:.1f} | "
            f"{speed / theirs_each:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
