"""Settings of the preparation of a data set."""

from __future__ import annotations

from gnomon.core.settings import section, setting, subsection


@section
class PlanSettings:
    """The plan: target spacing, patch and batch. What is null is derived from the data."""

    file: str | None = setting(
        None, "The plan itself: plan.json of a run, or nnUNetPlans.json of nnU-Net; null: made from the data."
    )
    configuration: str = setting("3d_fullres", "Configuration to take from nnU-Net's plans.")
    spacing_mm: list[float] | None = setting(
        None, "Target spacing x, y, z; null: from the data.", bounds=(1e-3, 1e3), length=3, unit="mm"
    )
    patch: list[int] | None = setting(
        None,
        "Patch size x, y, z, padded up to what the strides divide; null: from the data.",
        bounds=(1, 4096),
        length=3,
        unit="voxels",
    )
    planner: str = setting(
        "gnomon", "Who chooses patch and batch: Gnomon, or nnU-Net's own planner.", choices=("gnomon", "nnunet")
    )
    max_patch_voxels: int = setting(
        120_000,
        "Largest patch; bounds memory and the time of a step.",
        bounds=(512, 2**31),
        unit="voxels",
    )
    memory_gib: float | None = setting(
        None,
        "Memory of a training step that bounds the patch instead; with planner nnunet its memory target (null: 8).",
        bounds=(0.1, 1e4),
        unit="GiB",
    )
    batch: int = setting(2, "Patches per step; planner nnunet chooses its own number.", bounds=(1, 4096))


@section
class SplitSettings:
    """How cases are split into folds and a test set, by patient."""

    file: str | None = setting(
        None,
        "JSON file with lists train, val and optionally test, or nnU-Net's splits_final.json; null: drawn by seed.",
    )
    folds: int = setting(5, "Number of folds.", bounds=(2, 1000))
    test_fraction: float = setting(0.0, "Share of patients in the test set, which no fold contains.", bounds=(0, 0.9))
    seed: int = setting(0, "Seed of the split; independent of the seed of the training.", bounds=(0, 2**63))


@section
class PrepareSettings:
    """How volumes or images become a data set to train on."""

    plan: PlanSettings = subsection(PlanSettings)
    splits: SplitSettings = subsection(SplitSettings)
    patient_pattern: str | None = setting(
        None,
        "Regular expression that finds the patient in a case's name; null: every case is its own patient.",
        regular_expression=True,
    )
    annotated: str | None = setting(
        None, "JSON file {case: [structure, ...]} of the structures annotated in each case; null: all of them."
    )
    audit: str = setting(
        "required",
        "DICOM volumes must have passed `gnomon audit`; off: not required, and every report says so.",
        choices=("required", "off"),
    )
    workers: int = setting(2, "Processes; the result does not depend on their number.", bounds=(1, 256))
