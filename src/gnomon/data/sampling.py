"""Choice of patches: pure functions of (seed, epoch, position) that give case and position of each patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

from gnomon.core.randomness import generator
from gnomon.dataset.dataset import Case


@dataclass(frozen=True)
class PatchKey:
    """Identifies one patch of the whole training; everything about it is drawn from this."""

    epoch: int
    position: int
    case: str
    on_foreground: bool


def epoch_keys(
    seed: int, epoch: int, cases: Sequence[str], steps: int, batch: int, foreground_fraction: float
) -> list[list[PatchKey]]:
    """The batches of an epoch: cases in a keyed order, each as often as the others within one.

    The last `round(batch * foreground_fraction)` patches of a batch, at least one, are centred on a structure.
    """
    needed = steps * batch
    order: list[str] = []
    while len(order) < needed:
        deal = generator(seed, "order", epoch, len(order))
        order += [str(name) for name in deal.permutation(sorted(cases))]
    free = batch - max(1, round(batch * foreground_fraction))
    keys = [PatchKey(epoch, i, order[i], i % batch >= free) for i in range(needed)]
    return [keys[i : i + batch] for i in range(0, needed, batch)]


class EpochBatches(Sampler[list[PatchKey]]):
    """Batches of patch keys for the epoch that `current_epoch` names when iteration begins."""

    def __init__(self, batches_of: Callable[[int], list[list[PatchKey]]], current_epoch: Callable[[], int]) -> None:
        self._batches_of = batches_of
        self._current_epoch = current_epoch
        self._length = len(batches_of(0))

    def __iter__(self) -> Iterator[list[PatchKey]]:
        yield from self._batches_of(self._current_epoch())

    def __len__(self) -> int:
        return self._length


def patch_corner(
    draw: np.random.Generator, shape: Sequence[int], patch: Sequence[int], centre: Sequence[int] | None
) -> tuple[int, int, int]:
    """First voxel of a patch; negative where the patch is larger than the case, which is then centred.

    Without a centre, every place inside is as likely. With one, the patch is put so that the centre lies
    at a random place inside it, pushed back into the case at the border: every voxel can be reached.
    """
    corner = []
    for axis in range(3):
        room = shape[axis] - patch[axis]
        if room <= 0:
            corner.append(-((-room) // 2))
        elif centre is None:
            corner.append(int(draw.integers(0, room + 1)))
        else:
            offset = int(draw.integers(patch[axis] // 4, patch[axis] - patch[axis] // 4))
            corner.append(int(np.clip(centre[axis] - offset, 0, room)))
    return corner[0], corner[1], corner[2]


def foreground_voxel(draw: np.random.Generator, case: Case, indices: np.ndarray) -> tuple[int, int, int] | None:
    """A voxel of a structure: the structure drawn evenly among those present, then the voxel among its own.

    Takes the same time for any size of case. None where the case holds no structure.
    """
    present = [channel for channel, count in sorted(case.foreground.items()) if count]
    if not present:
        return None
    chosen = present[int(draw.integers(len(present)))]
    start = sum(case.foreground[channel] for channel in sorted(case.foreground) if channel < chosen)
    flat = int(indices[start + int(draw.integers(case.foreground[chosen]))])
    x, y, z = np.unravel_index(flat, case.canonical.shape)
    return int(x), int(y), int(z)


def cut_patch(volume: np.ndarray, corner: Sequence[int], patch: Sequence[int], beyond: float) -> np.ndarray:
    """The patch at `corner` of the last three axes; voxels outside the volume are `beyond`."""
    lead = volume.shape[:-3]
    out = np.full((*lead, *patch), beyond, dtype=volume.dtype)
    source, target = [], []
    for axis, (start, size) in enumerate(zip(corner, patch)):
        limit = volume.shape[len(lead) + axis]
        first, last = max(start, 0), min(start + size, limit)
        source.append(slice(first, last))
        target.append(slice(first - start, last - start))
    (x, y, z), (to_x, to_y, to_z) = source, target
    out[..., to_x, to_y, to_z] = volume[..., x, y, z]
    return out
