"""The LightningModule of a classification: classifier, class-balanced loss, recall on validation images."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler

from gnomon.training.module_parts import ModuleParts


class ClassificationModule(pl.LightningModule):
    """Trains a classifier on whole images."""

    def __init__(self, parts: ModuleParts) -> None:
        super().__init__()
        self.net = parts.net.to(memory_format=torch.channels_last_3d)
        self._parts = parts
        self._correct = torch.zeros(2, len(parts.labels))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of (batch, channels, x, y, z)."""
        logits: torch.Tensor = self.net(image.contiguous(memory_format=torch.channels_last_3d))
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """The loss of one batch."""
        logits = self(batch["image"]).float()
        loss = self._parts.loss(logits, batch["class"])
        self.log("loss", loss.detach(), on_step=True, on_epoch=True, batch_size=len(logits), prog_bar=True)
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the norm of the gradient before clipping, and the learning rate."""
        gradients = [value.grad for value in self.net.parameters() if value.grad is not None]
        self.log("gradient_norm", torch.nn.utils.get_total_norm(gradients), on_step=True, on_epoch=True, batch_size=1)
        self.log("learning_rate", optimizer.param_groups[0]["lr"], batch_size=1)

    def on_validation_epoch_start(self) -> None:
        """Reset the counts."""
        self._correct = torch.zeros(2, len(self._parts.labels))

    def validation_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """Count the correct predictions of each class; returns the predicted classes (batch,)."""
        predicted: torch.Tensor = self(batch["image"]).argmax(1)
        for truth, found in zip(batch["class"].tolist(), predicted.tolist()):
            self._correct[0, truth] += truth == found
            self._correct[1, truth] += 1
        return predicted

    def on_validation_epoch_end(self) -> None:
        """Log the recall of each class present, and their mean: guidance during training, not a result."""
        present = self._correct[1] > 0
        recall = self._correct[0] / self._correct[1].clamp(min=1)
        for i, name in enumerate(self._parts.labels):
            if present[i]:
                self.log(f"recall/{name}", recall[i])
        self.log("balanced_accuracy", float(recall[present].mean()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser and its learning-rate schedule."""
        return self._parts.configure_optimizers()
