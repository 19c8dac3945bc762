"""Settings of a training: length, loss, optimiser, patches, augmentation."""

from __future__ import annotations

import math
from typing import Any

from gnomon.core.settings import SettingError, closest_first, section, setting, subsection
from gnomon.settings.names import loss_names

_SHARE = (0, 1)


@section
class LossSettings:
    """What is minimised: the sum of an overlap loss, a voxel-wise loss and weighted extra terms.

    `overlap`, `voxels` and the keys of `extra` name loss terms: `dice`, `tversky`, `cross_entropy`, `focal`, `top_k`,
    `boundary`, or a loss of an installed package (entry-point group `gnomon.losses`).
    """

    overlap: str = setting(
        "dice",
        "Overlap loss: dice, tversky (false negatives and false positives weighted differently), none, or a loss of an "
        "installed package.",
    )
    voxels: str = setting(
        "cross_entropy",
        "Voxel-wise loss: cross_entropy, focal (easy voxels count less), top_k (only the largest losses count), none, "
        "or a loss of an installed package.",
    )
    extra: dict[str, float] = setting(
        {},
        "Weights of further terms by name, as {boundary: 0.1}; boundary is the mean signed distance in mm.",
        bounds=(0, math.inf),
    )
    options: dict[str, Any] = setting({}, "Values for losses of installed packages.")
    regions: dict[str, list[str]] | None = setting(
        None,
        "Unions of labels whose overlap counts instead of the labels', as {whole tumour: [oedema, core]}; the "
        "probability of a region is the sum of its labels'.",
    )
    over_batch: bool = setting(True, "Compute the overlap over the batch as one volume instead of patch by patch.")
    class_weights: tuple[float, ...] = setting(
        (), "Weights of the channels in the voxel-wise loss, background first; []: equal weights.", bounds=(0, math.inf)
    )
    tversky_beta: float = setting(
        0.7, "Weight of false negatives; false positives have 1 - beta; 0.5 is Dice.", bounds=_SHARE
    )
    focal_gamma: float = setting(2.0, "How strongly easy voxels are down-weighted; 0 is cross-entropy.", bounds=(0, 10))
    top_k_fraction: float = setting(0.1, "Fraction of the voxels that counts.", bounds=(1e-6, 1))

    def __post_init__(self) -> None:
        names = loss_names()
        for key, chosen in {"overlap": [self.overlap], "voxels": [self.voxels], "extra": list(self.extra)}.items():
            for name in chosen:
                if name not in names and (name != "none" or key == "extra"):
                    raise SettingError(key, repr(name), closest_first(name, [*names, "none"]))
        if not self.weights:
            raise SettingError("overlap", "none, with voxels none and extra empty", "at least one loss to minimise")

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every term, by name, voxel-wise first."""
        chosen = {name: 1.0 for name in (self.voxels, self.overlap) if name != "none"}
        return {**chosen, **{name: chosen.get(name, 0.0) + weight for name, weight in self.extra.items()}}


@section
class OptimiserSettings:
    """How the weights are optimised."""

    kind: str = setting(
        "adamw",
        "Optimiser; sgd has Nesterov momentum (nnU-Net: learning_rate 0.01, weight_decay 3e-5, schedule poly).",
        choices=("adamw", "sgd"),
    )
    schedule: str = setting(
        "cosine",
        "Learning rate after a linear warm-up: cosine to zero, or poly, (1 - step / steps) ** 0.9.",
        choices=("cosine", "poly"),
    )
    momentum: float = setting(0.99, "Momentum of sgd.", bounds=(0, 0.9999))
    accumulate: int = setting(1, "Batches whose gradients are accumulated for one step.", bounds=(1, 1024))
    learning_rate: float = setting(0.002, "Peak learning rate, reached after warmup_steps.", bounds=(0, 10))
    weight_decay: float = setting(0.01, "Weight decay.", bounds=(0, 10))
    warmup_steps: int = setting(30, "Steps of the linear warm-up.", bounds=(0, 1_000_000))
    clip_norm: float = setting(12.0, "Largest norm of the gradient; larger ones are clipped.", bounds=(1e-6, math.inf))


@section
class AugmentationSettings:
    """How often each augmentation happens, and how strong it is."""

    enabled: bool = setting(True, "Whether to augment.")
    mirror_probability: float = setting(
        0.0, "For each axis that the labels may be mirrored across; left and right labels are swapped.", bounds=_SHARE
    )
    rotation_probability: float = setting(0.4, "Probability of a rotation.", bounds=_SHARE)
    rotation_deg: float = setting(
        15.0, "Largest angle about an axis; 0 about in-plane axes of thick slices.", bounds=(0, 180), unit="degrees"
    )
    scale_probability: float = setting(0.4, "Probability of a zoom.", bounds=_SHARE)
    scale: float = setting(1.18, "Largest factor by which a patch is enlarged or shrunk.", bounds=(1, 4))
    shift: float = setting(
        0.04, "Largest shift as a share of the patch, where it is rotated, scaled or deformed.", bounds=(0, 0.5)
    )
    elastic_probability: float = setting(0.1, "Probability of an elastic deformation.", bounds=_SHARE)
    elastic: float = setting(
        0.2,
        "Largest displacement as a share of the control-point spacing (a quarter of the patch); no folding below 0.4.",
        bounds=(0, 0.4),
    )
    blur_probability: float = setting(0.15, "Probability of a Gaussian blur.", bounds=_SHARE)
    blur_sigma_voxels: float = setting(1.0, "Largest sigma of the blur.", bounds=(0.1, 10), unit="voxels")
    low_resolution_probability: float = setting(0.1, "Probability of a simulated low resolution.", bounds=_SHARE)
    low_resolution_factor: float = setting(
        2.0, "Largest factor on the voxel size, along axes that are not coarse already.", bounds=(1, 8)
    )
    noise_probability: float = setting(0.15, "Probability of Gaussian noise.", bounds=_SHARE)
    noise_std: float = setting(
        0.3, "Largest standard deviation of the noise, in units of the normalised image.", bounds=(0, 10)
    )
    brightness_probability: float = setting(0.3, "Probability of a change of brightness.", bounds=_SHARE)
    brightness: float = setting(0.3, "Largest change of brightness, in units of the normalised image.", bounds=(0, 10))
    contrast_probability: float = setting(0.3, "Probability of a change of contrast.", bounds=_SHARE)
    contrast: float = setting(0.25, "Largest relative change of contrast.", bounds=_SHARE)
    gamma_probability: float = setting(0.3, "Probability of a gamma correction.", bounds=_SHARE)
    gamma: float = setting(1.5, "Largest gamma, or its inverse.", bounds=(1, 10))
    torchio: list[dict[str, Any]] = setting(
        [], "TorchIO transforms applied after these, drawn by key as well, as [{RandomMotion: {degrees: 5}}]."
    )


@section
class DataSettings:
    """How patches are drawn."""

    foreground_fraction: float = setting(0.5, "Share of patches that are centred on a structure.", bounds=_SHARE)
    cases: int | None = setting(
        None,
        "Use only the first so many training cases, and evaluate on them too: a check of the code; null: all.",
        bounds=(1, math.inf),
    )
    workers: int = setting(0, "Loader processes; the patches do not depend on their number.", bounds=(0, 256))
    augment_on: str = setting(
        "auto",
        "Where patches are augmented: in the loader or on the device of the net; auto: on a GPU if there is one. "
        "On one processor the bits are the same.",
        choices=("auto", "loader", "device"),
    )
    augmentation: AugmentationSettings = subsection(AugmentationSettings)


@section
class TrainSettings:
    """How a net is trained."""

    fold: Any = setting(0, "Fold to train on; all trains every fold in turn and keeps the out-of-fold predictions.")
    epochs: int = setting(20, "Number of epochs.", bounds=(1, 1_000_000))
    steps_per_epoch: int = setting(
        50, "Batches per epoch; the state is saved after every epoch.", bounds=(1, 1_000_000)
    )
    max_minutes: float | None = setting(
        None,
        "Time after which the training ends, in place of epochs; the learning rate follows the clock; null: no limit.",
        bounds=(1e-3, 1e6),
        unit="minutes",
    )
    knots: list[list[Any]] = setting(
        [], "(step, share) pairs from the manifest of a run with max_minutes, to repeat it to the bit."
    )
    patience: int = setting(
        0,
        "Epochs without a better Dice on validation patches after which the training ends; 0: never.",
        bounds=(0, 1_000_000),
    )
    start_from: str | None = setting(
        None, "Folder of a run, or weights, to start from; layers that do not fit are initialised anew."
    )
    precision: str = setting(
        "auto",
        "Numeric precision; auto: bf16-mixed where the device computes in bfloat16, else 32-true.",
        choices=("auto", "32-true", "bf16-mixed", "16-mixed"),
    )
    compile: bool = setting(False, "Compile the net with torch.compile; needs a C++ compiler, pays on long runs.")
    activation_checkpointing: bool = setting(
        False, "Recompute activations in the backward pass instead of storing them: less memory, slower."
    )
    ema: float = setting(
        0.99, "Decay of the exponential moving average of the weights, which is what is saved.", bounds=(0, 0.999999)
    )
    accelerator: str = setting("auto", "Accelerator, as Lightning names it.", choices=("auto", "cpu", "gpu"))
    devices: int = setting(1, "Processes that share each batch, one per device.", bounds=(1, 1024))
    module: str | None = setting(
        None, "LightningModule of an installed package (entry-point group gnomon.modules) in place of ours."
    )
    profile: bool = setting(False, "Measure where the time goes, and write profile.txt.")
    loss: LossSettings = subsection(LossSettings)
    optimiser: OptimiserSettings = subsection(OptimiserSettings)
    data: DataSettings = subsection(DataSettings)

    def __post_init__(self) -> None:
        if self.fold != "all" and not (isinstance(self.fold, int) and 0 <= self.fold <= 1000):
            raise SettingError("fold", repr(self.fold), "a number from 0, or all")
        if self.steps_per_epoch % self.optimiser.accumulate:
            multiple = f"a multiple of optimiser.accumulate, {self.optimiser.accumulate}"
            raise SettingError("steps_per_epoch", str(self.steps_per_epoch), multiple)
        if self.knots and self.max_minutes:
            raise SettingError("knots", "knots and max_minutes", "one of them: both set the length")
