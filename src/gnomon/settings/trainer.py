"""Arguments of Lightning's Trainer that a training passes on, and those that it refuses, with the reason."""

from __future__ import annotations

from typing import Any, ClassVar

from gnomon.core.settings import section, setting


@section
class TrainerSettings:
    """Arguments of Lightning's Trainer that keep the promises of a run."""

    strategy: str = setting(
        "auto",
        "How processes share a batch; auto: DDP where there are several.",
        choices=("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false"),
    )
    limit_train_batches: int | None = setting(
        None,
        "Batches of each epoch that are trained on, a check of the code; null: all.",
        bounds=(1, 1_000_000),
    )
    limit_val_batches: int | None = setting(
        None, "Batches of the validation that are computed; null: all.", bounds=(1, 1_000_000)
    )
    log_every_n_steps: int = setting(10, "Steps between two entries in the trackers.", bounds=(1, 1_000_000))
    enable_model_summary: bool = setting(False, "Print Lightning's summary of the layers.")
    detect_anomaly: bool = setting(False, "Name the operation whose gradient becomes NaN; slow.")

    refused_keys: ClassVar[dict[str, str]] = {
        "accelerator": "set training.accelerator",
        "accumulate_grad_batches": "set training.optimiser.accumulate",
        "barebones": "it switches off the checkpoints that a resumed run needs",
        "benchmark": "it chooses convolution algorithms by their speed, and the same seed gives other bits",
        "callbacks": "add a callback through a module of your own (docs/extending.md)",
        "check_val_every_n_epoch": "best.ckpt and training.patience need the validation of every epoch",
        "default_root_dir": "set output",
        "deterministic": "it is always true: the same seed gives the same bits",
        "devices": "set training.devices",
        "enable_autolog_hparams": "config.yaml and the manifest hold every setting",
        "enable_checkpointing": "a run always keeps the checkpoints that it resumes from",
        "enable_progress_bar": "progress is a bar on a terminal and plain lines elsewhere",
        "fast_dev_run": "it ends without weights; set debug=fast, which runs every stage",
        "gradient_clip_algorithm": "gradients are clipped by their norm, training.optimiser.clip_norm",
        "gradient_clip_val": "set training.optimiser.clip_norm",
        "inference_mode": "it is always true",
        "limit_predict_batches": "predictions are made by gnomon predict, not by the Trainer",
        "limit_test_batches": "held-out cases are evaluated by gnomon evaluate, not by the Trainer",
        "logger": "set trackers.tensorboard and trackers.wandb",
        "max_epochs": "set training.epochs",
        "max_steps": "set training.epochs and training.steps_per_epoch",
        "max_time": "set training.max_minutes",
        "min_epochs": "set training.epochs",
        "min_steps": "set training.epochs",
        "model_registry": "a run stays in its folder",
        "num_nodes": "the processes of a training are started on one machine; set training.devices",
        "num_sanity_val_steps": "metrics.csv begins with the first epoch; set debug=fast, which runs every stage",
        "overfit_batches": "set debug=overfit",
        "plugins": "checkpoints are written whole or not at all by a plugin of ours",
        "precision": "set training.precision",
        "profiler": "set training.profile=true or debug=profile",
        "reload_dataloaders_every_n_epochs": "patches are drawn by key, and loaders hold no state to renew",
        "sync_batchnorm": "the nets have no batch normalisation",
        "use_distributed_sampler": "patches are drawn by key, and each process takes its part of the batch",
        "val_check_interval": "set training.steps_per_epoch: every epoch ends with a validation",
    }

    def batches_per_epoch(self, steps_per_epoch: int) -> int:
        """Batches of an epoch that are trained on, of so many that there are."""
        return steps_per_epoch if self.limit_train_batches is None else min(steps_per_epoch, self.limit_train_batches)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the Trainer, without the strategy."""
        return {
            "limit_train_batches": self.limit_train_batches,
            "limit_val_batches": self.limit_val_batches,
            "log_every_n_steps": self.log_every_n_steps,
            "enable_model_summary": self.enable_model_summary,
            "detect_anomaly": self.detect_anomaly,
        }
