"""The LightningModule: a net, its loss, its optimiser. Nothing else."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from gnomon.settings import OptimiserSettings
from gnomon.training.losses import Loss, deep_supervision_loss
from gnomon.training.optimisation import optimisation
from gnomon.training.schedule import Progress


class SegmentationModule(pl.LightningModule):
    """Trains a net on patches. Input channels-last, which is what processors like."""

    def __init__(
        self, net: nn.Module, names: tuple[str, ...], loss: Loss, optimiser: OptimiserSettings, progress: Progress
    ) -> None:
        super().__init__()
        self._loss = loss
        self.net = net.to(memory_format=torch.channels_last_3d)
        self._names = names
        self._optimiser = optimiser
        self._progress = progress
        self._counts = torch.zeros(2, len(names))

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Logits of (batch, channels, x, y, z), the finest resolution first."""
        logits: list[torch.Tensor] = self.net(image.contiguous(memory_format=torch.channels_last_3d))
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """The loss of one batch."""
        loss = deep_supervision_loss(self(batch["image"]), batch["label"], self._loss, batch["annotated"])
        self.log("loss", loss.detach(), on_step=True, on_epoch=True, batch_size=len(batch["label"]), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin counting."""
        self._counts = torch.zeros(2, len(self._names), dtype=torch.float64)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Tell the trackers how large the gradient is before it is clipped, and the learning rate."""
        gradients = [value.grad for value in self.net.parameters() if value.grad is not None]
        self.log("gradient_norm", torch.nn.utils.get_total_norm(gradients), on_step=True, on_epoch=True, batch_size=1)
        self.log("learning_rate", optimizer.param_groups[0]["lr"], batch_size=1)

    def validation_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """Count overlap and volume of each structure; the channels found (batch, x, y, z)."""
        found: torch.Tensor = self(batch["image"])[0].argmax(1)
        label = batch["label"]
        for i in range(len(self._names)):
            known = batch["annotated"][:, i + 1, None, None, None]
            mine, truth = (found == i + 1) & known, label == i + 1
            self._counts[0, i] += 2 * (mine & truth).sum().item()
            self._counts[1, i] += mine.sum().item() + truth.sum().item()
        return found

    def on_validation_epoch_end(self) -> None:
        """Dice over all validation patches together: a guide while training, not a result."""
        dice = self._counts[0] / self._counts[1].clamp(min=1)
        for name, value in zip(self._names, dice.tolist()):
            self.log(f"patch_dice/{name}", value)
        self.log("patch_dice", float(dice.mean()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and its learning rate by step."""
        return optimisation(self.net, self._optimiser, self._progress)
