"""Settings of the evaluation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gnomon.core.settings import bounded, chosen
from gnomon.evaluation.challenges import PRESETS
from gnomon.evaluation.gate import POLICIES
from gnomon.evaluation.lesions import LesionSettings
from gnomon.evaluation.mask_pair import MeasureOptions
from gnomon.evaluation.surface import ENGINES


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of the evaluation.

    Attributes:
        tolerance_mm: of the surface Dice (NSD), for every structure that `tolerances_mm` does not name.
        engine: of the surfaces: `fast`, or `mesh`, which is exact and takes a few times as long.
        regions: unions of labels that are judged too, by name.
        lesions: which structures are judged lesion by lesion, and how.
        boundary_mm: width of the band of boundary IoU; None: not measured.
        tubes: structures whose centre lines are compared (clDice).
        probabilities: folder with a folder of NIfTI files a label, for calibration and confidences; None: neither.
        calibration_band_mm: on either side of the reference's surface.
        subgroups: CSV table with a column `case`, `volume_id` or `patient` and others to group by; None: no groups.
        on_mismatch: of a prediction on another grid: `error` scores the worst; `reorient` puts the same voxels in
            order, without loss; `resample` also moves others, and counts what lies outside the reference's block.
        criteria: YAML file of what must be reached; None: nothing is demanded.
        challenge: a public challenge whose own scores are computed too, from the label values alone; None: none.
        challenge_fixed: without what is wrong in the challenge's script.
        patient_pattern: regular expression that finds the patient in a case's name; None: every case its own.
        workers: processes; the result does not depend on it.
    """

    tolerance_mm: float = 1.0
    tolerances_mm: dict[str, float] | None = None
    engine: str = "fast"
    regions: dict[str, list[str]] | None = None
    lesions: LesionSettings = field(default_factory=LesionSettings)
    boundary_mm: float | None = None
    tubes: list[str] = field(default_factory=list)
    probabilities: str | None = None
    calibration_band_mm: float = 5.0
    subgroups: str | None = None
    on_mismatch: str = "reorient"
    criteria: str | None = None
    challenge: str | None = None
    challenge_fixed: bool = False
    patient_pattern: str | None = None
    workers: int = 2

    def __post_init__(self) -> None:
        bounded(self, tolerance_mm=(0, 1e4), boundary_mm=(0, 1e4), calibration_band_mm=(0, 1e4), workers=(1, 256))
        chosen(self, on_mismatch=POLICIES, engine=ENGINES)
        if self.challenge is not None:
            chosen(self, challenge=tuple(PRESETS))
        try:
            re.compile(self.patient_pattern or "")
        except re.error as error:
            raise ValueError(f"patient_pattern {self.patient_pattern!r} ({error})") from None

    def patient_of(self, case: str) -> str:
        """The patient of a case, by its name."""
        match = re.search(self.patient_pattern, case) if self.patient_pattern else None
        return match.group(0) if match else case

    def options_for(self, structure: str) -> MeasureOptions:
        """How a structure is measured."""
        return MeasureOptions(
            tolerance_mm=(self.tolerances_mm or {}).get(structure, self.tolerance_mm),
            engine=self.engine,
            boundary_mm=self.boundary_mm,
            tubular=structure in self.tubes,
            lesions=self.lesions if structure in self.lesions.labels else None,
        )

    @property
    def named_structures(self) -> set[str]:
        """Every structure that a setting names."""
        parts = {part for parts in (self.regions or {}).values() for part in parts}
        return {*(self.tolerances_mm or {}), *self.lesions.labels, *self.tubes, *parts}
