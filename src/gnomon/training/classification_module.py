"""The LightningModule of a classification: an encoder with a head, cross-entropy, its optimiser."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch.nn import functional

from gnomon.nets import Classifier
from gnomon.settings import OptimiserSettings
from gnomon.training.optimisation import optimisation
from gnomon.training.schedule import Progress


class ClassificationModule(pl.LightningModule):
    """Trains a classifier on whole images. Each class weighs alike, however many images it has.

    Args:
        counts: images of each class among those trained on.
    """

    def __init__(
        self,
        net: Classifier,
        names: tuple[str, ...],
        counts: tuple[int, ...],
        optimiser: OptimiserSettings,
        progress: Progress,
    ) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last_3d)
        self._names = names
        self._optimiser = optimiser
        self._progress = progress
        self._weights = torch.tensor([sum(counts) / (len(counts) * max(1, count)) for count in counts])
        self._right = torch.zeros(2, len(names))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of (batch, channels, x, y, z)."""
        logits: torch.Tensor = self.net(image.contiguous(memory_format=torch.channels_last_3d))
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """The loss of one batch."""
        logits = self(batch["image"]).float()
        loss = functional.cross_entropy(logits, batch["class"], self._weights.to(logits.device))
        self.log("loss", loss.detach(), on_step=True, on_epoch=True, batch_size=len(logits), prog_bar=True)
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Tell the trackers how large the gradient is before it is clipped, and the learning rate."""
        gradients = [value.grad for value in self.net.parameters() if value.grad is not None]
        self.log("gradient_norm", torch.nn.utils.get_total_norm(gradients), on_step=True, on_epoch=True, batch_size=1)
        self.log("learning_rate", optimizer.param_groups[0]["lr"], batch_size=1)

    def on_validation_epoch_start(self) -> None:
        """Begin counting."""
        self._right = torch.zeros(2, len(self._names))

    def validation_step(self, batch: dict[str, torch.Tensor], _index: int) -> torch.Tensor:
        """Count what is right of each class; the classes found (batch)."""
        found: torch.Tensor = self(batch["image"]).argmax(1)
        for truth, mine in zip(batch["class"].tolist(), found.tolist()):
            self._right[0, truth] += truth == mine
            self._right[1, truth] += 1
        return found

    def on_validation_epoch_end(self) -> None:
        """Recall of each class that there is, and their mean: a guide while training, not a result."""
        there = self._right[1] > 0
        recall = self._right[0] / self._right[1].clamp(min=1)
        for i, name in enumerate(self._names):
            if there[i]:
                self.log(f"recall/{name}", recall[i])
        self.log("balanced_accuracy", float(recall[there].mean()), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, and its learning rate by step."""
        return optimisation(self.net, self._optimiser, self._progress)
