"""The prediction stage of segmentations: a run and images -> predictions/ on each image's own grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.mirroring import safe_mirroring
from gnomon.core.regrid import native_channels, native_values
from gnomon.dataset.canonicalise import canonical_image, outside_value
from gnomon.dataset.dataset import Dataset, read_case
from gnomon.dataset.plan import Plan
from gnomon.inference.sliding_window import predict_probabilities
from gnomon.io.artifacts import map_array, read_json
from gnomon.io.console import show_progress
from gnomon.io.folders import GroupFolder, PredictionsFolder, RunFolder
from gnomon.io.images import image_stem, images_in_folder, read_image, write_like, write_probabilities
from gnomon.nets import build_net
from gnomon.postprocess import RuleSet, add_changes, apply_rules, read_rule_set
from gnomon.rules.catalogue.usage import MISSING_FOLDER, MIXED_ENSEMBLE, NO_WEIGHTS
from gnomon.rules.finding import Finding, Refusal
from gnomon.settings import PredictSettings


@dataclass(frozen=True)
class Model:
    """One trained net or an ensemble, with everything needed to use it."""

    nets: tuple[nn.Module, ...]
    plan: Plan
    labels: LabelScheme
    settings: PredictSettings
    device: torch.device
    rules: RuleSet | None = None

    @property
    def _bfloat16(self) -> bool:
        if self.settings.precision != "auto":
            return self.settings.precision == "bfloat16"
        capable = self.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        return capable and not self.plan.normalisation.of_nnunet

    def probabilities(self, image: np.ndarray, beyond: float) -> np.ndarray:
        """Probabilities (channels, x, y, z) of a canonical image (1, x, y, z), on its grid."""
        shares = (
            predict_probabilities(
                net,
                image,
                self.plan.topology.patch,
                self.labels.n_channels,
                beyond,
                overlap=self.settings.overlap,
                batch=self.settings.batch,
                device=self.device,
                mirror_tta=safe_mirroring(self.labels) if self.settings.mirror_tta else None,
                bfloat16=self._bfloat16,
            )
            for net in self.nets
        )
        total = next(shares)
        for share in shares:
            total += share
        if len(self.nets) > 1:
            total /= len(self.nets)
        return total


def load_model(run: Path, settings: PredictSettings) -> Model:
    """Load a finished run, or a group of runs as an ensemble. Raises Refusal where plan or weights are missing."""
    group = GroupFolder(run)
    if not group.members.is_file():
        return load_ensemble([run], settings)
    members = read_json(group.members, "the group of runs")["members"]
    return load_ensemble([run / str(member["folder"]) for member in members], settings)


def load_ensemble(runs: Sequence[Path], settings: PredictSettings) -> Model:
    """Load finished runs of one data set, whose probabilities are averaged.

    Raises:
        Refusal: ART101 or USE105, a plan or weights are missing; USE121, runs of different data or plans; POS101
            or POS102, rules that cannot be read or are for other labels.
    """
    device = choose_device(settings.device)
    stored = [read_json(RunFolder(run).plan, "the run") for run in runs]
    if any((one["plan"], one["labels"]) != (stored[0]["plan"], stored[0]["labels"]) for one in stored):
        raise MIXED_ENSEMBLE.refusal(str(runs[0].parent), found="runs of different plans or labels")
    plan, labels = Plan.from_dict(stored[0]["plan"]), LabelScheme.from_dict(stored[0]["labels"])
    nets = [_net(RunFolder(run), one, plan, labels, device) for run, one in zip(runs, stored)]
    rules = read_rule_set(Path(settings.postprocess).expanduser(), labels) if settings.postprocess else None
    return Model(tuple(nets), plan, labels, settings, device, rules)


def _net(
    folder: RunFolder, stored: Mapping[str, Any], plan: Plan, labels: LabelScheme, device: torch.device
) -> nn.Module:
    if not folder.weights.is_file():
        raise NO_WEIGHTS.refusal(str(folder.weights), found="no such file")
    net = build_net(stored["net"], plan.topology, stored["channels_in"], labels.n_channels)
    net.load_state_dict(load_file(folder.weights))
    return net.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def choose_device(wanted: str) -> torch.device:
    """The device of a name; `auto` takes a GPU where there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def predict_cases(model: Model, dataset: Dataset, names: Iterable[str], output: Path) -> list[Path]:
    """Predict prepared cases; one file per case, with the header of its image."""
    written = []
    chosen = list(names)
    for name in show_progress(chosen, len(chosen), "predicting"):
        case = read_case(dataset.folder, name)
        image = map_array(dataset.folder.case(name) / "image.npy")
        shares = model.probabilities(image, case.background)
        written.append(_write(model, output, name, shares, case.canonical, case.native, case.header))
    return written


def predict_images(model: Model, images: Path, output: Path) -> list[Finding]:
    """Predict every NIfTI image of a folder (or one file); findings name those that could not be.

    Raises:
        Refusal: nothing to predict.
    """
    found = find_images(images)
    findings: list[Finding] = []
    for name, path in show_progress(found.items(), len(found), "predicting"):
        try:
            image = read_image(path)
        except Refusal as refusal:
            findings += refusal.findings
            continue
        voxels, canonical = canonical_image(image.voxels, image.grid, model.plan)
        shares = model.probabilities(voxels, outside_value(voxels, model.plan.normalisation))
        _write(model, output, name, shares, canonical, image.grid, image.header)
    return findings


def find_images(place: Path) -> dict[str, Path]:
    """The images of a folder, or one file, by name, without padding masks. Refused (USE101) where there are none."""
    found = {image_stem(place): place} if place.is_file() else images_in_folder(place) if place.is_dir() else {}
    found = {name: path for name, path in found.items() if not name.endswith(".padding")}
    if not found:
        raise MISSING_FOLDER.refusal(str(place), found="no NIfTI image", expected="a NIfTI file, or a folder of them")
    return found


def _write(
    model: Model, output: Path, name: str, shares: np.ndarray, canonical: Grid, native: Grid, header: nib.Nifti1Header
) -> Path:
    """Write a case's probabilities, where they are wanted, then its label values."""
    labels = model.labels
    if model.settings.probabilities:
        for label, share in zip(labels.names, shares[1:]):
            path = PredictionsFolder(output).probability(label, name)
            write_probabilities(path, native_values(share, canonical, native), header)
    values: np.ndarray[Any, Any] = labels.values_from_channels(native_channels(shares, canonical, native))
    if model.rules is not None:
        read = {label: shares[1 + labels.names.index(label)] for label in model.rules.reads_probability}
        here = {label: native_values(share, canonical, native) for label, share in read.items()}
        values, changes = apply_rules(model.rules, values, native, here)
        add_changes(PredictionsFolder(output), model.rules, name, changes)
    if max(labels.values) < 256:
        values = values.astype(np.uint8)
    path = output / f"{name}.nii.gz"
    write_like(path, values, header)
    return path
