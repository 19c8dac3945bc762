"""Pictures of validation patches for the trackers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback

from gnomon.core.geometry import picture_plane, to_display
from gnomon.core.palette import LABEL_COLOURS, rgb
from gnomon.training.trackers import TrackerLogger

_COLOURS = np.array([rgb(colour) for colour in LABEL_COLOURS], np.float32)
_TITLE = "validation: image, reference, prediction"


class ValidationPictures(Callback):
    """After each validation the first patch with reference and prediction, in the axial slice with most foreground."""

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Pass the picture to every tracker."""
        if batch_idx or not trainer.loggers:
            return
        picture = validation_picture(batch["image"][0, 0], batch["label"][0], outputs[0])
        for logger in trainer.loggers:
            if isinstance(logger, TrackerLogger):
                logger.show(_TITLE, picture, trainer.global_step)


def validation_picture(image: torch.Tensor, label: torch.Tensor, found: torch.Tensor) -> NDArray[np.uint8]:
    """Image, reference and prediction side by side, anterior up, in the axial slice with most foreground.

    Args:
        image, label, found: (x, y, z).

    Returns:
        (rows, columns, 3), uint8.
    """
    truth, mine = label.cpu().numpy(), found.cpu().numpy()
    index = int((truth > 0).sum((0, 1)).argmax())
    plane = to_display(picture_plane(image.float().cpu().numpy(), 2, index))
    low, high = np.percentile(plane, [1, 99])
    grey = np.clip((plane - low) / max(float(high - low), 1e-6), 0, 1)[..., None].repeat(3, 2)
    views = [grey]
    for channels in (truth, mine):
        shown = to_display(picture_plane(channels, 2, index))
        colour = _COLOURS[np.where(shown > 0, (shown - 1) % len(_COLOURS), 0)]
        views.append(np.where((shown > 0)[..., None], 0.5 * grey + 0.5 * colour, grey))
    return np.asarray(np.concatenate(views, axis=1) * 255, dtype=np.uint8)
