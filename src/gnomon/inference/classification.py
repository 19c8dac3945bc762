"""The prediction stage of classifications: a run and images -> predictions/classes.csv with class probabilities."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from gnomon.core.labels import LabelScheme
from gnomon.dataset.canonicalise import image_in_patch
from gnomon.dataset.dataset import Dataset
from gnomon.dataset.plan import Plan
from gnomon.inference.segmentation import choose_device, find_images
from gnomon.io.artifacts import map_array, read_json, write_rows
from gnomon.io.console import show_progress
from gnomon.io.folders import PredictionsFolder, RunFolder
from gnomon.io.images import read_image
from gnomon.nets import Classifier, build_classifier
from gnomon.rules.catalogue.usage import NO_WEIGHTS
from gnomon.rules.finding import Finding, Refusal
from gnomon.settings import PredictSettings


@dataclass(frozen=True)
class ClassificationModel:
    """A trained classifier with everything needed to use it."""

    net: Classifier
    plan: Plan
    classes: tuple[str, ...]
    device: torch.device

    @torch.inference_mode()
    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Probability of each class of an image (1, x, y, z) as the net sees it."""
        self.net.eval()
        given = torch.from_numpy(np.array(image, np.float32))[None].to(self.device)
        return np.asarray(functional.softmax(self.net(given)[0].double(), dim=0).cpu())


def load_classifier(run: Path, settings: PredictSettings) -> ClassificationModel:
    """Load a finished run. Raises Refusal ART101 or USE105 where its plan or weights are missing."""
    folder = RunFolder(run)
    stored = read_json(folder.plan, "the run")
    if not folder.weights.is_file():
        raise NO_WEIGHTS.refusal(str(folder.weights), found="no such file")
    plan, labels = Plan.from_dict(stored["plan"]), LabelScheme.from_dict(stored["labels"])
    net = build_classifier(stored["net"], plan.topology, stored["channels_in"], len(labels.names))
    net.load_state_dict(load_file(folder.weights))
    device = choose_device(settings.device)
    return ClassificationModel(net.to(device), plan, labels.names, device)


def classify_cases(
    model: ClassificationModel, dataset: Dataset, names: Iterable[str], output: Path
) -> list[dict[str, Any]]:
    """Classify prepared images; writes classes.csv, one row per case."""
    chosen = list(names)
    rows = [
        _row(name, model.classes, model.probabilities(map_array(dataset.folder.case(name) / "image.npy")))
        for name in show_progress(chosen, len(chosen), "classifying")
    ]
    write_rows(PredictionsFolder(output).classes, rows)
    return rows


def read_class_rows(folder: PredictionsFolder) -> list[dict[str, str]]:
    """The rows of classes.csv."""
    with folder.classes.open(newline="") as stream:
        return list(csv.DictReader(stream))


def classify_images(model: ClassificationModel, images: Path, output: Path) -> list[Finding]:
    """Classify every NIfTI image of a folder (or one file); findings name those that could not be.

    Raises:
        Refusal: nothing to classify.
    """
    found = find_images(images)
    findings: list[Finding] = []
    rows: list[Mapping[str, Any]] = []
    for name, path in show_progress(found.items(), len(found), "classifying"):
        try:
            image = read_image(path)
        except Refusal as refusal:
            findings += refusal.findings
            continue
        voxels, _ = image_in_patch(image.voxels, image.grid, model.plan)
        rows.append(_row(name, model.classes, model.probabilities(voxels)))
    write_rows(PredictionsFolder(output).classes, rows, ("case", "class", *(f"p/{name}" for name in model.classes)))
    return findings


def _row(name: str, classes: tuple[str, ...], shares: np.ndarray) -> dict[str, Any]:
    found = classes[int(shares.argmax())]
    return {"case": name, "class": found, **{f"p/{one}": float(share) for one, share in zip(classes, shares)}}
