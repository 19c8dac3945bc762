"""Batches for training: keyed draws, border-safe sampling, augmentation. One's own loop can use `PatchModule` alone.

A batch is a dictionary of tensors, spatial axes in the order x, y, z of the canonical grid (RAS+; the spacing in mm is
`dataset.plan.spacing_mm`, the patch size `dataset.plan.topology.patch`):

| task | key | shape | dtype | holds |
| --- | --- | --- | --- | --- |
| both | `image` | (batch, channels, x, y, z) | float32 | intensities, normalised as `dataset.plan.normalisation` says |
| segmentation | `label` | (batch, x, y, z) | int64 | 0 background, i the i-th label, `labels.n_channels` ignored |
| segmentation | `annotated` | (batch, labels.n_channels) | bool | whether the structure was annotated in the case |
| classification | `class` | (batch,) | int64 | index into `dataset.labels.names` |

A structure that is not annotated in a case may lie anywhere in that case's background. Training batches hold
`dataset.plan.batch` items. Validation batches are the same every time and hold at most as many.
"""

from gnomon.data.datamodule import Items, Patches, PatchModule
from gnomon.data.whole_images import WholeImages

__all__ = ["Items", "PatchModule", "Patches", "WholeImages"]
