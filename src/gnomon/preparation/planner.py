"""Fingerprint -> plan: target spacing, normalisation, patch, batch, kernels and strides. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import Topology, make_topology
from gnomon.io.artifacts import read_json
from gnomon.preparation.fingerprint import Fingerprint
from gnomon.preparation.nnunet_plan import read_nnunet_plan
from gnomon.preparation.nnunet_planner import nnunet_patch_and_batch
from gnomon.rules.catalogue.preparation import INVALID_PLAN_FILE, PLAN_EXCEEDS_MEMORY
from gnomon.settings import PlanSettings

_ANISOTROPIC = 3.0
_NNUNET_GB = 8.0

StepBytes = Callable[[Topology, int], int]
"""(topology, batch) -> bytes that a training step takes."""


def make_plan(
    found: Fingerprint,
    modality: str,
    settings: PlanSettings,
    channels_out: int = 2,
    step_bytes: StepBytes | None = None,
) -> Plan:
    """The plan for a data set of a modality ('CT' has a unit, Hounsfield; others have none).

    Args:
        channels_out: of the net: the background and each structure.
        step_bytes: memory of a training step, for `settings.memory_gib`.

    Raises:
        Refusal: PRP306, not even the smallest patch fits the memory; PRP308, a file that holds no plan.
    """
    if settings.file is not None:
        return read_plan(Path(settings.file).expanduser(), settings.configuration)
    spacing_mm = _three(settings.spacing_mm) if settings.spacing_mm else target_spacing(found)
    normalisation = _normalisation(found, modality)
    if settings.patch:
        return Plan(spacing_mm, normalisation, make_topology(spacing_mm, settings.patch), settings.batch)
    if settings.planner == "nnunet":
        memory_gb = _NNUNET_GB if settings.memory_gib is None else settings.memory_gib
        return Plan(spacing_mm, normalisation, *nnunet_patch_and_batch(found, spacing_mm, channels_out, memory_gb))
    shape = np.asarray(found.median_shape) * found.median_spacing_mm / np.asarray(spacing_mm)
    shape = np.maximum(1, np.rint(shape)).astype(int)

    def fits(shaped: Topology) -> bool:
        if settings.memory_gib is None or step_bytes is None:
            return bool(np.prod(shaped.patch) <= settings.max_patch_voxels)
        return step_bytes(shaped, settings.batch) <= settings.memory_gib * 2**30

    shaped = fit_topology(spacing_mm, shape, fits)
    if settings.memory_gib is not None and step_bytes is not None and not fits(shaped):
        raise PLAN_EXCEEDS_MEMORY.refusal(
            "preparation.plan.memory_gib",
            found=f"{settings.memory_gib:g} GiB",
            expected=f"at least {step_bytes(shaped, settings.batch) / 2**30:.1f} GiB, for the smallest patch",
        )
    return Plan(spacing_mm, normalisation, shaped, settings.batch)


def whole_image_plan(found: Fingerprint, modality: str, settings: PlanSettings) -> Plan:
    """The plan for images that the net sees whole: so coarse that nine of ten fit the largest patch.

    The finest axes are made coarser first.
    """
    extents_mm = np.percentile(np.asarray(found.shapes) * np.asarray(found.spacings_mm), 90, axis=0)
    spacing = np.array(settings.spacing_mm or found.median_spacing_mm, dtype=np.float64)
    while np.prod(np.ceil(extents_mm / spacing)) > settings.max_patch_voxels and settings.spacing_mm is None:
        spacing[spacing < 1.02 * spacing.min()] *= 1.02
    spacing_mm = _three(np.round(spacing, 4))
    wished = settings.patch or np.ceil(extents_mm / np.asarray(spacing_mm)).tolist()
    return Plan(spacing_mm, _normalisation(found, modality), make_topology(spacing_mm, wished), settings.batch)


def read_plan(path: Path, configuration: str) -> Plan:
    """The plan of a file, for training: a run's, or a configuration of nnU-Net's.

    Raises:
        Refusal: PRP308, the file holds no plan, or one that has no counterpart here.
    """
    values = read_json(path, "a plan")
    if isinstance(values, dict) and str(values.get("schema", "")).startswith("gnomon/plan/"):
        return replace(Plan.from_dict(values["plan"]), orientation="RAS")
    if isinstance(values, dict) and "configurations" in values:
        return replace(read_nnunet_plan(values, configuration, path.name).plan, orientation="RAS")
    raise INVALID_PLAN_FILE.refusal(str(path), found="no plan")


def target_spacing(found: Fingerprint) -> tuple[float, float, float]:
    """Median spacing; a coarse, short axis takes its 10th percentile (nnU-Net's rule).

    An axis is coarse and short where its spacing is above 3 times the others' and its voxels below a third
    of theirs. The percentile is not let below the coarser of the other axes.
    """
    spacing = list(found.median_spacing_mm)
    worst = int(np.argmax(spacing))
    others = [axis for axis in range(3) if axis != worst]
    coarse = spacing[worst] > _ANISOTROPIC * max(spacing[axis] for axis in others)
    short = found.median_shape[worst] * _ANISOTROPIC < min(found.median_shape[axis] for axis in others)
    if coarse and short:
        finest_mm = max(spacing[axis] for axis in others) + 1e-5
        spacing[worst] = max(finest_mm, found.coarse_spacing_mm[worst])
    return _three(spacing)


def fit_topology(
    spacing_mm: tuple[float, float, float], shape: np.ndarray, fits: Callable[[Topology], bool]
) -> Topology:
    """The largest topology that fits: from the median shape (voxels at the target spacing) down.

    Begins like nnU-Net with a block of equal millimetres a side no larger than the shape, then takes
    voxels off the axis that is largest against the shape.
    """
    wished = 1.0 / np.asarray(spacing_mm)
    wished = np.minimum(np.rint(wished * (256**3 / wished.prod()) ** (1 / 3)), shape).astype(int)
    shaped = make_topology(spacing_mm, wished.tolist())
    while not fits(shaped):
        patch = np.asarray(shaped.patch)
        steps = np.asarray(shaped.divisor)
        shrinkable = patch > steps
        if not shrinkable.any():
            break
        axis = int(np.argmax(np.where(shrinkable, patch / shape, -1)))
        patch[axis] -= steps[axis]
        shaped = make_topology(spacing_mm, patch.tolist())
    return shaped


def _normalisation(found: Fingerprint, modality: str) -> Normalisation:
    if modality != "CT":
        return Normalisation("z_score")
    return Normalisation("window", round(found.intensity["p00_5"], 3), round(found.intensity["p99_5"], 3))


def _three(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
