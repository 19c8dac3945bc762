"""Planning: from the fingerprint of a data set to target spacing, normalisation, patch, batch and strides."""

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
"""(topology, batch) -> memory of a training step, in bytes."""


def make_plan(
    fingerprint: Fingerprint,
    modality: str,
    settings: PlanSettings,
    channels_out: int = 2,
    step_bytes: StepBytes | None = None,
) -> Plan:
    """Plan patch, spacing, normalisation and batch for a data set.

    Args:
        modality: 'CT' for Hounsfield units, which are windowed; anything else is normalised by its own statistics.
        channels_out: output channels of the net, the background and each structure.
        step_bytes: memory of a training step, needed for `settings.memory_gib`.

    Raises:
        Refusal: PRP306, even the smallest patch exceeds the memory; PRP308, a file without a plan.
    """
    if settings.file is not None:
        return read_plan(Path(settings.file).expanduser(), settings.configuration)
    spacing_mm = _three(settings.spacing_mm) if settings.spacing_mm else target_spacing(fingerprint)
    normalisation = _normalisation(fingerprint, modality)
    if settings.patch:
        return Plan(spacing_mm, normalisation, make_topology(spacing_mm, settings.patch), settings.batch)
    if settings.planner == "nnunet":
        memory_gb = _NNUNET_GB if settings.memory_gib is None else settings.memory_gib
        return Plan(
            spacing_mm, normalisation, *nnunet_patch_and_batch(fingerprint, spacing_mm, channels_out, memory_gb)
        )
    shape = np.asarray(fingerprint.median_shape) * fingerprint.median_spacing_mm / np.asarray(spacing_mm)
    shape = np.maximum(1, np.rint(shape)).astype(int)

    def fits(candidate: Topology) -> bool:
        if settings.memory_gib is None or step_bytes is None:
            return bool(np.prod(candidate.patch) <= settings.max_patch_voxels)
        return step_bytes(candidate, settings.batch) <= settings.memory_gib * 2**30

    topology = fit_topology(spacing_mm, shape, fits)
    if settings.memory_gib is not None and step_bytes is not None and not fits(topology):
        raise PLAN_EXCEEDS_MEMORY.refusal(
            "preparation.plan.memory_gib",
            found=f"{settings.memory_gib:g} GiB",
            expected=f"at least {step_bytes(topology, settings.batch) / 2**30:.1f} GiB, for the smallest patch",
        )
    return Plan(spacing_mm, normalisation, topology, settings.batch)


def whole_image_plan(fingerprint: Fingerprint, modality: str, settings: PlanSettings) -> Plan:
    """The plan for whole images, with a spacing so coarse that nine of ten images fit the largest patch.

    The axes with the finest spacing are made coarser first.
    """
    extents_mm = np.percentile(np.asarray(fingerprint.shapes) * np.asarray(fingerprint.spacings_mm), 90, axis=0)
    spacing = np.array(settings.spacing_mm or fingerprint.median_spacing_mm, dtype=np.float64)
    while np.prod(np.ceil(extents_mm / spacing)) > settings.max_patch_voxels and settings.spacing_mm is None:
        spacing[spacing < 1.02 * spacing.min()] *= 1.02
    spacing_mm = _three(np.round(spacing, 4))
    desired = settings.patch or np.ceil(extents_mm / np.asarray(spacing_mm)).tolist()
    return Plan(spacing_mm, _normalisation(fingerprint, modality), make_topology(spacing_mm, desired), settings.batch)


def read_plan(path: Path, configuration: str) -> Plan:
    """Read the plan of a run, or one configuration of nnU-Net's plans.

    Raises:
        Refusal: PRP308, the file has no plan, or one without a counterpart here.
    """
    values = read_json(path, "a plan")
    if isinstance(values, dict) and str(values.get("schema", "")).startswith("gnomon/plan/"):
        return replace(Plan.from_dict(values["plan"]), orientation="RAS")
    if isinstance(values, dict) and "configurations" in values:
        return replace(read_nnunet_plan(values, configuration, path.name).plan, orientation="RAS")
    raise INVALID_PLAN_FILE.refusal(str(path), found="no plan")


def target_spacing(fingerprint: Fingerprint) -> tuple[float, float, float]:
    """Median spacing; on a coarse, short axis the 10th percentile (nnU-Net's rule).

    An axis is coarse and short if its spacing is more than 3 times that of the others and its number of voxels less
    than a third of theirs. The result never drops below the coarser of the other axes.
    """
    spacing = list(fingerprint.median_spacing_mm)
    worst = int(np.argmax(spacing))
    others = [axis for axis in range(3) if axis != worst]
    coarse = spacing[worst] > _ANISOTROPIC * max(spacing[axis] for axis in others)
    short = fingerprint.median_shape[worst] * _ANISOTROPIC < min(fingerprint.median_shape[axis] for axis in others)
    if coarse and short:
        finest_mm = max(spacing[axis] for axis in others) + 1e-5
        spacing[worst] = max(finest_mm, fingerprint.coarse_spacing_mm[worst])
    return _three(spacing)


def fit_topology(
    spacing_mm: tuple[float, float, float], shape: np.ndarray, fits: Callable[[Topology], bool]
) -> Topology:
    """The largest topology that fits, at most of the median shape (voxels at the target spacing).

    Like nnU-Net, it starts with a cube in millimetres, clipped to the median shape, and shrinks the axis that is
    largest relative to the median shape.
    """
    desired = 1.0 / np.asarray(spacing_mm)
    desired = np.minimum(np.rint(desired * (256**3 / desired.prod()) ** (1 / 3)), shape).astype(int)
    topology = make_topology(spacing_mm, desired.tolist())
    while not fits(topology):
        patch = np.asarray(topology.patch)
        steps = np.asarray(topology.divisor)
        shrinkable = patch > steps
        if not shrinkable.any():
            break
        axis = int(np.argmax(np.where(shrinkable, patch / shape, -1)))
        patch[axis] -= steps[axis]
        topology = make_topology(spacing_mm, patch.tolist())
    return topology


def _normalisation(fingerprint: Fingerprint, modality: str) -> Normalisation:
    if modality != "CT":
        return Normalisation("z_score")
    return Normalisation("window", round(fingerprint.intensity["p00_5"], 3), round(fingerprint.intensity["p99_5"], 3))


def _three(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
