"""Settings of the evaluation."""

from __future__ import annotations

import re

from gnomon.core.settings import section, setting, subsection

CONNECTIVITIES = (6, 18, 26)


@section
class LesionSettings:
    """How lesions are separated and matched."""

    labels: list[str] = setting([], "Structures that are evaluated per lesion.")
    rule: str = setting(
        "any",
        "When lesions match: any (one shared voxel), iou (one-to-one pairs of at least `iou`, best sum), or voronoi "
        "(each predicted voxel belongs to the nearest reference lesion; CC-Metrics, Jaus et al., 2024).",
        choices=("any", "iou", "voronoi"),
    )
    iou: float = setting(0.1, "Smallest intersection over union of a matched pair, with rule iou.", bounds=(0, 1))
    connectivity: int = setting(26, "Neighbours of a voxel in a connected component.", choices=CONNECTIVITIES)


@section
class EvaluateSettings:
    """How predictions are compared with references."""

    tolerance_mm: float = setting(
        1.0,
        "Tolerance of the surface Dice (NSD), for structures that tolerances_mm does not name.",
        bounds=(0, 1e4),
        unit="mm",
    )
    tolerances_mm: dict[str, float] | None = setting(
        None, "Tolerance by structure, as {liver: 2.0}.", bounds=(0, 1e4), unit="mm"
    )
    engine: str = setting(
        "fast", "How surfaces are measured; mesh is exact and a few times slower.", choices=("fast", "mesh")
    )
    regions: dict[str, list[str]] | None = setting(
        None, "Unions of labels that are evaluated too, as {whole tumour: [oedema, core]}."
    )
    lesions: LesionSettings = subsection(LesionSettings)
    boundary_mm: float | None = setting(
        None, "Width of the band of the boundary IoU; null: not measured.", bounds=(0, 1e4), unit="mm"
    )
    tubes: list[str] = setting([], "Tubular structures, whose centrelines are compared (clDice).")
    probabilities: str | None = setting(
        None,
        "Folder with a subfolder of NIfTI files per label, for calibration and confidences of lesions; null: neither.",
    )
    calibration_band_mm: float = setting(
        5.0, "Distance on either side of the surface within which calibration is measured.", bounds=(0, 1e4), unit="mm"
    )
    subgroups: str | None = setting(
        None, "CSV file with a column case, volume_id or patient, and columns to group by; volumes.csv is one."
    )
    on_mismatch: str = setting(
        "reorient",
        "Prediction on another grid: error (scored worst), reorient (the same voxels in another order, lossless), or "
        "resample (any grid; what lies outside the reference is counted).",
        choices=("error", "reorient", "resample"),
    )
    criteria: str | None = setting(
        None,
        "YAML file of acceptance criteria, as [{label: liver, measure: dice, of: lower, at_least: 0.9}]; null: none.",
    )
    challenge: str | None = setting(
        None,
        "Compute the scores of a public challenge too, from the label values alone; null: none.",
        choices=("brats_gli", "brats_met", "brats_men", "kits23", "flare22", "autopet"),
    )
    challenge_fixed: bool = setting(False, "Without the known errors of the challenge's script.")
    patient_pattern: str | None = setting(
        None,
        "Regular expression that finds the patient in a case's name, for the confidence intervals; null: every case "
        "is its own patient.",
        regular_expression=True,
    )
    workers: int = setting(2, "Processes; the result does not depend on their number.", bounds=(1, 256))

    def patient_of(self, case: str) -> str:
        """The patient of a case, by its name."""
        match = re.search(self.patient_pattern, case) if self.patient_pattern else None
        return match.group(0) if match else case

    @property
    def named_structures(self) -> set[str]:
        """Every structure that a setting names."""
        parts = {part for parts in (self.regions or {}).values() for part in parts}
        return {*(self.tolerances_mm or {}), *self.lesions.labels, *self.tubes, *parts}
