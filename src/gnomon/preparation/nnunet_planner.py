"""nnU-Net's patch and batch for a fingerprint (Isensee et al., Nature Methods 2021; default planner of version 2).

The patch starts as a cube in millimetres, clipped to the median case, and the axis that is largest relative to the
median case is shrunk until the feature maps of a plain U-Net fit the memory target. What memory is left enlarges the
batch, up to a share of the data set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnomon.dataset.topology import Topology, make_topology
from gnomon.preparation.fingerprint import Fingerprint

_REFERENCE_VALUES = 560_000_000  # feature values of a batch of 2 that fit the reference memory
_REFERENCE_GB = 8.0
_REFERENCE_BATCH = 2
_SMALLEST_BATCH = 2
_FEATURES, _MAX_FEATURES, _CONVS = 32, 320, 2
_LARGEST_SHARE = 0.05  # of the data set's voxels in a batch


def nnunet_patch_and_batch(
    fingerprint: Fingerprint, spacing_mm: Sequence[float], channels_out: int, memory_gb: float
) -> tuple[Topology, int]:
    """The topology and the batch that nnU-Net plans at a target spacing (x, y, z) for its memory target."""
    median = _median_shape(fingerprint, spacing_mm)
    order = _axis_order(spacing_mm)
    desired = 1 / np.asarray(spacing_mm)
    desired = desired * (256**3 / np.prod(desired)) ** (1 / 3)
    patch = [min(round(edge), limit) for edge, limit in zip(desired.tolist(), median)]
    topology = make_topology(spacing_mm, patch)
    budget = _REFERENCE_VALUES * (memory_gb / _REFERENCE_GB)
    while feature_values(topology, channels_out) / _REFERENCE_BATCH * _SMALLEST_BATCH > budget:
        edges = list(topology.patch)
        axis = order[int(np.argsort([edges[a] / median[a] for a in order])[-1])]
        smaller = list(edges)
        smaller[axis] -= topology.divisor[axis]
        edges[axis] -= make_topology(spacing_mm, smaller).divisor[axis]
        topology = make_topology(spacing_mm, edges)
    batch = round(budget / feature_values(topology, channels_out) * _REFERENCE_BATCH)
    voxels = float(np.prod(np.asarray(median), dtype=np.float64)) * fingerprint.n_cases
    largest = round(voxels * _LARGEST_SHARE / float(np.prod(topology.patch)))
    return topology, max(min(batch, largest), _SMALLEST_BATCH)


def feature_values(topology: Topology, channels_out: int) -> int:
    """Number of values in the feature maps of nnU-Net's plain U-Net for one patch, its estimate of memory."""
    sizes, size = [], np.asarray(topology.patch)
    for stride in topology.strides:
        size = size // np.asarray(stride)
        sizes.append(int(np.prod(size)))
    widths = [min(_FEATURES * 2**stage, _MAX_FEATURES) for stage in range(topology.n_stages)]
    encoder = sum(_CONVS * width * size for width, size in zip(widths, sizes))
    decoder = sum((_CONVS + 1) * width * size for width, size in zip(widths[:-1], sizes[:-1]))
    return int(encoder + decoder + (channels_out * sizes[0] if topology.n_stages > 1 else 0))


def _median_shape(fingerprint: Fingerprint, spacing_mm: Sequence[float]) -> list[float]:
    """Median shape of the cases at the target spacing."""
    shapes = [
        [round(step / target * size) for step, target, size in zip(spacing, spacing_mm, shape)]
        for spacing, shape in zip(fingerprint.spacings_mm, fingerprint.shapes)
    ]
    return [float(value) for value in np.median(shapes, axis=0)]


def _axis_order(spacing_mm: Sequence[float]) -> list[int]:
    """nnU-Net's order of axes, which breaks ties: the coarsest, then the others from z to x."""
    backwards = (2, 1, 0)
    coarsest = backwards[int(np.argmax([spacing_mm[axis] for axis in backwards]))]
    return [coarsest, *(axis for axis in backwards if axis != coarsest)]
