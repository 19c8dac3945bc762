"""The LightningModule of a segmentation: net, deeply supervised loss, Dice on validation patches."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler

from gnomon.training.losses import deep_supervision_loss
from gnomon.training.module_parts import ModuleParts


class SegmentationModule(pl.LightningModule):
    """Trains a net on patches, in the channels-last layout, which is faster on processors."""

    def __init__(self, parts: ModuleParts) -> None:
        super().__init__()
        self.net = parts.net.to(memory_format=torch.channels_last_3d)
        self._parts = parts
        self._counts = torch.zeros(2, len(parts.labels))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits of (batch, channels, x, y, z), the finest resolution first."""
        logits: list[torch.Tensor] = self.net(image.contiguous(memory_format=torch.channels_last_3d))
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """The loss of one batch."""
        loss = deep_supervision_loss(self(batch["image"]), batch["label"], self._parts.loss, batch["annotated"])
        self.log("loss", loss.detach(), on_step=True, on_epoch=True, batch_size=len(batch["label"]), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Reset the counts."""
        self._counts = torch.zeros(2, len(self._parts.labels), dtype=torch.float64)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the norm of the gradient before clipping, and the learning rate."""
        gradients = [value.grad for value in self.net.parameters() if value.grad is not None]
        self.log("gradient_norm", torch.nn.utils.get_total_norm(gradients), on_step=True, on_epoch=True, batch_size=1)
        self.log("learning_rate", optimizer.param_groups[0]["lr"], batch_size=1)

    def validation_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """Count overlap and volume of each structure; returns the predicted channels (batch, x, y, z)."""
        predicted: torch.Tensor = self(batch["image"])[0].argmax(1)
        label = batch["label"]
        for i in range(len(self._parts.labels)):
            known = batch["annotated"][:, i + 1, None, None, None]
            mine, truth = (predicted == i + 1) & known, label == i + 1
            self._counts[0, i] += 2 * (mine & truth).sum().item()
            self._counts[1, i] += mine.sum().item() + truth.sum().item()
        return predicted

    def on_validation_epoch_end(self) -> None:
        """Log Dice over all validation patches together: guidance during training, not a result."""
        dice = self._counts[0] / self._counts[1].clamp(min=1)
        for name, value in zip(self._parts.labels, dice.tolist()):
            self.log(f"patch_dice/{name}", value)
        self.log("patch_dice", float(dice.mean()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser and its learning-rate schedule."""
        return self._parts.configure_optimizers()
